"""Pauses on the pages: begun, shown wherever they hold, ended."""

import pytest

from app.bootstrap import Services
from app.core.statuses import PauseScope
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, every
from tests.web.pages.conftest import Markup, Reader


def test_a_job_is_paused_from_its_page_and_resumed(admin: Reader, make_job: MakeJob, services: Services) -> None:
    job = make_job("nightly")
    [path] = [link for link in admin.page(f"/jobs/{job.uid}").links() if link.startswith("/pauses/new")]
    form = admin.page(path)
    assert "Pause “nightly”" in form.text
    sent = {
        given["name"]: given["value"] for given in form.find("input", type="hidden") if given["name"] != "csrf_token"
    }

    begun = admin.post("/pauses/new", {**sent, "until": "2026-03-02T18:00", "reason": "the database moves"})

    assert begun.location == f"/jobs/{job.uid}"
    page = admin.page(f"/jobs/{job.uid}")
    for words in ("Paused: “nightly”. What runs now goes on.", "the database moves", "2026-03-02 18:00 CET", "by ada"):
        assert words in page.text
    assert "Paused" in Markup(admin.get("/jobs").text).text
    [pause] = services.pauses.current()

    assert admin.post(f"/pauses/{pause.id}/end", {"next": f"/jobs/{job.uid}"}).location == f"/jobs/{job.uid}"
    assert services.pauses.current() == []
    assert "the database moves" in admin.page("/pauses").text  # among those that are over


def test_everything_paused_is_told_on_every_page(admin: Reader, user: Reader, make_job: MakeJob) -> None:
    make_job()
    assert not admin.page("/jobs").find("div", id="paused-all")

    assert admin.post("/pauses/new", {"what": "all", "reason": "move"}).location == "/pauses"

    for path in ("/jobs", "/runs", "/results", "/calendars", "/connections", "/pauses", "/pools"):
        page = user.page(path)
        assert page.find("div", id="paused-all"), path
        assert "Everything is paused by ada: move." in " ".join(page.text.split()), path


def test_a_group_is_chosen_on_the_form(admin: Reader, make_job: MakeJob, services: Services) -> None:
    make_job("a", group="night")
    make_job("b")
    offered = [given["value"] for given in admin.page("/pauses/new").find("option")]
    assert offered == ["all", "group:DEFAULT", "group:night"]

    admin.post("/pauses/new", {"what": "group:night"})

    [pause] = services.pauses.current()
    assert (pause.scope, pause.name) == (PauseScope.GROUP, "night")
    assert "The group “night”" in admin.page("/pauses").text


def test_one_trigger_of_several_is_paused(admin: Reader, make_job: MakeJob, services: Services) -> None:
    job = make_job("a", triggers=[every(60), every(3600)])
    links = [link for link in admin.page(f"/jobs/{job.uid}").links() if "what=trigger:" in link]
    assert len(links) == 2

    admin.post("/pauses/new", {"what": f"trigger:{job.triggers[0].id}"})

    assert [trigger.is_paused for trigger in services.jobs.get(job.uid).triggers] == [True, False]
    assert f"Trigger {job.triggers[0].id} of “a”" in admin.page(f"/jobs/{job.uid}").text


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"what": "all", "until": "soon"}, 422, "“soon” is no date and time"),
        ({"what": "all", "until": "2026-03-02T12:00"}, 422, "The moment must lie in the future."),
        ({"what": "job:none"}, 404, "no job"),
        ({"what": "trigger:x"}, 404, "nothing of this kind"),
        ({"what": f"trigger:{10**30}"}, 404, "nothing of this kind"),
        ({"what": "nonsense"}, 404, "nothing of this kind"),
        ({}, 404, "nothing of this kind"),
    ],
)
def test_what_cannot_be_paused_is_told(
    admin: Reader, services: Services, data: dict[str, str], status: int, words: str
) -> None:
    answer = admin.post("/pauses/new", {"reason": "typed", **data})

    assert answer.status_code == status
    assert words.lower() in Markup(answer.text).text.lower()
    assert services.pauses.current() == []
    if status == 422:
        assert Markup(answer.text).find("input", id="reason", value="typed")


def test_a_pause_ends_once(admin: Reader, services: Services, clock: FakeClock) -> None:
    pause = services.pauses.begin(PauseScope.ALL)
    assert admin.post(f"/pauses/{pause.id}/end").status_code == 303
    assert admin.post(f"/pauses/{pause.id}/end").status_code == 409
    assert admin.post(f"/pauses/{10**30}/end").status_code == 404


def test_a_pause_sends_nobody_to_another_server(admin: Reader) -> None:
    assert admin.post("/pauses/new", {"what": "all", "next": "//evil.example"}).location == "/"
    assert "evil.example" not in admin.get("/pauses/new?what=all&next=//evil.example").text


def test_users_see_pauses_and_change_none(user: Reader, services: Services) -> None:
    pause = services.pauses.begin(PauseScope.ALL)
    assert not user.page("/pauses").find("form", action=f"/pauses/{pause.id}/end")
    for path in ("/pauses/new", f"/pauses/{pause.id}/end"):
        assert user.post(path).status_code == 403
