"""/api/v1/queues"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.statuses import RunStatus
from tests.web.conftest import ZONE, MakeJob, Play

URL = "/api/v1/queues"
CRON = {"kind": "cron", "expression": "0 0 1 ? * *"}


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    return [make_job(f"step {number}") for number in (1, 2, 3)]


def body(jobs: list[Job], **members: Any) -> dict[str, Any]:
    return {"name": "night", "triggers": [CRON], "steps": [{"job": job.uid} for job in jobs], **members}


@pytest.fixture
def made(admin_client: FlaskClient, jobs: list[Job]) -> Any:
    answer = admin_client.post(URL, json=body(jobs))
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(problem["field"], problem["code"]) for problem in answer.get_json()["errors"]]


def test_a_queue_is_made_shown_listed_changed_and_deleted(
    services: Services, admin_client: FlaskClient, jobs: list[Job], made: Any
) -> None:
    [trigger] = services.queues.get(made["uid"]).triggers
    assert made == {
        "uid": made["uid"],
        "name": "night",
        "description": "",
        "enabled": True,
        "version": 1,
        "next_fire_at": "2026-03-03T00:00:00Z",
        "triggers": [
            {
                **CRON, "id": trigger.id, "timezone": ZONE, "dialect": "quartz", "gap": "next", "overlap": "interval",
                "misfire": "smart", "misfire_threshold_seconds": 60, "next_fire_at": "2026-03-03T00:00:00Z",
            }
        ],
        "steps": [{"job": job.uid, "name": job.name, "enabled": True, "on_failure": "stop"} for job in jobs],
    }  # fmt: skip
    assert admin_client.get(f"{URL}/{made['uid']}").get_json() == made
    assert admin_client.get(URL).get_json() == {"queues": [made]}

    steps = [{"job": jobs[1].uid, "on_failure": "continue"}, {"job": jobs[0].uid, "on_failure": "always"}]
    changed = admin_client.put(
        f"{URL}/{made['uid']}", json=body(jobs, name="late", triggers=[], steps=steps), headers={"If-Match": '"1"'}
    )
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.get_json() == made | {
        "name": "late", "version": 2, "triggers": [], "next_fire_at": None,
        "steps": [
            {"job": jobs[1].uid, "name": "step 2", "enabled": True, "on_failure": "continue"},
            {"job": jobs[0].uid, "name": "step 1", "enabled": True, "on_failure": "always"},
        ],
    }  # fmt: skip

    gone = admin_client.delete(f"{URL}/{made['uid']}")
    assert (gone.status_code, gone.data) == (204, b"")
    assert admin_client.get(f"{URL}/{made['uid']}").status_code == 404
    assert [job.enabled for job in services.jobs.list()] == [False, False, False]


def test_a_queue_tells_its_address_and_its_version(admin_client: FlaskClient, jobs: list[Job]) -> None:
    answer = admin_client.post(URL, json=body(jobs))

    read = admin_client.get(answer.headers["Location"])
    assert read.get_json() == answer.get_json()
    assert (answer.headers["ETag"], read.headers["ETag"]) == ('"1"', '"1"')
    again = admin_client.put(answer.headers["Location"], json=read.get_json(), headers={"If-Match": '"1"'})
    assert again.get_json() == read.get_json() | {"version": 2}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_nobody_overwrites_what_somebody_else_changed(
    method: str, admin_client: FlaskClient, services: Services, jobs: list[Job], made: Any
) -> None:
    services.queues.disable(made["uid"], "uma")
    url = f"{URL}/{made['uid']}"

    answer = admin_client.open(url, method=method, json=body(jobs), headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.get_json()["code"]) == (412, "changed")
    assert answer.get_json()["detail"] == "the queue is at version 2 by now, not 1"
    assert not services.queues.get(made["uid"]).enabled
    answer = admin_client.open(url, method=method, json=body(jobs), headers={"If-Match": '"2"'})
    assert answer.status_code in (200, 204)


def test_a_queue_that_loses_a_job_is_another_one(
    admin_client: FlaskClient, services: Services, jobs: list[Job], made: Any
) -> None:
    services.jobs.delete(jobs[0].uid, "uma")

    assert admin_client.get(f"{URL}/{made['uid']}").headers["ETag"] == '"2"'


def test_a_replacement_must_say_what_it_replaces(admin_client: FlaskClient, jobs: list[Job], made: Any) -> None:
    answer = admin_client.put(f"{URL}/{made['uid']}", json=body(jobs))

    assert (answer.status_code, answer.get_json()["code"]) == (428, "precondition_required")


def test_the_same_key_starts_a_queue_once(
    services: Services, user_client: FlaskClient, jobs: list[Job], made: Any
) -> None:
    url = f"{URL}/{made['uid']}/runs"

    first = user_client.post(url, json={"first_step": 1}, headers={"Idempotency-Key": "night"})
    services.engine.dispatch()
    again = user_client.post(url, json={"first_step": 1}, headers={"Idempotency-Key": "night"})

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.headers["Location"] == again.headers["Location"]
    assert user_client.get(first.headers["Location"]).get_json() == again.get_json()
    assert [run["id"] for run in user_client.get(url).get_json()["items"]] == [first.get_json()["id"]]
    other = user_client.post(url, headers={"Idempotency-Key": "night"})
    assert (other.status_code, codes(other)) == (422, [("Idempotency-Key", "key_reused")])
    assert codes(user_client.post(url, headers={"Idempotency-Key": "a b"})) == [("Idempotency-Key", "invalid")]


def test_everything_that_is_wrong_is_told(admin_client: FlaskClient, jobs: list[Job], made: Any) -> None:
    steps = [{"job": jobs[0].uid}, {"job": "x1234567890"}]

    answer = admin_client.post(URL, json={"name": "night", "triggers": [{**CRON, "expression": "x"}], "steps": steps})

    assert answer.status_code == 422
    assert codes(answer) == [
        ("name", "taken"), ("triggers.0.expression", "cron"), ("steps", "too_few"), ("steps.0.job", "in_queue"),
        ("steps.1.job", "unknown"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"steps": []}, "name"),
        ({"name": "x"}, "steps"),
        ({"name": "x", "steps": [{}]}, "steps.0.job"),
        ({"name": "x", "steps": [{"job": "x", "on_failure": "retry"}]}, "steps.0.on_failure"),
        ({"name": "x", "steps": [], "colour": 1}, "colour"),
    ],
)
def test_a_body_of_another_shape_is_refused(sent: Any, field: str, admin_client: FlaskClient) -> None:
    answer = admin_client.post(URL, json=sent)

    assert answer.status_code == 422
    assert field in [field for field, _ in codes(answer)]


def state(position: int, job: Job, status: str, run_id: int | None, not_started: str | None = None) -> dict[str, Any]:
    return {
        "position": position, "job": job.uid, "job_id": job.id, "job_name": job.name, "on_failure": "stop",
        "status": status, "not_started": not_started, "run_id": run_id,
    }  # fmt: skip


def test_a_run_is_one_thing_with_its_steps(
    services: Services, user_client: FlaskClient, jobs: list[Job], made: Any, play: Play
) -> None:
    url = f"{URL}/{made['uid']}/runs"

    answer = user_client.post(url, json={})

    assert answer.status_code == 202
    run = answer.get_json()
    assert (run["status"], run["origin"], run["requested_by"], run["steps"]) == ("queued", "manual", "uma", [])
    services.engine.dispatch()
    assert user_client.get(f"{url}/{run['id']}").get_json()["steps"] == [
        state(0, jobs[0], "running", run["id"] + 1), state(1, jobs[1], "waiting", None),
        state(2, jobs[2], "waiting", None),
    ]  # fmt: skip

    play.end(play.executor.assignments[-1], RunStatus.FAILED)
    [over] = user_client.get(url).get_json()["items"]
    assert (over["status"], over["reason"]) == ("failed", "step")
    assert over["error"] == "step 1, 'step 1', failed; 2 later steps did not start"
    assert over["steps"] == [
        state(0, jobs[0], "failed", run["id"] + 1), state(1, jobs[1], "not_started", None, "stopped"),
        state(2, jobs[2], "not_started", None, "stopped"),
    ]  # fmt: skip


def test_it_starts_once_and_from_any_step(
    services: Services, user_client: FlaskClient, jobs: list[Job], made: Any
) -> None:
    url = f"{URL}/{made['uid']}/runs"
    assert codes(user_client.post(url, json={"first_step": 3})) == [("first_step", "invalid")]

    run = user_client.post(url, json={"first_step": 2}).get_json()
    services.engine.dispatch()

    assert [step["position"] for step in user_client.get(f"{url}/{run['id']}").get_json()["steps"]] == [2]
    again = user_client.post(url, json={})
    assert (again.status_code, again.get_json()["code"]) == (409, "already_running")
    assert user_client.post(f"/api/v1/runs/{run['id']}/cancel").get_json()["status"] == "cancelling"


def test_pages_of_runs(services: Services, user_client: FlaskClient, made: Any) -> None:
    url = f"{URL}/{made['uid']}/runs"
    ids = []
    for _ in range(3):
        run = user_client.post(url, json={}).get_json()
        user_client.post(f"/api/v1/runs/{run['id']}/cancel")
        ids.insert(0, run["id"])

    first = user_client.get(f"{url}?limit=2").get_json()
    rest = user_client.get(f"{url}?limit=2&cursor={first['next']}").get_json()

    assert [[run["id"] for run in page["items"]] for page in (first, rest)] == [ids[:2], ids[2:]]
    assert rest["next"] is None


def test_what_is_not_there(user_client: FlaskClient, made: Any, jobs: list[Job], play: Play) -> None:
    own = play.run(jobs[0])  # a run of a job, not of the queue

    for path in ("x1234567890", f"{jobs[0].uid}", f"{made['uid']}/runs/{own}", f"{made['uid']}/runs/99"):
        answer = user_client.get(f"{URL}/{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found"), path


def test_only_who_may_edit_changes_queues(user_client: FlaskClient, jobs: list[Job], made: Any) -> None:
    for method, path in (("POST", ""), ("PUT", f"/{made['uid']}"), ("DELETE", f"/{made['uid']}")):
        answer = user_client.open(f"{URL}{path}", method=method, json=body(jobs, name="x"))
        assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
