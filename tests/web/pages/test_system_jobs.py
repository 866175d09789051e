"""System jobs on pages: out of the way, and of them only the schedule to edit."""

import pytest

from app.bootstrap import Services
from app.core.job_types import JobTypes
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Reader

ALERT = "/jobs/fUWM1At1TUx"


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes.installed()


@pytest.fixture(autouse=True)
def _system_jobs(services: Services) -> None:
    services.system_jobs.ensure()


def test_they_are_shown_on_demand(admin: Reader, make_job: MakeJob) -> None:
    make_job()

    assert "Housekeeping" not in admin.page("/jobs").text
    shown = admin.page("/jobs?system=on")
    assert "Housekeeping" in shown.text
    assert "nightly visits" in shown.text
    assert [switch["aria-label"] for switch in shown.find("button", role="switch")] == ["nightly visits: on"]


def test_an_empty_list_leads_to_them(admin: Reader) -> None:
    page = admin.page("/jobs")

    assert "No jobs yet" in page.text
    assert "/jobs?system=on" in page.links()


def test_their_runs_are_shown_on_demand_and_with_their_job(admin: Reader, services: Services, play: Play) -> None:
    play.run(services.jobs.get("fUWM1At1TUx"))

    assert "User account expiry alert" not in admin.page("/runs").text
    assert "User account expiry alert" in admin.page("/runs?system=on").text
    assert "/runs/1" in admin.page("/runs?job=fUWM1At1TUx").links()


def test_they_cannot_be_switched_or_deleted(admin: Reader) -> None:
    page = admin.page(ALERT)

    assert "Edit schedule" in page.text
    assert not {"Delete", "Switch off"} & {word.strip() for word in page.text.split("\n")}
    answer = admin.post(f"{ALERT}/delete", {})
    assert answer.status_code == 409
    assert "is a system job that cannot be deleted" in answer.text


def test_the_form_has_the_schedule_alone(admin: Reader, services: Services) -> None:
    form = admin.page(f"{ALERT}/edit")
    assert not form.find("input", name="name")
    [version] = form.find("input", name="version")

    sent = {"version": version["value"], "mode": "cron", "expression": "0 0 5 * * ?", "name": "mine"}
    assert admin.post(f"{ALERT}/edit", sent).status_code == 303

    job = services.jobs.get("fUWM1At1TUx")
    assert (job.name, job.triggers[0].expression) == ("User account expiry alert", "0 0 5 * * ?")


def test_a_clock_change_tells_of_them_no_more_than_the_list(admin: Reader) -> None:
    assert "User account expiry alert" not in admin.page("/clock-changes").text
