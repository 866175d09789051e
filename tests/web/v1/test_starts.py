"""POST /api/v1/jobs/<uid>/runs, and what became of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.ports import Logged, LogLine
from app.core.runs import RunFilter
from tests.web.conftest import MakeJob, Play

KEY = {"Idempotency-Key": "from-the-nightly-cron-2026-03-02"}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job()


def start(client: FlaskClient, job: Job, **options: Any) -> Any:
    return client.post(f"/api/v1/jobs/{job.uid}/runs", **options)


def test_a_user_starts_a_job(user_client: FlaskClient, job: Job) -> None:
    answer = start(user_client, job)

    assert answer.status_code == 201
    assert answer.headers["Location"] == "http://localhost/api/v1/runs/1"
    shown = user_client.get("/api/v1/runs/1").get_json()
    assert answer.get_json() == shown
    assert (shown["status"], shown["origin"], shown["requested_by"]) == ("queued", "manual", "uma")
    assert shown["parameters"] == job.parameters


def test_parameters_are_for_this_run_only(user_client: FlaskClient, services: Services, job: Job) -> None:
    answer = start(user_client, job, json={"parameters": {"maxRows": "7"}})

    assert answer.get_json()["parameters"] == job.parameters | {"maxRows": 7}
    assert services.jobs.get(job.uid).parameters == job.parameters


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"parameters": {"maxRows": 0}}, "parameters.maxRows"),
        ({"parameters": {"nonsense": 0}}, "parameters.nonsense"),
        ({"parameters": []}, "parameters"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_cannot_be_starts_nothing(
    body: Any, field: str, user_client: FlaskClient, services: Services, job: Job
) -> None:
    answer = start(user_client, job, json=body)

    assert (answer.status_code, [one["field"] for one in answer.get_json()["errors"]]) == (422, [field])
    assert services.runs.list(RunFilter()) == []


def test_a_running_job_is_not_started_again(user_client: FlaskClient, job: Job) -> None:
    start(user_client, job)

    answer = start(user_client, job)

    assert (answer.status_code, answer.get_json()["code"]) == (409, "already_running")


# Idempotency-Key


def test_the_same_key_gives_the_same_run_for_good(
    user_client: FlaskClient, services: Services, job: Job, play: Play
) -> None:
    first = start(user_client, job, headers=KEY)
    services.engine.dispatch()
    play.end(play.executor.assignments[-1])
    services.jobs.disable(job.uid, "ada")

    second = start(user_client, job, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["Location"] == first.headers["Location"]
    assert (second.get_json()["id"], second.get_json()["status"]) == (first.get_json()["id"], "succeeded")
    assert len(services.runs.list(RunFilter())) == 1


def test_another_key_is_another_start(
    user_client: FlaskClient, services: Services, job: Job, make_job: MakeJob
) -> None:
    other = make_job("other")
    start(user_client, job, headers=KEY)

    assert start(user_client, other, headers=KEY).status_code == 201
    assert start(user_client, job, headers={"Idempotency-Key": "another"}).status_code == 409
    assert start(user_client, job).status_code == 409
    assert len(services.runs.list(RunFilter())) == 2


def test_a_key_that_started_nothing_is_still_free(user_client: FlaskClient, services: Services, job: Job) -> None:
    run_id = start(user_client, job).get_json()["id"]
    refused = start(user_client, job, headers=KEY)
    services.runs.cancel(run_id, "ada")

    again = start(user_client, job, headers=KEY)

    assert (refused.status_code, again.status_code) == (409, 201)


def test_a_key_is_for_one_thing(user_client: FlaskClient, job: Job) -> None:
    start(user_client, job, headers=KEY, json={"parameters": {"maxRows": 5}})

    answer = start(user_client, job, headers=KEY, json={"parameters": {"maxRows": 6}})

    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [
        {
            "field": "Idempotency-Key",
            "message": "this key was used for a start with other parameters",
            "code": "key_reused",
        }
    ]
    assert start(user_client, job, headers=KEY, json={"parameters": {"maxRows": 5}}).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "ä"])
def test_a_key_that_cannot_be(key: str, user_client: FlaskClient, services: Services, job: Job) -> None:
    answer = start(user_client, job, headers={"Idempotency-Key": key})

    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert services.runs.list(RunFilter()) == []


# Log


def test_a_log_is_read_in_parts(user_client: FlaskClient, services: Services, job: Job, play: Play) -> None:
    assignment = play.begin(job)
    at = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    lines = [LogLine(at, "info", f"line {number}") for number in (1, 2, 3)]
    services.engine.deliver([Logged(assignment.run_id, assignment.token, lines)])
    services.engine.record()
    path = f"/api/v1/runs/{assignment.run_id}/log"

    first = user_client.get(f"{path}?limit=2").get_json()
    rest = user_client.get(f"{path}?cursor={first['next']}").get_json()
    nothing_new = user_client.get(f"{path}?cursor={rest['next']}").get_json()
    play.end(assignment)
    over = user_client.get(f"{path}?cursor={rest['next']}").get_json()

    assert first["items"][0] == {
        "number": 1, "at": "2026-03-02T12:00:01Z", "level": "info", "message": "line 1"
    }  # fmt: skip
    assert [[line["number"] for line in page["items"]] for page in (first, rest, nothing_new)] == [[1, 2], [3], []]
    assert (first["next"], rest["next"], nothing_new["next"], over) == ("2", "3", "3", {"items": [], "next": None})
    assert user_client.get("/api/v1/runs/99/log").status_code == 404
