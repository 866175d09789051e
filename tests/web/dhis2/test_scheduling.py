"""/api/scheduling, and the progress of one job"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from app.core.ports import Assignment, Progressed
from app.core.statuses import RunStatus
from tests.web.conftest import MakeJob, Play

ERROR = {"code": "E4001", "id": "FgAxa6eRSzQ", "type": "OrgUnit", "args": ["name", "230"]}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(uid="KBcP6Qw37gT")


def report(play: Play, assignment: Assignment, **values: Any) -> None:
    play.services.engine.deliver([Progressed(assignment.run_id, assignment.token, play.clock(), values)])
    play.services.engine.record()


WAITING = {
    "description": "Waiting for 0ms",
    "status": "SUCCESS",
    "started_at": "2026-03-02T12:00:00.100+00:00",
    "ended_at": "2026-03-02T12:00:00.101+00:00",
    "summary": "waited for 0ms",
    "on_failure": "FAIL",
    "total": 0,
    "done": 0,
    "failed": 0,
    "items": [],
}
STAGE = {
    "description": "Stage 1",
    "status": "RUNNING",
    "started_at": "2026-03-02T12:00:00.101+00:00",
    "on_failure": "SKIP_ITEM",
    "total": 1002,
    "done": 1000,
    "failed": 1,
    "items": [
        {
            "description": "Item 1",
            "status": "SUCCESS",
            "started_at": "2026-03-02T12:00:00.101+00:00",
            "ended_at": "2026-03-02T12:00:00.301+00:00",
            "count": 1000,
        },
        {
            "description": "Item 1001",
            "status": "ERROR",
            "started_at": "2026-03-02T12:00:00.301+00:00",
            "ended_at": "2026-03-02T12:00:00.501+00:00",
            "error": "Simulated error",
        },
        {
            "description": "Item 1002",
            "status": "RUNNING",
            "started_at": "2026-03-02T12:00:00.501+00:00",
            "on_failure": "FAIL",
        },
    ],
}
PROCESS = {
    "description": "Test job",
    "status": "RUNNING",
    "started_at": "2026-03-02T12:00:00.100+00:00",
    "stages": [WAITING, STAGE],
}
SHOWN: dict[str, Any] = {
    "jobId": "KBcP6Qw37gT",
    "description": "Test job",
    "status": "RUNNING",
    "startedTime": "2026-03-02T13:00:00.100",
    "duration": 4900,
    "complete": False,
    "stages": [
        {
            "description": "Waiting for 0ms",
            "status": "SUCCESS",
            "summary": "waited for 0ms",
            "startedTime": "2026-03-02T13:00:00.100",
            "completedTime": "2026-03-02T13:00:00.101",
            "duration": 1,
            "complete": True,
            "totalItems": 0,
            "onFailure": "FAIL",
            "items": [],
        },
        {
            "description": "Stage 1",
            "status": "RUNNING",
            "startedTime": "2026-03-02T13:00:00.101",
            "duration": 4899,
            "complete": False,
            "totalItems": 1002,
            "onFailure": "SKIP_ITEM",
            "items": [
                {
                    "description": "Item 1",
                    "status": "SUCCESS",
                    "summary": "Item 1 +1000",
                    "startedTime": "2026-03-02T13:00:00.101",
                    "completedTime": "2026-03-02T13:00:00.301",
                    "duration": 200,
                    "complete": True,
                    "onFailure": "SKIP_ITEM",
                },
                {
                    "description": "Item 1001",
                    "status": "ERROR",
                    "error": "Simulated error",
                    "startedTime": "2026-03-02T13:00:00.301",
                    "completedTime": "2026-03-02T13:00:00.501",
                    "duration": 200,
                    "complete": True,
                    "onFailure": "SKIP_ITEM",
                },
                {
                    "description": "Item 1002",
                    "status": "RUNNING",
                    "startedTime": "2026-03-02T13:00:00.501",
                    "duration": 4499,
                    "complete": False,
                    "onFailure": "FAIL",
                },
            ],
        },
    ],
}


@pytest.fixture
def going_on(play: Play, job: Job) -> Assignment:
    """A run that began at noon (13:00 in Paris), five seconds ago."""
    assignment = play.begin(job)
    report(play, assignment, processes=[PROCESS], errors=[ERROR])
    play.clock.advance(seconds=5)
    return assignment


def test_nothing_runs_and_nothing_has_run(user_client: FlaskClient) -> None:
    bodies = {
        path: user_client.get(f"/api/scheduling/{path}").get_json()
        for path in (
            "running/types", "running", "running/SQL_EXPORT",
            "completed/types", "completed", "completed/SQL_EXPORT",
        )
    }  # fmt: skip

    assert bodies == {
        "running/types": [], "running": {}, "running/SQL_EXPORT": [],
        "completed/types": [], "completed": {}, "completed/SQL_EXPORT": [],
    }  # fmt: skip


@pytest.mark.usefixtures("going_on")
@pytest.mark.parametrize(
    "path", ["/api/scheduling/running/types", "/api/scheduling/running/types/", "/api/42/scheduling/running/types"]
)
def test_types_of_what_is_running(user_client: FlaskClient, path: str) -> None:
    assert user_client.get(path).get_json() == ["SQL_EXPORT"]


@pytest.mark.usefixtures("going_on")
def test_all_that_is_running_in_short(user_client: FlaskClient) -> None:
    assert user_client.get("/api/scheduling/running").get_json() == {
        "SQL_EXPORT": [
            {
                "jobId": "KBcP6Qw37gT",
                "status": "RUNNING",
                "description": "Test job",
                "startedTime": "2026-03-02T13:00:00.100",
                "stages": ["Waiting for 0ms", "Stage 1 [1001/1002]"],
            }
        ]
    }


@pytest.mark.usefixtures("going_on")
@pytest.mark.parametrize(
    "path",
    [
        "/api/scheduling/running/SQL_EXPORT",
        "/api/scheduling/running/sql_export",
        "/api/scheduling/running/SQL_EXPORT/",
        "/api/40/scheduling/running/SQL_EXPORT",
    ],
)
def test_what_is_running_of_a_type_is_an_array_of_processes(user_client: FlaskClient, path: str) -> None:
    assert user_client.get(path).get_json() == [SHOWN]


@pytest.mark.usefixtures("going_on")
@pytest.mark.parametrize("version", [41, 42, 43])
def test_from_version_41_on_it_is_an_object_with_the_errors(user_client: FlaskClient, play: Play, version: int) -> None:
    uid = next(user.uid for user in play.services.users.list() if user.username == "ada")

    assert user_client.get(f"/api/{version}/scheduling/running/SQL_EXPORT").get_json() == {
        "sequence": [SHOWN | {"userId": uid}],
        "errors": {"FgAxa6eRSzQ": {"E4001": [ERROR]}},
    }


@pytest.mark.parametrize("state", ["running", "completed"])
def test_from_version_41_on_nothing_is_an_empty_body(user_client: FlaskClient, state: str) -> None:
    answer = user_client.get(f"/api/42/scheduling/{state}/SQL_EXPORT")

    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"", "application/json")


def test_without_errors_the_object_has_none(user_client: FlaskClient, play: Play, job: Job) -> None:
    play.begin(job)

    assert list(user_client.get("/api/42/scheduling/running/SQL_EXPORT").get_json()) == ["sequence"]


def test_a_job_that_says_nothing_of_its_progress_is_one_process(user_client: FlaskClient, play: Play, job: Job) -> None:
    play.begin(job)
    play.clock.advance(seconds=2)

    assert user_client.get("/api/scheduling/running/SQL_EXPORT").get_json() == [
        {
            "jobId": "KBcP6Qw37gT",
            "description": "nightly visits",
            "status": "RUNNING",
            "startedTime": "2026-03-02T13:00:00.000",
            "duration": 2000,
            "complete": False,
            "stages": [],
        }
    ]


def test_all_running_runs_of_a_type_are_listed(user_client: FlaskClient, play: Play, make_job: MakeJob) -> None:
    for name in ("first", "second"):
        play.begin(make_job(name))

    processes = user_client.get("/api/scheduling/running/SQL_EXPORT").get_json()

    assert [process["description"] for process in processes] == ["first", "second"]


def test_a_queued_run_is_not_running(user_client: FlaskClient, play: Play, job: Job) -> None:
    play.services.runs.request(job.uid, by="ada")

    assert user_client.get("/api/scheduling/running/types").get_json() == []


def test_an_unknown_total_is_negative(user_client: FlaskClient, play: Play, job: Job) -> None:
    report(play, play.begin(job), processes=[PROCESS | {"stages": [STAGE | {"total": None}]}])

    (process,) = user_client.get("/api/scheduling/running/SQL_EXPORT").get_json()
    assert process["stages"][0]["totalItems"] == -1
    assert user_client.get("/api/scheduling/running").get_json()["SQL_EXPORT"][0]["stages"] == ["Stage 1"]


# Cancelled


def test_a_cancellation_is_shown_at_once_and_the_run_winds_down(
    admin_client: FlaskClient, play: Play, going_on: Assignment
) -> None:
    cancelled = admin_client.post("/api/scheduling/cancel/SQL_EXPORT")
    play.clock.advance(seconds=1)

    assert (cancelled.status_code, cancelled.data) == (204, b"")
    assert play.services.runs.get(going_on.run_id).status is RunStatus.CANCELLING
    (process,) = admin_client.get("/api/scheduling/running/SQL_EXPORT").get_json()
    assert {name: process[name] for name in process if name != "stages"} == {
        "jobId": "KBcP6Qw37gT",
        "description": "Test job",
        "status": "CANCELLED",
        "startedTime": "2026-03-02T13:00:00.100",
        "cancelledTime": "2026-03-02T13:00:05.000",
        "duration": 5900,
        "complete": True,
    }
    assert process["stages"][1]["status"] == "RUNNING"


def test_a_cancelled_run_has_completed_when_it_has_ended(
    admin_client: FlaskClient, play: Play, going_on: Assignment
) -> None:
    admin_client.post("/api/42/scheduling/cancel/sql_export")
    play.clock.advance(seconds=1)
    play.end(going_on, RunStatus.CANCELLED, error="the run was cancelled")

    assert admin_client.get("/api/scheduling/running").get_json() == {}
    assert admin_client.get("/api/scheduling/completed").get_json() == {
        "SQL_EXPORT": [
            {
                "jobId": "KBcP6Qw37gT",
                "status": "CANCELLED",
                "description": "Test job",
                "startedTime": "2026-03-02T13:00:00.100",
                "completedTime": "2026-03-02T13:00:06.000",
                "cancelledTime": "2026-03-02T13:00:05.000",
                "error": "the run was cancelled",
                "stages": ["Waiting for 0ms", "Stage 1 [1001/1002]"],
            }
        ]
    }


def test_all_running_runs_of_the_type_are_cancelled_and_no_queued_one(
    admin_client: FlaskClient, play: Play, make_job: MakeJob
) -> None:
    running = [play.begin(make_job(name)).run_id for name in ("first", "second")]
    queued = play.services.runs.request(make_job("third").uid, by="ada").id

    admin_client.post("/api/scheduling/cancel/SQL_EXPORT")

    statuses = [play.services.runs.get(run_id).status for run_id in (*running, queued)]
    assert statuses == [RunStatus.CANCELLING, RunStatus.CANCELLING, RunStatus.QUEUED]


def test_to_cancel_what_does_not_run_is_no_error(admin_client: FlaskClient) -> None:
    assert admin_client.post("/api/scheduling/cancel/SQL_EXPORT").status_code == 204


def test_only_who_may_edit_cancels(user_client: FlaskClient, play: Play, going_on: Assignment) -> None:
    assert user_client.post("/api/scheduling/cancel/SQL_EXPORT").status_code == 403
    assert play.services.runs.get(going_on.run_id).status is RunStatus.RUNNING


# Completed


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (RunStatus.SUCCEEDED, "SUCCESS"),
        (RunStatus.FAILED, "ERROR"),
        (RunStatus.CANCELLED, "CANCELLED"),
        (RunStatus.INTERRUPTED, "ERROR"),
    ],
)
def test_what_has_ended_is_completed(
    user_client: FlaskClient, play: Play, going_on: Assignment, ending: RunStatus, status: str
) -> None:
    play.end(going_on, ending)

    (process,) = user_client.get("/api/scheduling/completed/SQL_EXPORT").get_json()
    assert (process["status"], process["complete"], process["duration"]) == (status, True, 4900)
    assert process["completedTime"] == "2026-03-02T13:00:05.000"
    assert [stage["status"] for stage in process["stages"]] == ["SUCCESS", status]
    assert [item["status"] for item in process["stages"][1]["items"]] == ["SUCCESS", "ERROR", status]
    assert user_client.get("/api/scheduling/completed/types").get_json() == ["SQL_EXPORT"]
    assert user_client.get("/api/scheduling/running/SQL_EXPORT").get_json() == []


def test_only_the_newest_run_of_a_type_is_kept(user_client: FlaskClient, play: Play, make_job: MakeJob) -> None:
    for name in ("first", "second"):
        play.run(make_job(name))

    processes = user_client.get("/api/scheduling/completed/SQL_EXPORT").get_json()

    assert [process["description"] for process in processes] == ["second"]


def test_the_newest_run_stays_completed_after_its_job_was_deleted(
    user_client: FlaskClient, play: Play, job: Job
) -> None:
    play.run(job)
    play.services.jobs.delete(job.uid, "ada")

    (process,) = user_client.get("/api/scheduling/completed/SQL_EXPORT").get_json()
    assert (process["jobId"], process["status"]) == ("KBcP6Qw37gT", "SUCCESS")


# What cannot be asked


@pytest.mark.parametrize("path", ["running/NO_SUCH", "completed/no_such"])
def test_a_type_that_does_not_exist_is_a_bad_request(user_client: FlaskClient, path: str) -> None:
    answer = user_client.get(f"/api/scheduling/{path}")

    assert answer.status_code == 400
    assert answer.get_json() == {
        "httpStatus": "Bad Request",
        "httpStatusCode": 400,
        "status": "ERROR",
        "message": "No enum constant org.hisp.dhis.scheduling.JobType.NO_SUCH",
    }


def test_a_type_that_does_not_exist_cannot_be_cancelled(admin_client: FlaskClient) -> None:
    assert admin_client.post("/api/scheduling/cancel/NO_SUCH").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "cancel/SQL_EXPORT", 405), ("POST", "running", 405), ("GET", "walking", 404), ("GET", "", 404)],
)
def test_other_addresses_and_methods_answer_as_dhis2_does(
    admin_client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = admin_client.open(f"/api/scheduling/{path}", method=method)

    assert (answer.status_code, answer.get_json()["httpStatusCode"]) == (status, status)


def test_nobody_is_told_anything(client: FlaskClient) -> None:
    assert client.get("/api/scheduling/running").status_code == 401


# One job


@pytest.mark.usefixtures("going_on")
@pytest.mark.parametrize("noun", ["jobConfigurations", "jobConfiguration", "42/jobConfigurations"])
def test_the_progress_of_one_job(user_client: FlaskClient, noun: str) -> None:
    shown = user_client.get(f"/api/{noun}/KBcP6Qw37gT/progress").get_json()

    assert [process["description"] for process in shown["sequence"]] == ["Test job"]
    assert shown["errors"] == {"FgAxa6eRSzQ": {"E4001": [ERROR]}}
    assert user_client.get(f"/api/{noun}/KBcP6Qw37gT/progress/errors").get_json() == [ERROR]


def test_a_job_that_never_ran_has_no_progress(user_client: FlaskClient, job: Job) -> None:
    answer = user_client.get(f"/api/jobConfigurations/{job.uid}/progress")

    assert (answer.status_code, answer.data) == (200, b"")
    assert user_client.get(f"/api/jobConfigurations/{job.uid}/progress/errors").get_json() == []


def test_the_progress_of_a_job_that_does_not_exist(user_client: FlaskClient) -> None:
    answer = user_client.get("/api/jobConfigurations/nOsUcHjOb12/progress")

    assert (answer.status_code, answer.get_json()["errorCode"]) == (404, "E1005")
