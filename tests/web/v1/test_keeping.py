"""/api/v1/jobs/UID/keep, and pins."""

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from tests.web.conftest import CSV, MakeJob, Play

NONE = {"days": None, "count": None, "bytes": None, "deletes": []}


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Has made two results."""
    made = make_job()
    play.run(made, content=CSV, seconds=10)
    play.run(made, content=CSV, seconds=10)
    return made


def test_a_rule_is_tried_stored_and_shown(admin_client: FlaskClient, job: Job) -> None:
    path = f"/api/v1/jobs/{job.uid}/keep"
    assert admin_client.get(path).get_json() == NONE

    tried = admin_client.put(f"{path}?dry_run=true", json={"count": 1})

    doomed = {
        "id": 1, "name": "visits.csv", "size": len(CSV), "created_at": "2026-03-02T12:00:10Z",
        "reason": "more than 1",
    }  # fmt: skip
    assert (tried.status_code, tried.get_json()) == (200, NONE | {"count": 1, "deletes": [doomed]})
    assert admin_client.get(path).get_json() == NONE

    assert admin_client.put(path, json={"count": 1}).get_json() == tried.get_json()
    assert admin_client.get(path).get_json() == tried.get_json()


def test_a_pinned_result_says_so(user_client: FlaskClient, job: Job) -> None:
    shown = user_client.get("/api/v1/results/1").get_json()

    assert user_client.post("/api/v1/results/1/pin").get_json() == shown | {"pinned": True}
    assert user_client.post("/api/v1/results/1/unpin").get_json() == shown
    assert user_client.post(f"/api/v1/results/{10**30}/pin").status_code == 404


@pytest.mark.parametrize("body", [{"days": 0}, {"count": "3"}, {"bytes": 10**400}, {"weeks": 3}])
def test_a_rule_that_is_wrong_is_refused(body: object, admin_client: FlaskClient, job: Job) -> None:
    answer = admin_client.put(f"/api/v1/jobs/{job.uid}/keep", json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
    assert admin_client.get(f"/api/v1/jobs/{job.uid}/keep").get_json() == NONE


def test_a_user_changes_no_rule(user_client: FlaskClient, job: Job) -> None:
    assert user_client.put(f"/api/v1/jobs/{job.uid}/keep", json={"days": 1}).status_code == 403
