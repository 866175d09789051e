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


def test_dhis2(server: Server) -> None:
    client = Dhis2Client(server.url, *ACCOUNT)
    assert "SQL_EXPORT" in client.types()
    uid = client.create(
        name="dhis2", jobType="SQL_EXPORT", cronExpression="0 0 3 * * ?", jobParameters=parameters(code="UA")
    )

    client.execute(uid)
    until(lambda: client.get(uid).get("lastExecutedStatus") == "COMPLETED", "the run")

    assert client.names(filter="name:eq:dhis2") == ["dhis2"]
    client.update(uid, cronExpression="0 30 4 * * ?")
    assert client.get(uid, "cronExpression") == {"cronExpression": "0 30 4 * * ?"}
    client.switch(uid, False)
    assert client.get(uid, "enabled,jobStatus") == {"enabled": False, "jobStatus": "DISABLED"}
    client.delete(uid)
    with pytest.raises(RuntimeError, match=f"404 JobConfiguration with id {uid} could not be found"):
        client.get(uid)


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
