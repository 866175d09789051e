"""Every address of the reference document exists, and every answer that it prints comes as printed."""

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from tests.web.conftest import MakeJob

REFERENCE = {
    "/api/": {"status": "alive"},  # alive
    "/api/schedule": None,  # the document repeats the line of `alive` here: the real server has this address
    "/api/add/{id}": {"message": "Scheduler: task job added!"},
    "/api/delete/{id}": {"message": "Scheduler: task job deleted!"},
    "/api/run/{id}": {"message": "Scheduler: task job started!"},
    "/api/run/{id}/delay/5": {"message": "Scheduler: task scheduled!"},
    "/api/delete": {"message": "Scheduler: all jobs deleted!"},
    "/api/pause": {"message": "Scheduler: all jobs paused!"},
    "/api/resume": {"message": "Scheduler: all jobs resumed!"},
    "/api/shutdown": {"message": "Scheduler: scheduler shutdown!"},
    "/api/kill": {"message": "Scheduler: scheduler killed!"},
    "/api/jobs": None,
    "/api/details": None,
    "/api/scheduled": None,
    "/api/delete-orphans": {"message": "Scheduler: orphans deleted!"},
}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("path", "body"), REFERENCE.items(), ids=REFERENCE.keys())
def test_every_address_answers(
    path: str, body: dict[str, str] | None, slash: str, method: str, client: FlaskClient, job: Job
) -> None:
    answer = client.open(path.format(id=job.id).rstrip("/") + slash, method=method)

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    if body is None:
        assert isinstance(answer.get_json(), list)
    else:
        assert answer.get_json() == body


def test_the_error_page(client: FlaskClient) -> None:
    """``{"error": "messsage"}`` for 404 and 500."""
    answer = client.get("/api/blah")

    assert (answer.status_code, answer.get_json().keys()) == (404, {"error"})


def test_the_hours_of_the_chart(client: FlaskClient) -> None:
    """``['now', <now + 1>, <now + 2>, etc]``, and 0 where needed."""
    chart = client.get("/api/schedule").get_json()

    assert [item["case"] for item in chart][:3] == ["now", "14:00", "15:00"]
    assert [item["count"] for item in chart] == [0] * 25
