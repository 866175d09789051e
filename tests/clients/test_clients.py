"""Clients that know only their own system's documents, against the real server."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.carillon import CarillonClient, CarillonError
from tests.clients.dhis2 import Dhis2Client
from tests.clients.openspecimen import OpenSpecimenClient
from tests.clients.sunbird import SunbirdConsole, SunbirdError
from tests.e2e.server import PASSWORD, Server, until

QUERY = "SELECT carrier, name FROM airlines WHERE carrier = :code ORDER BY carrier"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
UNITED = b"carrier,name\nUA,United Air Lines Inc.\n"
ACCOUNT = ("admin", PASSWORD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, flights_db: Path) -> Any:
    running = Server(tmp_path_factory.mktemp("clients"), CARILLON_CONNECTION_FLIGHTS=f"sqlite:///{flights_db}")
    yield running.start()
    assert running.stop() == 0


def parameters(query: str = QUERY, **values: Any) -> dict[str, Any]:
    return {"connection": "flights", "query": query, "parameters": values}


def test_openspecimen(server: Server) -> None:
    client = OpenSpecimenClient(server.url + "/openspecimen/rest/ng", *ACCOUNT)
    client.log_in(*ACCOUNT)
    weekly = {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": "MONDAY", "scheduledHour": 3, "scheduledMinute": 0}
    job = client.save({"name": "os", "type": "QUERY", "jobParameters": parameters(code="AA"), **weekly})

    details = client.execute(job["id"], "UA")
    [run] = until(lambda: client.runs(job["id"], status="SUCCEEDED", fromDate="20220221T061500"), "the run")

    assert (details["id"], run["rtArgs"]) == (job["id"], "UA")
    assert client.result(job["id"], run["id"]) == UNITED
    assert client.runs(job["id"], toDate="20220221") == []
    assert client.save({**job, "name": "renamed", "scheduledHour": 4})["scheduledHour"] == 4
    assert client.delete(job["id"])["activityStatus"] == "Disabled"
    with pytest.raises(RuntimeError, match="SCHEDULED_JOB_NOT_FOUND"):
        client.execute(job["id"])


def test_dhis2_jobs(server: Server) -> None:
    client = Dhis2Client(server.url, *ACCOUNT)
    assert "SQL_EXPORT" in client.types()
    uid = client.create(
        name="dhis2", jobType="SQL_EXPORT", cronExpression="0 0 3 * * ?", jobParameters=parameters(code="UA")
    )

    client.execute(uid)
    until(lambda: client.get(uid).get("lastExecutedStatus") == "COMPLETED", "the run")

    assert client.names()[uid] == "dhis2"
    client.update(uid, cronExpression="0 30 4 * * ?")
    assert client.get(uid)["cronExpression"] == "0 30 4 * * ?"
    client.update(uid, enabled=False)
    assert client.get(uid)["jobStatus"] == "DISABLED"
    client.delete(uid)
    with pytest.raises(RuntimeError, match=f"404 JobConfiguration with id {uid} could not be found"):
        client.get(uid)


def test_dhis2_progress(server: Server) -> None:
    """A job of two stages, the second of which is so long that there is time to cancel it."""
    client = Dhis2Client(server.url, *ACCOUNT)
    uid = client.create(name="steps", jobType="TEST", cronExpression="0 0 3 * * ?",
                        jobParameters={"stages": 2, "items": 40, "itemDuration": 50})  # fmt: skip

    client.execute(uid)
    [process] = until(lambda: [one for one in client.processes("TEST") if len(one["stages"]) > 1], "its first stage")

    assert process["status"] == "RUNNING"
    assert [stage["description"] for stage in process["stages"]][:2] == ["Waiting for 0ms", "Stage 1"]
    assert process["stages"][1]["totalItems"] == 40
    assert "TEST" in client.running_types()
    assert [one["jobId"] for one in client.overview()["TEST"]] == [uid]
    client.cancel("TEST")
    assert [one["status"] for one in client.processes("TEST") or client.processes("TEST", "completed")] == ["CANCELLED"]
    until(lambda: client.processes("TEST") == [], "the end")
    [process] = client.processes("TEST", "completed")
    assert process["status"] == "CANCELLED"
    assert {item["status"] for item in process["stages"][1]["items"]} <= {"SUCCESS", "CANCELLED"}
    assert client.overview("completed")["TEST"][0]["status"] == "CANCELLED"
    assert client.get(uid)["lastExecutedStatus"] == "STOPPED"
    client.delete(uid)


def test_dhis2_queues(server: Server) -> None:
    client = Dhis2Client(server.url, *ACCOUNT)
    names = {client.create(name=name, jobType="TEST", cronExpression=cron): name for name, cron in [
        ("first", "0 0 3 * * ?"), ("second", "0 0 4 * * ?"), ("third", "0 0 5 * * ?")
    ]}  # fmt: skip
    first, second, third = names
    assert set(names.values()) <= client.queueable()

    client.add_queue("my queue/1", "0 0 1 ? * *", [first, second])
    assert client.queues() == ["my queue/1"]
    assert client.queueable() & set(names.values()) == client.queueable("my queue/1") & set(names.values()) == {"third"}
    entry = client.schedule()["my queue/1"]
    assert (entry["type"], entry["cronExpression"], entry["status"]) == ("Sequence", "0 0 1 ? * *", "SCHEDULED")
    assert [member["name"] for member in entry["sequence"]] == ["first", "second"]
    assert "cronExpression" not in entry["sequence"][1]
    client.execute(first)
    until(lambda: client.get(second).get("lastExecutedStatus") == "COMPLETED", "the second to follow the first")

    client.change_queue("my queue/1", "0 0 2 ? * *", [third, first], "renamed")
    assert client.queue("renamed") == {"name": "renamed", "cronExpression": "0 0 2 ? * *", "sequence": [third, first]}
    assert client.get(second)["enabled"] is False
    client.delete_queue("renamed")
    assert client.queues() == []
    assert client.names().keys() >= names.keys()
    with pytest.raises(RuntimeError, match="404 Job queue does not exist: `renamed`"):
        client.queue("renamed")


def test_sunbird_and_our_own(server: Server) -> None:
    """The console triggers what our own client makes, watches and cancels."""
    console, client = SunbirdConsole(server.url, *ACCOUNT), CarillonClient(server.url, *ACCOUNT)
    job = client.call("create_job", {
        "name": "endless", "job_type": "SQL_EXPORT", "group": "long", "parameters": parameters(ENDLESS),
        "description": "never ends",
    })  # fmt: skip
    assert {"taskGroup": "long", "taskName": "endless", "description": "never ends"} in console.tasks()

    console.trigger("endless")
    with pytest.raises(SunbirdError, match="JOB_ALREADY_RUNNING"):
        console.trigger("endless")
    with pytest.raises(SunbirdError, match="RESOURCE_NOT_FOUND"):
        console.trigger("nothing")
    [run] = client.call("list_runs", job=job["uid"])["items"]
    client.call("cancel_run", run_id=run["id"])

    until(lambda: client.call("show_run", run_id=run["id"])["status"] == "cancelled", "the end")
    assert client.call("show_log", run_id=run["id"])["next"] is None


def test_our_own(server: Server) -> None:
    client = CarillonClient(server.url, *ACCOUNT)
    job = client.call("create_job", {"name": "v1", "job_type": "SQL_EXPORT", "parameters": parameters(code="AA")})
    key = {"Idempotency-Key": "once"}

    started = [
        client.call("start_run", {"parameters": parameters(code="UA")}, key, uid=job["uid"])["id"] for _ in range(3)
    ]
    until(lambda: client.call("show_run", run_id=started[0])["status"] == "succeeded", "the run")

    assert len(set(started)) == 1
    assert client.call("download_latest_result", uid=job["uid"]) == UNITED
    assert client.call("show_latest_result", uid=job["uid"])["rows"] == 1
    with pytest.raises(CarillonError, match="precondition_required"):
        client.call("replace_job", job, uid=job["uid"])
    changed = client.call("replace_job", {**job, "name": "renamed"}, {"If-Match": '"1"'}, uid=job["uid"])
    assert (changed["name"], changed["version"]) == ("renamed", 2)
    client.call("delete_job", uid=job["uid"])
    with pytest.raises(CarillonError, match="not_found"):
        client.call("show_job", uid=job["uid"])
