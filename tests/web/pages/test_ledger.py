"""The ledger: every fire with its outcome, why it did or did not run, and the answer to those that wait."""

from datetime import timedelta
from typing import Any

from app.bootstrap import Services
from app.core.models import Fire, Job
from app.core.statuses import FireOutcome, FireReason
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import HTMX, Markup, Reader


def add_fire(services: Services, job: Job, hours_ago: float, **fields: Any) -> int:
    now = services.clock()
    moment = now - timedelta(hours=hours_ago)
    fire = Fire(job_id=job.id, trigger_id=job.triggers[0].id, scheduled_for=moment, decided_at=now, **fields)
    with services.db.transaction() as session:
        session.add(fire)
    return fire.id


def hold(services: Services, job: Job, hours_ago: float = 2) -> int:
    return add_fire(services, job, hours_ago, outcome=FireOutcome.HELD, reason=FireReason.ASK)


def test_every_fire_is_listed_with_its_run_or_its_reason(
    admin: Reader, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    run_id = play.run(job)
    add_fire(services, job, 3, outcome=FireOutcome.SKIPPED, reason=FireReason.CALENDAR)
    for path in (f"/jobs/{job.uid}/ledger", f"/jobs/{job.uid}"):
        page = admin.page(path)
        assert f"/runs/{run_id}" in page.links()
        assert f"run {run_id}: succeeded" in page.text
        assert "its exclusion calendar takes this time out" in page.text


def test_fifty_fires_to_a_page(admin: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    ids = [add_fire(services, job, number, outcome=FireOutcome.MISSED, reason=FireReason.LATE) for number in range(51)]
    first = admin.page(f"/jobs/{job.uid}/ledger")
    assert f"/jobs/{job.uid}/ledger?before={ids[1]}" in first.links()
    second = admin.page(f"/jobs/{job.uid}/ledger?before={ids[1]}")
    assert [given["id"] for given in second.find("tr") if given.get("id")] == [f"fire-{ids[0]}"]


def test_why_is_answered_in_one_sentence(admin: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    add_fire(services, job, 9, outcome=FireOutcome.SKIPPED, reason=FireReason.CALENDAR)  # at 04:00 in Paris
    whole = admin.page(f"/jobs/{job.uid}/ledger?at=2026-03-02T04:00")
    assert "2026-03-02 04:00 CET" in whole.text
    assert "Skipped: an exclusion calendar takes this time out." in whole.text

    part = admin.part(f"/jobs/{job.uid}/ledger?at=2026-03-02T05:00")
    assert "<html" not in part.text
    assert "The job did not exist yet" in part.text
    assert f"/jobs/{job.uid}/ledger?at=2026-03-02T04:00" in Markup(part.text).links()


def test_a_moment_that_is_none_is_no_fault(admin: Reader, make_job: MakeJob) -> None:
    job = make_job(triggers=[])
    for at in ("soon", "0001-01-01T00:00", "9999-12-31T23:59:59", "2026-02-30T00:00"):
        assert "This is no date and time" in admin.page(f"/jobs/{job.uid}/ledger?at={at}").text
    assert admin.get("/jobs/aaaaaaaaaaa/ledger").status_code == 404


def test_a_fire_that_waits_is_started_late(user: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    fire_id = hold(services, job)
    page = user.page(f"/jobs/{job.uid}")
    assert "A start waits for your answer" in page.text
    assert page.find("form", action=f"/fires/{fire_id}/decide")

    answer = user.post(f"/fires/{fire_id}/decide", {"start": "1", "next": f"/jobs/{job.uid}"})

    assert answer.location == f"/jobs/{job.uid}"
    assert services.runs.get(1).requested_by == "uma"
    assert "waits for your answer" not in user.page(f"/jobs/{job.uid}").text
    assert user.post(f"/fires/{fire_id}/decide", {"start": "0"}).status_code == 409


def test_a_fire_that_waits_is_left_out(user: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    fire_id = hold(services, job)
    assert user.post(f"/fires/{fire_id}/decide", {"start": "0"}).location == "/jobs"
    assert "somebody said no" in user.page(f"/jobs/{job.uid}/ledger").text


def test_an_answer_to_no_fire_is_told(user: Reader, make_job: MakeJob) -> None:
    for fire_id in (7, 10**30):
        assert user.post(f"/fires/{fire_id}/decide", {"start": "1"}).status_code == 404


def test_an_idle_job_is_not_sent_again_until_somebody_answers(
    admin: Reader, services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job()
    fire_id = hold(services, job)
    polled = Markup(admin.get(f"/jobs/{job.uid}").text).find("div", id="job")[0]["hx-get"] or ""
    assert admin.get(polled, headers=HTMX).status_code == 204
    services.ledger.decide(fire_id, False, "ada")
    assert admin.get(polled, headers=HTMX).status_code == 200
