"""The next clock changes and what they do to the jobs."""

from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec
from tests.web.conftest import ZONE, MakeJob
from tests.web.pages.conftest import Reader


def nightly(zone: str, **policy: str) -> TriggerSpec:
    return TriggerSpec(TriggerKind.CRON, zone, expression="0 30 2 ? * *", dialect="quartz", **policy)


def test_every_zone_in_use_tells_its_next_change_and_whom_it_touches(admin: Reader, make_job: MakeJob) -> None:
    job = make_job("moved", triggers=[nightly(ZONE)])
    make_job("left out", triggers=[nightly(ZONE, gap="skip")])
    make_job("twice", triggers=[nightly("Australia/Sydney", overlap="both")])
    make_job("calm", triggers=[nightly("Asia/Tokyo")])
    make_job("off", triggers=[nightly("America/Chicago")], enabled=False)

    page = admin.page("/clock-changes")

    assert "Sunday 29 March 2026" in page.text
    assert "Forward by 1 h (CET to CEST): the times from 02:00 to 03:00 do not exist." in page.text
    assert "2 triggers in this zone, 2 of them touched" in page.text
    assert "Fires at 03:00 CEST" in page.text
    assert "Does not fire at the times left out" in page.text
    assert "Back by 1 h (AEDT to AEST): the times from 02:00 to 03:00 come twice." in page.text
    assert "Fires in both passes of the hour" in page.text
    assert "Its clocks stay as they are" in page.text
    assert "Chicago" not in page.text
    assert f"/jobs/{job.uid}" in page.links()


def test_calendars_and_previews_lead_there(admin: Reader) -> None:
    assert "/clock-changes" in admin.page("/calendars").links()
    preview = admin.post("/preview", {"mode": "cron", "expression": "0 30 2 29 3 ?", "timezone": ZONE})
    assert "/clock-changes" in preview.text


def test_without_a_schedule_there_is_nothing_to_change(admin: Reader) -> None:
    assert "No job has a schedule yet" in admin.page("/clock-changes").text
