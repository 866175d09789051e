"""Policies in a job's document, and the runs that they lead to."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.policies import Policies
from app.core.retries import RetryPolicy
from app.core.statuses import FailureReason, Recovery, RunStatus
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play, sql

JOBS = "/api/v1/jobs"
RETRY = {"count": 3, "delay_seconds": 30, "factor": 2.0, "max_delay_seconds": 600, "jitter": 0, "on": ["timeout"]}
POLICIES = {
    "overlap": "queue", "overlap_limit": 5, "start_deadline_seconds": 3600, "priority": 10, "pool": "warehouse",
    "retry": RETRY, "attempt_timeout_seconds": 900, "recovery": "ask",
}  # fmt: skip


def create(client: FlaskClient, policies: dict[str, Any]) -> Any:
    body = {"name": "nightly", "job_type": "SQL_EXPORT", "parameters": sql(), "policies": policies}
    return client.post(JOBS, json=body)


def test_policies_are_kept_and_shown(admin_client: FlaskClient, services: Services) -> None:
    services.pools.create("warehouse", 2)

    made = create(admin_client, POLICIES)

    assert (made.status_code, made.get_json()["policies"]) == (201, POLICIES)
    assert admin_client.get(f"{JOBS}/{made.get_json()['uid']}").get_json()["policies"] == POLICIES


def test_what_a_retry_leaves_out_has_its_default(admin_client: FlaskClient) -> None:
    retry = create(admin_client, {"retry": {"count": 2}}).get_json()["policies"]["retry"]

    assert retry == {
        "count": 2, "delay_seconds": 60, "factor": 2.0, "max_delay_seconds": 3600, "jitter": 0.1,
        "on": ["exit", "exception", "timeout", "disk_full", "output_limit", "config"],
    }  # fmt: skip


def test_single_policies_change(admin_client: FlaskClient, services: Services) -> None:
    services.pools.create("warehouse", 2)
    path = f"{JOBS}/{create(admin_client, POLICIES).get_json()['uid']}"
    patch = {"policies": {"overlap": "skip", "retry": {"count": 1}, "pool": None}}

    changed = admin_client.patch(path, json=patch).get_json()["policies"]

    assert changed == POLICIES | {"overlap": "skip", "retry": RETRY | {"count": 1}, "pool": None}
    assert admin_client.patch(path, json={"policies": {"retry": None}}).get_json()["policies"]["retry"] is None


@pytest.mark.parametrize(
    ("policies", "fields"),
    [
        ({"overlap": "none"}, ["policies.overlap"]),
        ({"overlap_limit": "5"}, ["policies.overlap_limit"]),
        ({"overlap_limit": 0, "priority": 1000}, ["policies.overlap_limit", "policies.priority"]),
        ({"pool": "none"}, ["policies.pool"]),
        ({"nonsense": 1}, ["policies.nonsense"]),
        ({"retry": {}}, ["policies.retry.count"]),
        ({"retry": {"count": 1, "jitter": "0"}}, ["policies.retry.jitter"]),
        ({"retry": {"count": 101, "factor": 0.5}}, ["policies.retry.count", "policies.retry.factor"]),
        ({"retry": {"count": 1, "on": ["server_lost"]}}, ["policies.retry.on"]),
        ({"retry": {"count": 1, "on": []}}, ["policies.retry.on"]),
    ],
)
def test_what_is_wrong_is_said_at_its_member(
    admin_client: FlaskClient, services: Services, policies: dict[str, Any], fields: list[str]
) -> None:
    answer = create(admin_client, policies)

    assert answer.status_code == 422
    named = [error["field"].removesuffix(".0") for error in answer.get_json()["errors"]]
    assert named == fields
    assert services.jobs.count() == 0


def test_a_run_tells_its_earlier_attempts_and_what_it_waits_for(
    user_client: FlaskClient, make_job: MakeJob, play: Play
) -> None:
    job = make_job(policies=Policies(retry=RetryPolicy(count=1, delay_seconds=60, jitter=0)))
    play.run(job, RunStatus.FAILED, seconds=10, reason=FailureReason.EXCEPTION, error="no table")

    run = user_client.get("/api/v1/runs/1").get_json()

    assert (run["status"], run["attempts"]) == ("queued", 1)
    assert run["waits_for"] == "attempt 2 begins at 2026-03-02 12:01:10 UTC"
    assert run["earlier_attempts"] == [
        {
            "number": 1, "status": "failed", "reason": "exception", "error": "no table",
            "started_at": "2026-03-02T12:00:00Z", "finished_at": "2026-03-02T12:00:10Z", "host": run["host"],
            "pid": 4711, "last_log": 0,
        }
    ]  # fmt: skip


def test_an_interrupted_run_that_asks_is_answered_once(
    user_client: FlaskClient, make_job: MakeJob, play: Play, clock: FakeClock
) -> None:
    job = make_job(policies=Policies(recovery=Recovery.ASK))
    play.run(job, RunStatus.INTERRUPTED, reason=FailureReason.SERVER_LOST)
    assert [run["id"] for run in user_client.get("/api/v1/runs?asks=true").get_json()["items"]] == [1]

    answer = user_client.post("/api/v1/runs/1/decision", json={"again": True})
    again = user_client.post("/api/v1/runs/1/decision", json={"again": True})

    new = answer.get_json()
    assert (answer.status_code, new["id"], new["status"], new["requested_by"]) == (200, 2, "queued", "uma")
    assert new["scheduled_for"] == user_client.get("/api/v1/runs/1").get_json()["scheduled_for"]
    assert (again.status_code, again.get_json()["code"]) == (409, "not_asking")
    assert user_client.get("/api/v1/runs?asks=true").get_json()["items"] == []


def test_an_interrupted_run_may_be_left_as_it_is(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    play.run(make_job(policies=Policies(recovery=Recovery.ASK)), RunStatus.INTERRUPTED)

    answer = user_client.post("/api/v1/runs/1/decision", json={"again": False}).get_json()

    assert (answer["id"], answer["status"], answer["asks"]) == (1, "interrupted", False)


@pytest.mark.parametrize("body", [{}, {"again": 1}, {"again": "true"}, {"again": True, "start": True}])
def test_an_answer_is_yes_or_no(user_client: FlaskClient, body: dict[str, Any]) -> None:
    assert user_client.post("/api/v1/runs/1/decision", json=body).status_code == 422
