"""The client of em's scheduler against the real server, with a runner that the test plays."""

from email.utils import parsedate_to_datetime

import pytest

from tests.clients.em_client import EmClient
from tests.e2e.conftest import StartServer
from tests.e2e.server import Server, free_port, until
from tests.http_call.conftest import Site, site

__all__ = ["site"]
STARTED = {"message": "Scheduler: task job started!"}


def make_call(server: Server, **fields: object) -> int:
    body = {"name": "nightly", "jobType": "RUNNER_CALL", "cronExpression": "0 0 3 * * ?", **fields}
    answer = server.post("/api/jobConfigurations", json=body)
    assert answer.status_code == 201, answer.text
    uid = answer.json()["response"]["uid"]
    task: int = server.json(f"/api/jobConfigurations/{uid}?fields=jobId")["jobId"]
    return task


@pytest.fixture
def server(start_server: StartServer, site: Site) -> Server:
    return start_server(CARILLON_RUNNER_URL=f"{site.url}/api")


def test_a_companion_lives_with_its_scheduler(server: Server, site: Site) -> None:
    client, task = EmClient(f"{server.url}/api"), make_call(server)

    assert client.alive() == {"status": "alive"}
    assert client.delete_all_tasks() == {"message": "Scheduler: all jobs deleted!"}
    assert client.get_jobs() == client.get_scheduled_jobs() == client.get_jobs_details() == []
    assert client.add_task(task) == {"message": "Scheduler: task job added!"}
    assert client.get_jobs() == client.get_scheduled_jobs() == [task]
    [details] = client.get_jobs_details()
    assert details.keys() == {"id", "job_id", "name", "next_run_time"}
    assert parsedate_to_datetime(details["next_run_time"]).hour == 3
    assert client.run_task(task) == STARTED
    assert [asked.path for asked in site.asked] == [f"/api/{task}"]
    assert client.run_task_delay(task, 0) == {"message": "Scheduler: task scheduled!"}
    until(lambda: len(site.asked) == 2, "the delayed run")
    assert len({asked.headers["Idempotency-Key"] for asked in site.asked}) == 2
    assert client.pause_all_tasks() == {"message": "Scheduler: all jobs paused!"}
    assert client.resume_all_tasks() == {"message": "Scheduler: all jobs resumed!"}
    assert sum(item["count"] for item in client.schedule()) == 1
    assert client.delete_orphans() == {"message": "Scheduler: orphans deleted!"}
    assert client.delete_task(task) == {"message": "Scheduler: task job deleted!"}
    assert client.get_jobs() == []
    assert client.add_task(999) == client.run_task(999) == {"error": "Invalid job."}


def test_a_runner_that_is_away_is_told_at_once(start_server: StartServer) -> None:
    server = start_server(CARILLON_RUNNER_URL=f"http://127.0.0.1:{free_port()}/api")

    answer = EmClient(f"{server.url}/api").run_task(make_call(server))

    assert answer.keys() == {"error"}
    assert answer["error"].startswith("Scheduler (run task):\n")
    assert "Connection refused" in answer["error"]


def test_delayed_runs_outlive_a_stop_and_a_restart(server: Server, site: Site) -> None:
    client, task = EmClient(f"{server.url}/api"), make_call(server)
    client.delete_task(task)
    client.run_task_delay(task, 600)

    assert client.shutdown() == {"message": "Scheduler: scheduler shutdown!"}
    assert client.kill() == {"error": "Scheduler (kill):\nScheduler is not running"}
    assert server.json("/healthz")["status"] == "stopped"
    client.run_task_delay(task, 0)
    server.stop()
    assert site.asked == []
    server.start()

    until(lambda: site.asked, "the run that waited for the restart")
    assert client.get_jobs() == [task]
    assert server.json("/healthz")["status"] == "ok"
