"""/backgroundtasks, by the proposal and beyond it."""

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.bootstrap import Services
from app.core.models import Job
from app.core.runs import RunFilter
from app.core.statuses import RunStatus
from tests.web.conftest import MakeJob, Play, basic

ROOTS = ["/api/v1/backgroundtasks", "/v1/backgroundtasks"]
TASKS = ROOTS[0]
MESSAGE = "ddd59a7d-0c66-4f10-87e8-e8b5ea6a1da6"
RUNNING = "Job currently in running state, pleas try after sometime"


def envelope(operation: str, result: object, **params: Any) -> dict[str, Any]:
    known = {"resmsgid": None, "msgid": MESSAGE, "err": None, "status": "success", "errmsg": None}
    return {
        "id": f"api.backgroundtasks.{operation}",
        "ver": "v1",
        "ts": "2026-03-02 13:00:00:000+0100",
        "params": known | params,
        "responseCode": "OK",
        "result": result,
    }


def refusal(operation: str, response_code: str, code: str, message: str) -> dict[str, Any]:
    body = envelope(operation, {}, err=code, status="failure", errmsg=message)
    return body | {"responseCode": response_code}


def get(client: FlaskClient, path: str) -> TestResponse:
    return client.get(path, headers={"X-msgId": MESSAGE})


def post(client: FlaskClient, path: str, **options: Any) -> TestResponse:
    return client.post(path, headers={"X-msgId": MESSAGE}, **options)


def test_every_address_is_served(app: Flask) -> None:
    served = {
        (method, re.sub(r"<path:\w+>", ":taskName", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("sunbird.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert served == {("GET", root) for root in ROOTS} | {("POST", f"{root}/trigger/:taskName") for root in ROOTS}


@pytest.mark.parametrize("root", ROOTS)
def test_tasks_are_listed(root: str, admin_client: FlaskClient, make_job: MakeJob) -> None:
    make_job("taskName3", group="group2", description="task description")
    make_job("taskName2", group="group1")
    make_job("taskName", group="group1", description="task description")

    answer = get(admin_client, root)

    assert answer.status_code == 200
    assert answer.get_json() == envelope(
        "read",
        {
            "response": [
                {"taskGroup": "group1", "taskName": "taskName", "description": "task description"},
                {"taskGroup": "group1", "taskName": "taskName2", "description": ""},
                {"taskGroup": "group2", "taskName": "taskName3", "description": "task description"},
            ]
        },
    )


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("name", ["metricsReportJob", "a b", "a/b", "ä & ?"])
def test_a_task_is_triggered(
    root: str, name: str, admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(name)
    escaped = name.replace("?", "%3F")

    answer = post(admin_client, f"{root}/trigger/{escaped}")

    assert (answer.status_code, answer.get_json()) == (200, envelope("trigger", {"response": "SUCCESS"}))
    [run] = services.runs.list(RunFilter())
    assert (run.job_id, run.requested_by, run.origin) == (job.id, "ada", "manual")


def test_a_body_is_not_read(admin_client: FlaskClient, make_job: MakeJob) -> None:
    make_job("task")

    answer = post(admin_client, f"{TASKS}/trigger/task", data="{", content_type="application/json")

    assert answer.status_code == 200


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job("task")


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING])
def test_a_running_task_cannot_be_triggered(
    status: RunStatus, admin_client: FlaskClient, services: Services, job: Job, play: Play
) -> None:
    if status is RunStatus.QUEUED:
        services.runs.request(job.uid, "ada")
    else:
        assignment = play.begin(job)
    if status is RunStatus.CANCELLING:
        services.runs.cancel(assignment.run_id, "ada")

    answer = post(admin_client, f"{TASKS}/trigger/task")

    assert answer.status_code == 400
    assert answer.get_json() == refusal("trigger", "CLIENT_ERROR", "JOB_ALREADY_RUNNING", RUNNING)
    assert len(services.runs.list(RunFilter())) == 1


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED])
def test_a_task_that_has_ended_starts_again(status: RunStatus, admin_client: FlaskClient, job: Job, play: Play) -> None:
    play.run(job, status)

    assert post(admin_client, f"{TASKS}/trigger/task").status_code == 200


def test_an_unknown_task(admin_client: FlaskClient) -> None:
    answer = post(admin_client, f"{TASKS}/trigger/nothing")

    assert answer.status_code == 404
    assert answer.get_json() == refusal(
        "trigger", "RESOURCE_NOT_FOUND", "RESOURCE_NOT_FOUND", "Requested resource not found"
    )


@pytest.mark.parametrize("path", ["/nothing", "/trigger", "/trigger/a/b"])
def test_an_unknown_address(path: str, admin_client: FlaskClient) -> None:
    for root in ROOTS:
        answer = post(admin_client, root + path)

        assert (answer.status_code, answer.get_json()["params"]["err"]) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("username", [None, "uma", "nobody"])
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/trigger/task"), ("POST", "/trigger/nothing")])
def test_only_administrators_may(
    username: str | None, method: str, path: str, client: FlaskClient, services: Services, job: Job
) -> None:
    auth = basic(username) if username else None

    answer = client.open(TASKS + path, method=method, auth=auth, headers={"X-msgId": MESSAGE})

    operation = "read" if method == "GET" else "trigger"
    assert answer.status_code == 401
    assert answer.get_json() == refusal(
        operation, "UNAUTHORIZED", "UNAUTHORIZED_USER", "You are not authorized."
    )  # fmt: skip
    assert services.runs.list(RunFilter()) == []


def test_a_user_token_comes_in_a_header_of_its_own(client: FlaskClient, services: Services) -> None:
    _, token = services.users.add_token("ada", "console")
    headers = {"X-Authenticated-User-Token": token, "Authorization": "Bearer a key for the gateway"}

    assert client.get(TASKS, headers=headers).status_code == 200
    assert client.get(TASKS, headers=headers | {"X-Authenticated-User-Token": "x"}).status_code == 401


def test_without_a_message_id_one_is_made(admin_client: FlaskClient) -> None:
    made = {admin_client.get(TASKS).get_json()["params"]["msgid"] for _ in range(2)}

    assert len({UUID(one) for one in made}) == 2


def test_a_wrong_method_says_which_are_right(admin_client: FlaskClient) -> None:
    answer = admin_client.post(TASKS, headers={"X-msgId": MESSAGE})

    assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"OPTIONS", "GET", "HEAD"})
    body = answer.get_json()
    assert (body["responseCode"], body["params"]["err"]) == ("CLIENT_ERROR", "METHOD_NOT_ALLOWED")


def test_a_standby_is_no_fault_of_the_client(admin_client: FlaskClient, services: Services, job: Job) -> None:
    services.keeper.active = False

    answer = post(admin_client, f"{TASKS}/trigger/task")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.get_json()["responseCode"] == "SERVER_ERROR"


def test_a_fault_of_ours_tells_nothing(admin_client: FlaskClient, services: Services) -> None:
    services.jobs = None  # type: ignore[assignment]

    answer = get(admin_client, TASKS)

    assert answer.status_code == 500
    assert answer.get_json() == refusal(
        "read", "SERVER_ERROR", "INTERNAL_ERROR", "Process failed,please try again later."
    )
