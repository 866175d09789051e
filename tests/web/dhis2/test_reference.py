"""The reference of DHIS2's scheduling API, from its first line to its last: every route is there, every example answers
as printed.

An answer may say more than an example. Left out: the example that is no JSON (a job without parameters).
"""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.bootstrap import Services
from tests.fakes import FakeClock

ROUTES = [
    ("GET", "/api/jobConfigurations/jobTypes"),
    ("POST", "/api/jobConfigurations"),
    ("GET", "/api/jobConfigurations"),
    ("GET", "/api/jobConfigurations/{id}"),
    ("PUT", "/api/jobConfiguration/{id}"),
    ("DELETE", "/api/jobConfiguration/{id}"),
    ("POST", "/api/jobConfiguration/{id}/execute"),
    ("GET", "/api/scheduling/running/types"),
    ("GET", "/api/scheduling/running"),
    ("GET", "/api/scheduling/running/{type}"),
    ("GET", "/api/scheduling/running/ANALYTICS_TABLE"),
    ("GET", "/api/scheduling/completed"),
    ("GET", "/api/scheduling/completed/{type}"),
    ("GET", "/api/scheduling/completed/ANALYTICS_TABLE"),
    ("POST", "/api/scheduling/cancel/{type}"),
    ("POST", "/api/scheduling/cancel/ANALYTICS_TABLE"),
    ("GET", "/api/scheduler/queues"),
    ("GET", "/api/scheduler/queues/{name}"),
    ("POST", "/api/scheduler/queues/{name}"),
    ("PUT", "/api/scheduler/queues/{name}"),
    ("DELETE", "/api/scheduler/queues/{name}"),
    ("GET", "/api/scheduler"),
    ("GET", "/api/scheduler/queueable"),
]
"""Every address that the reference names, in its order and spelling."""

FILLED_IN = {"{id}": "KBcP6Qw37gT", "{type}": "TEST", "{name}": "myQ"}
CREATED = "2018-02-22T15:15:34.067"


def spellings(path: str) -> list[str]:
    """With a version and without, in the singular and in the plural."""
    for mark, value in FILLED_IN.items():
        path = path.replace(mark, value)
    nouns = {re.sub("jobConfigurations?", noun, path) for noun in ("jobConfiguration", "jobConfigurations")}
    return sorted({*nouns, *(noun.replace("/api/", "/api/40/", 1) for noun in nouns)})


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=" ".join)
def test_every_route_is_there(method: str, path: str, app: Flask) -> None:
    for spelling in spellings(path):
        endpoint, _ = app.url_map.bind("localhost").match(spelling, method)

        assert endpoint.startswith("dhis2."), spelling


def says(answer: Any, example: Any) -> bool:
    """Whether an answer says all that an example says."""
    match answer, example:
        case dict(), dict():
            return all(name in answer and says(answer[name], value) for name, value in example.items())
        case list(), list():
            return len(answer) == len(example) and all(map(says, answer, example))
    return bool(answer == example) and type(answer) is type(example)


def posted(client: FlaskClient, body: dict[str, Any]) -> TestResponse:
    answer = client.post("/api/jobConfigurations", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer


def test_job_types(user_client: FlaskClient) -> None:
    example = [
        {"name": "Data integrity", "jobType": "DATA_INTEGRITY", "key": "dataIntegrityJob", "schedulingType": "CRON"},
        {"name": "Resource table", "jobType": "RESOURCE_TABLE", "key": "resourceTableJob", "schedulingType": "CRON"},
        {
            "name": "Continuous analytics table",
            "jobType": "CONTINUOUS_ANALYTICS_TABLE",
            "key": "continuousAnalyticsTableJob",
            "schedulingType": "FIXED_DELAY",
        },
    ]
    shown = user_client.get("/api/jobConfigurations/jobTypes").get_json()["jobTypes"]

    printed = {job_type["jobType"] for job_type in example}
    assert says([job_type for job_type in shown if job_type["jobType"] in printed], example)


EXAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "analytics table": (
        {
            "name": "Analytics tables last two years",
            "jobType": "ANALYTICS_TABLE",
            "cronExpression": "0 * * ? * *",
            "jobParameters": {"lastYears": "2", "skipTableTypes": [], "skipResourceTables": False},
        },
        {
            "cronExpression": "0 * * ? * *",
            "jobParameters": {"lastYears": 2, "skipTableTypes": [], "skipResourceTables": False},
        },
    ),
    "push analysis": (
        {
            "name": "Push anlysis charts",
            "jobType": "PUSH_ANALYSIS",
            "cronExpression": "0 * * ? * *",
            "jobParameters": {"pushAnalysis": ["jtcMAKhWwnc"]},
        },
        {"name": "Push anlysis charts", "jobParameters": {"pushAnalysis": ["jtcMAKhWwnc"]}},
    ),
    "fixed delay": (
        {
            "name": "Continuous analytics table",
            "jobType": "CONTINUOUS_ANALYTICS_TABLE",
            "delay": "120",
            "jobParameters": {"fullUpdateHourOfDay": 4},
        },
        {"schedulingType": "FIXED_DELAY", "delay": 120, "jobParameters": {"fullUpdateHourOfDay": 4}},
    ),
}
"""What is posted, and what it becomes."""


@pytest.mark.parametrize(("body", "shown"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_jobs_are_created(body: dict[str, Any], shown: dict[str, Any], admin_client: FlaskClient) -> None:
    answer = posted(admin_client, body)

    assert answer.get_json()["response"]["errorReports"] == []
    assert says(admin_client.get(answer.headers["Location"]).get_json(), shown)


def weekly(client: FlaskClient, clock: FakeClock) -> None:
    """The job that the reference reads, made when it says."""
    clock.now = datetime(2018, 2, 22, 14, 15, 34, 67000, UTC)
    parameters = {"lastYears": 2, "skipTableTypes": [], "skipResourceTables": False}
    posted(
        client,
        {
            "id": "KBcP6Qw37gT",
            "name": "analytics last two years",
            "jobType": "ANALYTICS_TABLE",
            "cronExpression": "0 0 3 ? * MON",
            "jobParameters": parameters,
        },
    )


def test_a_job_is_retrieved(admin_client: FlaskClient, clock: FakeClock, services: Services) -> None:
    weekly(admin_client, clock)

    shown = admin_client.get("/api/jobConfigurations/KBcP6Qw37gT", base_url="http://localhost:8080").get_json()

    assert says(
        shown,
        {
            "lastUpdated": CREATED,
            "id": "KBcP6Qw37gT",
            "href": "http://localhost:8080/api/jobConfigurations/KBcP6Qw37gT",
            "created": CREATED,
            "name": "analytics last two years",
            "jobStatus": "SCHEDULED",
            "displayName": "analytics last two years",
            "enabled": True,
            "externalAccess": False,
            "jobType": "ANALYTICS_TABLE",
            "nextExecutionTime": "2018-02-26T03:00:00.000",
            "cronExpression": "0 0 3 ? * MON",
            "jobParameters": {"lastYears": 2, "skipTableTypes": [], "skipResourceTables": False},
            "favorite": False,
            "configurable": True,
            "access": {
                "read": True, "update": True, "externalize": True, "delete": True, "write": True, "manage": True
            },
            "lastUpdatedBy": {"id": services.users.get("ada").uid},  # printed is an id of another server's user
            "favorites": [],
            "translations": [],
            "userGroupAccesses": [],
            "attributeValues": [],
            "userAccesses": [],
        },
    )  # fmt: skip
    assert says(
        admin_client.get("/api/jobConfigurations").get_json()["jobConfigurations"],
        [{"id": "KBcP6Qw37gT", "displayName": "analytics last two years"}],
    )


def test_a_job_is_updated_executed_and_deleted(admin_client: FlaskClient, clock: FakeClock) -> None:
    weekly(admin_client, clock)
    url = "/api/jobConfiguration/KBcP6Qw37gT"
    body = {
        "name": "analytics last two years",
        "enabled": True,
        "cronExpression": "0 0 3 ? * MON",
        "jobType": "ANALYTICS_TABLE",
        "jobParameters": {"lastYears": "3", "skipTableTypes": [], "skipResourceTables": False},
    }

    assert admin_client.put(url, json=body).status_code == 200
    assert says(admin_client.get(url).get_json(), body | {"jobParameters": {"lastYears": 3, "skipTableTypes": []}})
    assert admin_client.post(f"{url}/execute").status_code == 200
    assert admin_client.delete(url).status_code == 200
    assert admin_client.get(url).status_code == 404


@pytest.fixture
def queue(admin_client: FlaskClient, clock: FakeClock) -> None:
    """The jobs and the queue of the reference, on the day that it shows."""
    clock.now = datetime(2023, 3, 14, 12, 0, tzinfo=UTC)
    members = [("FgAxa6eRSzQ", "test Q1", "ANALYTICS_TABLE"), ("BeclVERfWbg", "est Q2", "DATA_INTEGRITY")]
    for uid, name, job_type in members:
        posted(admin_client, {"id": uid, "name": name, "jobType": job_type, "cronExpression": "0 0 5 ? * *"})
    body = {"cronExpression": "0 0 1 ? * *", "sequence": ["FgAxa6eRSzQ", "BeclVERfWbg"]}
    assert admin_client.post("/api/scheduler/queues/myQ", json=body).status_code == 201


@pytest.mark.usefixtures("queue")
def test_a_queue_is_retrieved(user_client: FlaskClient) -> None:
    assert user_client.get("/api/scheduler/queues").get_json() == ["myQ"]
    assert user_client.get("/api/scheduler/queues/myQ").get_json() == {
        "name": "myQ",
        "cronExpression": "0 0 1 ? * *",
        "sequence": ["FgAxa6eRSzQ", "BeclVERfWbg"],
    }


def test_the_names_of_queues(admin_client: FlaskClient) -> None:
    jobs = [
        {"name": f"job {number}", "jobType": "TEST", "cronExpression": f"0 {number} 5 ? * *"} for number in range(4)
    ]
    uids = [posted(admin_client, job).get_json()["response"]["uid"] for job in jobs]
    for name, sequence in {"queue_a": uids[:2], "queue_b": uids[2:]}.items():
        body = {"name": "another", "cronExpression": "0 0 1 ? * *", "sequence": sequence}  # the address's name counts
        assert admin_client.post(f"/api/scheduler/queues/{name}", json=body).status_code == 201

    assert admin_client.get("/api/scheduler/queues").get_json() == ["queue_a", "queue_b"]


@pytest.mark.usefixtures("queue")
def test_the_scheduler_lists_jobs_and_queues(user_client: FlaskClient, services: Services) -> None:
    services.system_jobs.ensure()
    shown = {entry["name"]: entry for entry in user_client.get("/api/scheduler").get_json()}

    assert says(
        shown["User account expiry alert"],
        {
            "name": "User account expiry alert",
            "type": "ACCOUNT_EXPIRY_ALERT",
            "cronExpression": "0 0 2 ? * *",
            "nextExecutionTime": "2023-03-15T02:00:00.000",
            "status": "SCHEDULED",
            "enabled": True,
            "configurable": False,
            "sequence": [
                {
                    "id": "fUWM1At1TUx",
                    "name": "User account expiry alert",
                    "type": "ACCOUNT_EXPIRY_ALERT",
                    "cronExpression": "0 0 2 ? * *",
                    "nextExecutionTime": "2023-03-15T02:00:00.000",
                    "status": "SCHEDULED",
                }
            ],
        },
    )
    assert says(
        shown["myQ"],
        {
            "name": "myQ",
            "type": "Sequence",
            "cronExpression": "0 0 1 ? * *",
            "nextExecutionTime": "2023-03-15T01:00:00.000",
            "status": "SCHEDULED",
            "enabled": True,
            "configurable": True,
            "sequence": [
                {
                    "id": "FgAxa6eRSzQ",
                    "name": "test Q1",
                    "type": "ANALYTICS_TABLE",
                    "cronExpression": "0 0 1 ? * *",
                    "nextExecutionTime": "2023-03-15T01:00:00.000",
                    "status": "SCHEDULED",
                },
                {"id": "BeclVERfWbg", "name": "est Q2", "type": "DATA_INTEGRITY", "status": "SCHEDULED"},
            ],
        },
    )


def test_a_system_job_is_in_no_queue(admin_client: FlaskClient, services: Services) -> None:
    services.system_jobs.ensure()
    sequence = ["fUWM1At1TUx", "BFa3jDsbtdO"]

    answer = admin_client.post("/api/scheduler/queues/q", json={"cronExpression": "0 0 1 ? * *", "sequence": sequence})

    assert (answer.status_code, answer.get_json()["errorCode"]) == (409, "E7023")
    assert answer.get_json()["message"] == (
        "Job `fUWM1At1TUx` is a system job and as such cannot be added to a queue.`"  # with this lonely backtick
    )


@pytest.mark.usefixtures("queue")
def test_system_jobs_and_members_are_not_queueable(user_client: FlaskClient, services: Services) -> None:
    services.system_jobs.ensure()

    assert user_client.get("/api/scheduler/queueable").get_json() == []
    assert user_client.get("/api/scheduler/queueable?name=myQ").get_json() == []
