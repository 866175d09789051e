"""Queues on a real server with real workers: order, failure, cancel, and a server that is killed in the middle."""

import itertools
import signal
from typing import Any

from tests.e2e.conftest import StartServer
from tests.e2e.server import Server, until

URL = "/api/v1/queues"


def make_jobs(server: Server, *parameters: dict[str, Any]) -> list[str]:
    """Jobs of the type TEST, each as long as its parameters say. Gives their uids."""
    uids = []
    for number, wanted in enumerate(parameters, 1):
        body = {"name": f"step {number}", "jobType": "TEST", "enabled": True, "cronExpression": f"0 {number} 3 * * ?"}
        answer = server.post("/api/jobConfigurations", json={**body, "jobParameters": wanted})
        assert answer.status_code == 201, answer.text
        uids.append(answer.json()["response"]["uid"])
    return uids


def make_queue(server: Server, uids: list[str], *rules: str, **members: Any) -> str:
    steps = [{"job": uid, "on_failure": rule} for uid, rule in zip(uids, rules, strict=True)]
    answer = server.post(URL, json={"name": "night", "steps": steps, **members})
    assert answer.status_code == 201, answer.text
    uid: str = answer.json()["uid"]
    return uid


def runs(server: Server, uid: str) -> list[dict[str, Any]]:
    """Newest first."""
    found: list[dict[str, Any]] = server.json(f"{URL}/{uid}/runs")["items"]
    return found


def over(server: Server, uid: str) -> dict[str, Any]:
    """The queue's newest run once it has ended."""

    def look() -> dict[str, Any] | None:
        newest = runs(server, uid)[:1]
        return newest[0] if newest and newest[0]["finished_at"] else None

    return until(look, "the end of the queue's run")


def stands(run: dict[str, Any]) -> list[str]:
    return [step["status"] for step in run["steps"]]


def begins(server: Server, uid: str, step: int) -> dict[str, Any]:
    """The queue's newest run once this step is running."""

    def look() -> dict[str, Any] | None:
        newest = runs(server, uid)[:1]
        return newest[0] if newest and stands(newest[0])[step : step + 1] == ["running"] else None

    return until(look, f"step {step}")


def test_a_queue_on_schedule_runs_its_steps_in_order(start_server: StartServer) -> None:
    server = start_server()
    uids = make_jobs(server, {"waitMillis": 300}, {"failAtStage": 1}, {"waitMillis": 100}, {"waitMillis": 100})
    trigger = {"kind": "cron", "expression": "*/2 * * * * ?"}
    uid = make_queue(server, uids, "stop", "stop", "stop", "always", triggers=[trigger])

    run = until(lambda: next((run for run in runs(server, uid) if run["finished_at"]), None), "a run of the queue")

    assert (run["status"], run["origin"], stands(run)) == (
        "failed", "trigger", ["succeeded", "failed", "not_started", "succeeded"],
    )  # fmt: skip
    steps = [server.json(f"/api/v1/runs/{step['run_id']}") for step in run["steps"] if step["run_id"]]
    assert all(one["finished_at"] <= other["started_at"] for one, other in itertools.pairwise(steps))
    assert {step["origin"] for step in steps} == {"queue"}


def test_a_cancelled_queue_ends_its_step_and_starts_no_other(start_server: StartServer) -> None:
    server = start_server()
    uid = make_queue(server, make_jobs(server, {"stages": 600, "items": 1, "itemDuration": 50}, {}), "stop", "always")
    server.post(f"{URL}/{uid}/runs", json={})
    run = begins(server, uid, 0)

    assert server.post(f"/api/v1/runs/{run['id']}/cancel").status_code == 202

    ended = over(server, uid)
    assert (ended["status"], stands(ended)) == ("cancelled", ["cancelled", "not_started"])


def test_a_queue_survives_servers_that_are_killed(start_server: StartServer) -> None:
    """Killed while a step runs: its end is an interruption, the queue goes on, and no step starts twice."""
    server = start_server()
    uid = make_queue(server, make_jobs(server, {"waitMillis": 20_000}, {}, {}), "continue", "stop", "stop")
    server.post(f"{URL}/{uid}/runs", json={})
    begins(server, uid, 0)

    server.stop(signal.SIGKILL)
    server.start()

    ended = over(server, uid)
    assert (ended["status"], stands(ended)) == ("failed", ["interrupted", "succeeded", "succeeded"])
    assert len(server.json("/api/v1/runs?origin=queue")["items"]) == 3
