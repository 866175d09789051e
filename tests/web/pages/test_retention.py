"""The pages that say how long history is kept."""

import pytest

from app.bootstrap import Services
from app.core.models import Job
from app.core.retention_rules import DEFAULTS, Rules
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Markup, Reader


@pytest.fixture
def job(make_job: MakeJob, play: Play, clock: FakeClock) -> Job:
    """Has run twice, 50 days apart; the first run is 60 days old."""
    made = make_job()
    play.run(made)
    clock.advance(days=50)
    play.run(made)
    clock.advance(days=10)
    return made


def fields(page: Markup) -> dict[str, str]:
    return {
        given["name"] or "": given["value"] or "" for given in page.find("input") if given.get("name") != "csrf_token"
    }


def test_what_rules_remove_is_shown_before_they_do(job: Job, admin: Reader, services: Services) -> None:
    form = fields(admin.page("/retention")) | {"run_days": "30", "run_count": ""}

    asked = admin.post("/retention", form)

    assert asked.status_code == 200
    assert "Please confirm: this removes" in asked.text
    assert services.retention.rules() == DEFAULTS
    [button] = Markup(asked.text).find("button", name="confirmed")

    assert admin.post("/retention", form | {"confirmed": button["value"] or ""}).status_code == 303

    assert services.retention.rules() == Rules(run_days=30, run_count=None)
    page = admin.page("/retention")
    assert fields(page) == form
    assert "These rules remove now" in page.text
    services.retention.work()
    page = admin.page("/retention")
    assert "Nothing is too old now" in page.text
    assert "Runs, with their moments" in page.text


def test_only_what_was_shown_is_confirmed(job: Job, admin: Reader, services: Services) -> None:
    form = fields(admin.page("/retention"))
    [button] = Markup(admin.post("/retention", form | {"run_days": "55"}).text).find("button", name="confirmed")

    answer = admin.post("/retention", form | {"run_days": "5", "confirmed": button["value"] or ""})

    assert (answer.status_code, "Please confirm" in answer.text) == (200, True)
    assert services.retention.rules() == DEFAULTS


def test_rules_that_remove_nothing_are_saved_at_once(job: Job, admin: Reader, services: Services) -> None:
    assert "Nothing is removed before" in admin.page("/retention").text
    form = fields(admin.page("/retention")) | {"log_bytes": "5", "folder_bytes": "2000", "folder_percent": "60"}

    assert admin.post("/retention", form).status_code == 303

    assert services.retention.rules() == Rules(log_bytes=5_000_000, folder_bytes=2_000_000_000, folder_percent=60)
    assert "Nothing is removed before" not in admin.page("/retention").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"run_days": "soon"}, "A whole number, or nothing."),
        ({"log_days": "0"}, "Must be from 1 to"),
        ({"log_lines": ""}, "Must be from 100 to"),
    ],
)
def test_a_form_that_is_wrong_comes_back(wrong: dict[str, str], words: str, admin: Reader, services: Services) -> None:
    answer = admin.post("/retention", fields(admin.page("/retention")) | wrong)

    assert (answer.status_code, words in answer.text) == (422, True)
    assert services.retention.rules() == DEFAULTS


def test_a_job_may_differ(job: Job, admin: Reader, services: Services) -> None:
    path = f"/jobs/{job.uid}/retention"
    form = fields(admin.page(path))
    assert set(form.values()) == {""}

    asked = admin.post(path, form | {"run_count": "1", "log_days": "all"})
    assert "Please confirm: this removes" in asked.text
    [button] = Markup(asked.text).find("button", name="confirmed")
    admin.post(path, form | {"run_count": "1", "log_days": "all", "confirmed": button["value"] or ""})

    assert services.retention.differing(job.uid) == {"run_count": 1, "log_days": None}
    assert fields(admin.page(path)) == form | {"run_count": "1", "log_days": "all"}
    assert admin.post(path, {"run_days": "none"}).status_code == 422
    assert admin.post(path, form).status_code == 303
    assert services.retention.differing(job.uid) == {}


def test_users_see_no_retention(job: Job, user: Reader) -> None:
    assert user.get("/retention").status_code == 403
    assert user.get(f"/jobs/{job.uid}/retention").status_code == 403
    assert "/retention" not in user.page("/runs").links()
