"""/scheduled-jobs/{id}/runs"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.adapters.inline_executor import InlineExecutor
from app.adapters.result_store import ResultStore
from app.bootstrap import Services
from app.core.job_types import JobTypes
from app.core.models import Job
from app.core.runs import RunFilter
from app.core.statuses import FailureReason, RunStatus
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from config import Settings
from tests.fakes import FakeClock
from tests.web.conftest import CSV, MakeJob, Play, every
from tests.web.openspecimen.test_jobs import NOON, ROOTS, person

SYSTEM = {"firstName": "$system", "lastName": "$system", "loginName": "$system", "domain": "openspecimen"}


# Start


@pytest.mark.parametrize("root", ROOTS)
def test_a_user_may_run_a_job(root: str, user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    response = user_client.post(f"{root}/scheduled-jobs/{job.id}/runs", json={})

    [run] = services.runs.list(RunFilter())
    assert response.status_code == 200
    assert response.get_json() == user_client.get(f"/scheduled-jobs/{job.id}").get_json()
    assert (run.job_id, run.requested_by, run.arguments, run.parameters) == (job.id, "uma", None, job.parameters)


@pytest.mark.parametrize("args", [None, "", "   "])
def test_there_may_be_no_arguments(
    args: str | None, user_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()

    assert user_client.post(f"/scheduled-jobs/{job.id}/runs", json={"args": args}).status_code == 200
    assert services.runs.list(RunFilter())[0].parameters == job.parameters


def test_there_may_be_no_body(user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    assert user_client.post(f"/scheduled-jobs/{make_job().id}/runs").status_code == 200
    assert len(services.runs.list(RunFilter())) == 1


def test_arguments_replace_values_in_the_order_of_the_query(
    user_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()

    user_client.post(f"/scheduled-jobs/{job.id}/runs", json={"args": "'far south' 3"})

    [run] = services.runs.list(RunFilter())
    assert run.arguments == "'far south' 3"
    assert run.parameters == job.parameters | {"parameters": {"region": "far south", "least": 3}}
    assert services.jobs.get(job.uid).parameters["parameters"] == {"region": "north", "least": 1}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("a 1 2", "3 arguments were given, but the query takes 2 at most: region, least"),
        ("a b", "the argument for 'least' must be a whole number, but was 'b'"),
        ("'a", "args cannot be read: No closing quotation"),
        (5, "args must be a text of arguments with blanks between them"),
        (["a"], "args must be a text of arguments with blanks between them"),
    ],
)
def test_arguments_that_do_not_fit_start_nothing(
    args: object, message: str, user_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    response = user_client.post(f"/scheduled-jobs/{make_job().id}/runs", json={"args": args})

    assert response.status_code == 400
    assert response.get_json() == [{"code": "INVALID_REQUEST", "message": message}]
    assert services.runs.list(RunFilter()) == []


def test_a_job_that_runs_already_is_answered_and_not_run_again(
    user_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    play.begin(job)

    response = user_client.post(f"/scheduled-jobs/{job.id}/runs", json={})

    assert (response.status_code, response.get_json()["id"]) == (200, job.id)
    assert len(services.runs.list(RunFilter())) == 1


def test_a_disabled_job_is_answered_and_not_run(
    user_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    response = user_client.post(f"/scheduled-jobs/{make_job(enabled=False).id}/runs", json={})

    assert (response.status_code, response.get_json()["activityStatus"]) == (200, "Disabled")
    assert services.runs.list(RunFilter()) == []


# Look


def test_a_run_is_shown_whole(user_client: FlaskClient, services: Services, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    run_id = play.run(job, content=CSV)

    for root in ROOTS:
        response = user_client.get(f"{root}/scheduled-jobs/{job.id}/runs/{run_id}")

        assert response.status_code == 200
        assert response.get_json() == {
            "id": run_id,
            "jobId": job.id,
            "jobName": "nightly visits",
            "createdAt": NOON,
            "startedAt": NOON,
            "finishedAt": NOON + 21780,
            "status": "SUCCEEDED",
            "logFilePath": "visits.csv",
            "message": None,
            "runBy": person(services),
            "rtArgs": None,
        }


def test_a_scheduled_run_is_the_systems(user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(triggers=[every(60)])
    services.engine.tick()

    [run] = user_client.get(f"/scheduled-jobs/{job.id}/runs").get_json()

    assert (run["runBy"], run["status"], run["finishedAt"]) == (SYSTEM, "IN_PROGRESS", None)


ENDINGS: dict[str, tuple[RunStatus, dict[str, Any], str | None]] = {
    "failed": (
        RunStatus.FAILED,
        {"reason": FailureReason.EXCEPTION, "error": "no such table: visit"},
        "no such table: visit",
    ),
    "cancelled": (RunStatus.CANCELLED, {}, "The run was cancelled."),
    "interrupted": (
        RunStatus.INTERRUPTED,
        {"reason": FailureReason.WORKER_LOST, "error": "the worker died"},
        "The run was interrupted: the worker died.",
    ),
}


@pytest.mark.parametrize(("status", "ending", "message"), ENDINGS.values(), ids=ENDINGS.keys())
def test_a_run_that_did_not_succeed_says_why(
    status: RunStatus,
    ending: dict[str, Any],
    message: str | None,
    user_client: FlaskClient,
    make_job: MakeJob,
    play: Play,
) -> None:
    job = make_job()
    run_id = play.run(job, status, **ending)

    run = user_client.get(f"/scheduled-jobs/{job.id}/runs/{run_id}").get_json()

    assert (run["status"], run["message"], run["logFilePath"]) == ("FAILED", message, None)


def test_a_cancelled_run_says_by_whom(
    user_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    assignment = play.begin(job)
    services.runs.cancel(assignment.run_id, by="uma")
    play.end(assignment, RunStatus.CANCELLED)

    [run] = user_client.get(f"/scheduled-jobs/{job.id}/runs").get_json()

    assert run["message"] == "The run was cancelled by uma."


# Filter


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Run on 20, 21 and 22 February 2022 at 06:15 in Paris: succeeded, failed, still going on."""
    made = make_job(triggers=[])
    for day, status in ((20, RunStatus.SUCCEEDED), (21, RunStatus.FAILED)):
        play.clock.now = datetime(2022, 2, day, 5, 15, tzinfo=UTC)
        play.run(made, status)
    play.clock.now = datetime(2022, 2, 22, 5, 15, tzinfo=UTC)
    play.begin(made)
    return made


def days(client: FlaskClient, job: Job, **arguments: Any) -> list[int]:
    response = client.get(f"/scheduled-jobs/{job.id}/runs", query_string=arguments)
    assert response.status_code == 200, response.get_json()
    return [19 + run["id"] for run in response.get_json()]


FILTERS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "nothing": ({}, [22, 21, 20]),
    "empty": ({"fromDate": "", "toDate": "", "status": "", "maxResults": ""}, [22, 21, 20]),
    "succeeded": ({"status": "SUCCEEDED"}, [20]),
    "failed": ({"status": "FAILED"}, [21]),
    "in progress": ({"status": "IN_PROGRESS"}, [22]),
    "newest": ({"maxResults": 1}, [22]),
    "from a day": ({"fromDate": "20220221"}, [22, 21]),
    "to a day": ({"toDate": "20220221"}, [21, 20]),
    "one day": ({"fromDate": "20220221", "toDate": "20220221"}, [21]),
    "from a moment, inclusive": ({"fromDate": "20220221T061500"}, [22, 21]),
    "from just after it": ({"fromDate": "20220221T061501"}, [22]),
    "to a moment, inclusive": ({"toDate": "20220221T061500"}, [21, 20]),
    "to just before it": ({"toDate": "20220221T061459"}, [20]),
    "as the real pages send it": ({"fromDate": "2022-02-21 06:15", "toDate": "2022-02-21 06:15"}, [21]),
    "ISO in UTC": ({"fromDate": "2022-02-21T05:15:00.000Z", "toDate": "2022-02-21T05:15:00Z"}, [21]),
    "ISO with an offset": ({"fromDate": "2022-02-21T07:15:00+02:00"}, [22, 21]),
    "the first day": ({"fromDate": "00010101", "toDate": "99991231"}, [22, 21, 20]),
    "all together": ({"fromDate": "20220220", "toDate": "20220221T235959", "status": "FAILED"}, [21]),
}


@pytest.mark.parametrize(("arguments", "found"), FILTERS.values(), ids=FILTERS.keys())
def test_filters(arguments: dict[str, Any], found: list[int], user_client: FlaskClient, job: Job) -> None:
    assert days(user_client, job, **arguments) == found


def test_the_plus_of_an_offset_need_not_be_escaped(user_client: FlaskClient, job: Job) -> None:
    response = user_client.get(f"/scheduled-jobs/{job.id}/runs?fromDate=2022-02-22T07:15:00+02:00")

    assert len(response.get_json()) == 1


BAD_FILTERS = {
    "fromDate=yesterday": "fromDate must look like 20220221, 20220221T061500 or 2022-02-21 06:15, but was 'yesterday'",
    "toDate=20220230": "toDate must look like 20220221, 20220221T061500 or 2022-02-21 06:15, but was '20220230'",
    "status=DONE": "status must be one of IN_PROGRESS, SUCCEEDED, FAILED, but was 'DONE'",
    "maxResults=-1": "maxResults must be a whole number, but was '-1'",
}


@pytest.mark.parametrize(("query", "message"), BAD_FILTERS.items(), ids=BAD_FILTERS.keys())
def test_filters_that_make_no_sense(query: str, message: str, user_client: FlaskClient, job: Job) -> None:
    response = user_client.get(f"/scheduled-jobs/{job.id}/runs?{query}")

    assert response.status_code == 400
    assert response.get_json() == [{"code": "INVALID_REQUEST", "message": message}]


def test_an_unknown_job_has_no_runs(user_client: FlaskClient) -> None:
    response = user_client.get("/scheduled-jobs/77/runs")

    assert (response.status_code, response.get_json()) == (200, [])


# Result file


NOT_AVAILABLE = {
    "code": "SCHEDULED_JOB_RESULT_DATA_FILE_NOT_AVAILABLE",
    "message": "Job run result data file is not generated.",
}


def test_a_run_in_progress_has_no_file_yet(user_client: FlaskClient, job: Job) -> None:
    for run_id in (1, 2, 3):
        response = user_client.get(f"/scheduled-jobs/{job.id}/runs/{run_id}/result-file")

        assert (response.status_code, response.get_json()) == (400, [NOT_AVAILABLE])


def test_a_run_is_found_only_under_its_own_job(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job, other = make_job(), make_job("other")
    run_id = play.run(job, content=CSV)

    for path in ("", "/result-file"):
        response = user_client.get(f"/scheduled-jobs/{other.id}/runs/{run_id}{path}")

        problem = {"code": "SCHEDULED_JOB_JOB_RUN_NOT_FOUND", "message": "Job run does not exist."}
        assert (response.status_code, response.get_json()) == (400, [problem])


@pytest.mark.parametrize("root", ROOTS)
def test_the_result_of_a_deleted_job_can_still_be_downloaded(
    root: str, user_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    run_id = play.run(job, content=CSV)
    services.jobs.delete(job.uid, by="ada")

    response = user_client.get(f"{root}/scheduled-jobs/{job.id}/runs/{run_id}/result-file", buffered=True)

    assert (response.status_code, response.data) == (200, CSV)


# For real


@pytest.fixture
def real_executor(settings: Settings, clock: FakeClock) -> InlineExecutor:
    return InlineExecutor(JobTypes([SQL_EXPORT]), ResultStore(settings.data_dir / "results"), clock=clock, workers=0)


@pytest.fixture
def real_services(services: Services, real_executor: InlineExecutor) -> Iterator[Services]:
    services.engine.executor = real_executor
    real_executor.start(services.engine.deliver)
    yield services
    real_executor.stop(0)


def test_a_script_runs_a_query_with_arguments_and_downloads_its_csv(
    user_client: FlaskClient, real_services: Services, make_job: MakeJob
) -> None:
    job = make_job()

    user_client.post(f"/scheduled-jobs/{job.id}/runs", json={"args": "south"})
    real_services.engine.dispatch()
    real_services.engine.record()

    [run] = user_client.get(f"/scheduled-jobs/{job.id}/runs?status=SUCCEEDED").get_json()
    file = user_client.get(f"/scheduled-jobs/{job.id}/runs/{run['id']}/result-file", buffered=True)
    assert file.data == b"id,name\n3,Cid\n"
    assert file.headers["Content-Disposition"] == f'attachment; filename="{run["logFilePath"]}"'
