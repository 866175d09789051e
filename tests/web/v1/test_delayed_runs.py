"""/api/v1/jobs/<uid>/delayed-runs"""

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.runs import RunFilter
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob


@pytest.fixture
def job(make_job: MakeJob, services: Services) -> Job:
    """A companion has asked for a run in an hour and for one in five minutes."""
    made = make_job()
    for minutes in (60, 5):
        services.entries.delay(made.id, minutes)
    return made


def test_they_are_listed(user_client: FlaskClient, job: Job, make_job: MakeJob) -> None:
    assert user_client.get(f"/api/v1/jobs/{job.uid}/delayed-runs").get_json() == {
        "items": [
            {"id": 3, "scheduled_for": "2026-03-02T12:05:00Z"},
            {"id": 2, "scheduled_for": "2026-03-02T13:00:00Z"},
        ]
    }
    other = make_job("other")
    assert user_client.get(f"/api/v1/jobs/{other.uid}/delayed-runs").get_json() == {"items": []}


def test_who_may_run_a_job_takes_them_back(
    user_client: FlaskClient, services: Services, job: Job, clock: FakeClock
) -> None:
    url = f"/api/v1/jobs/{job.uid}/delayed-runs"

    assert user_client.delete(f"{url}/3").status_code == 204

    clock.advance(minutes=5)
    services.fires.wake()
    assert services.runs.list(RunFilter()) == []
    assert [each["id"] for each in user_client.get(url).get_json()["items"]] == [2]
    again = user_client.delete(f"{url}/3")
    assert (again.status_code, again.get_json()["code"]) == (404, "not_found")


def test_one_that_has_begun_is_not_taken_back(
    user_client: FlaskClient, services: Services, job: Job, clock: FakeClock
) -> None:
    clock.advance(minutes=5)
    services.fires.wake()

    answer = user_client.delete(f"/api/v1/jobs/{job.uid}/delayed-runs/3")

    assert answer.status_code == 404
    assert answer.get_json()["detail"] == "no such run waits: it has begun, or somebody has taken it back"
    assert len(services.runs.list(RunFilter())) == 1


def test_triggers_and_other_jobs_runs_stay(
    user_client: FlaskClient, services: Services, job: Job, make_job: MakeJob
) -> None:
    other = make_job("other")

    for uid, number in ((job.uid, 1), (other.uid, 2), (other.uid, 4)):
        assert user_client.delete(f"/api/v1/jobs/{uid}/delayed-runs/{number}").status_code == 404

    assert len(services.entries.list()) == 4
