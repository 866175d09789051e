"""The ledger, runs, and answers to fires that wait, over our own API."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.triggers import cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, Play

HOURLY = cron("0 0 * * * ?", ZONE)


def test_the_ledger_says_what_became_of_each_moment(
    services: Services, make_job: MakeJob, user_client: FlaskClient, clock: FakeClock
) -> None:
    job = make_job(triggers=[HOURLY])
    for _ in range(2):
        clock.advance(hours=1)
        services.fires.wake()

    answer = user_client.get(f"/api/v1/jobs/{job.uid}/fires?limit=1")

    assert answer.status_code == 200
    [item] = answer.get_json()["items"]
    assert item == {
        "id": 2, "job": job.uid, "trigger_id": 1, "scheduled_for": "2026-03-02T14:00:00Z",
        "decided_at": "2026-03-02T14:00:00Z", "outcome": "skipped", "reason": "overlap", "detail": None,
        "blocking_run_id": 1, "run_id": None, "run_status": None, "range_to": None, "count": 1,
    }  # fmt: skip
    following = user_client.get(f"/api/v1/jobs/{job.uid}/fires?limit=1&cursor={answer.get_json()['next']}").get_json()
    assert [(fire["outcome"], fire["run_id"], fire["run_status"]) for fire in following["items"]] == [
        ("started", 1, "queued")
    ]
    bounded = user_client.get(f"/api/v1/jobs/{job.uid}/fires?from=2026-03-02T14:00:00Z&to=2026-03-02T15:00:00Z")
    assert [fire["id"] for fire in bounded.get_json()["items"]] == [2]


def test_why(services: Services, make_job: MakeJob, user_client: FlaskClient, clock: FakeClock) -> None:
    job = make_job(triggers=[HOURLY])
    clock.advance(hours=1)
    services.fires.wake()

    found = user_client.get(f"/api/v1/jobs/{job.uid}/why?at=2026-03-02T13:00:00Z").get_json()

    assert found["answer"] == "started as run 1; the run is queued"
    assert found["fire"]["run_id"] == 1


def test_a_fire_that_waits_is_answered_once(
    services: Services, make_job: MakeJob, user_client: FlaskClient, clock: FakeClock
) -> None:
    make_job(triggers=[replace(HOURLY, misfire="ask")])
    clock.advance(hours=1, minutes=30)
    services.fires.wake()

    first = user_client.post("/api/v1/fires/1/decision", json={"start": True})
    second = user_client.post("/api/v1/fires/1/decision", json={"start": True})

    assert (first.status_code, second.status_code, second.get_json()["code"]) == (204, 409, "not_held")
    assert user_client.get("/api/v1/runs/1").get_json()["requested_by"] == "uma"


def test_a_run_is_shown_with_its_files(make_job: MakeJob, play: Play, user_client: FlaskClient) -> None:
    run_id = play.run(make_job(), content=b"id,name\n1,Ada\n")

    shown = user_client.get(f"/api/v1/runs/{run_id}").get_json()

    assert (shown["status"], shown["files"][0]["rows"], shown["files"][0]["size"]) == ("succeeded", 1, 14)
    assert (shown.pop("waits_for"), shown.pop("earlier_attempts")) == (None, [])
    listed = user_client.get("/api/v1/runs?status=succeeded").get_json()
    assert listed == {"items": [shown], "next": None}
    assert user_client.get("/api/v1/runs?status=failed").get_json()["items"] == []


def test_a_run_is_cancelled(make_job: MakeJob, play: Play, user_client: FlaskClient) -> None:
    assignment = play.begin(make_job())

    answer = user_client.post(f"/api/v1/runs/{assignment.run_id}/cancel")

    assert (answer.status_code, answer.get_json()["status"]) == (202, "cancelling")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/jobs/x1234567890/fires", 404),
        ("GET", "/api/v1/jobs/x1234567890/why?at=2026-03-02T13:00:00Z", 404),
        ("GET", "/api/v1/jobs/x1234567890/why", 422),
        ("GET", "/api/v1/jobs/x1234567890/why?at=yesterday", 422),
        ("GET", "/api/v1/runs/99", 404),
        ("GET", f"/api/v1/runs/{10**30}", 404),
        ("GET", "/api/v1/runs?limit=0", 422),
        ("GET", f"/api/v1/runs?cursor={10**30}", 422),
        ("GET", "/api/v1/runs?status=nonsense", 422),
        ("GET", "/api/v1/runs?nonsense=1", 422),
        ("POST", "/api/v1/runs/99/cancel", 404),
        ("POST", "/api/v1/fires/99/decision", 422),
    ],
)
def test_bad_requests(user_client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = user_client.open(path, method=method, json={} if method == "POST" else None)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
