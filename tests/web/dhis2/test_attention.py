"""/api/jobConfigurations: cancel, revert, due, stale, errors."""

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.runs import RunFilter
from app.core.statuses import FailureReason, RunStatus
from app.core.triggers import cron
from tests.fakes import FakeExecutor
from tests.web.conftest import ZONE, MakeJob, Play
from tests.web.dhis2.test_job_configurations import URL, plain


def test_what_runs_is_cancelled(admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    assignment = play.begin(job)

    for _ in range(2):
        answer = admin_client.post(f"{URL}/{job.uid}/cancel")
        assert (answer.status_code, answer.data) == (204, b"")

    assert services.runs.get(assignment.run_id).status is RunStatus.CANCELLING
    play.end(assignment, RunStatus.CANCELLED)
    assert admin_client.get(f"{URL}/{job.uid}?fields=lastExecutedStatus").get_json() == {
        "lastExecutedStatus": "STOPPED"
    }


def test_what_waits_is_cancelled_at_once(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    services.runs.request(job.uid, by="ada")

    admin_client.post(f"{URL}/{job.uid}/cancel")

    assert [run.status for run in services.runs.list(RunFilter())] == [RunStatus.CANCELLED]


def test_a_run_that_is_heard_of_is_not_reverted(admin_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    idle = admin_client.post(f"{URL}/{job.uid}/revert")
    play.begin(job)
    play.clock.advance(seconds=59)

    busy = admin_client.post(f"{URL}/{job.uid}/revert")

    assert idle.get_json() == plain(409, "Conflict", "Job is not running", "E1004")
    assert busy.get_json() == plain(409, "Conflict", "Failed to transition job from RUNNING state", "E1004")


def test_a_run_that_is_lost_is_reverted(
    admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play, executor: FakeExecutor
) -> None:
    job = make_job()
    assignment = play.begin(job)
    play.clock.advance(seconds=61)

    assert admin_client.post(f"{URL}/{job.uid}/revert").status_code == 204

    run = services.runs.get(assignment.run_id)
    assert (run.status, run.reason) == (RunStatus.INTERRUPTED, FailureReason.WORKER_LOST)
    assert run.error == "nothing was heard of it since 2026-03-02 12:00:00 UTC; ada gave it up"
    assert executor.cancelled == [(assignment.run_id, assignment.token)]
    assert admin_client.post(f"{URL}/{job.uid}/execute").status_code == 200
    play.end(assignment)  # what it says late changes nothing
    assert services.runs.get(assignment.run_id).status is RunStatus.INTERRUPTED


def test_due_jobs_are_those_of_the_next_seconds(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    make_job("at three")
    make_job("soon", triggers=[cron("30 0 * * * ?", ZONE)])
    make_job("sooner", triggers=[cron("20 0 * * * ?", ZONE)])
    make_job("off", triggers=[cron("20 0 * * * ?", ZONE)], enabled=False)

    due = admin_client.get(f"{URL}/due?seconds=60").get_json()

    assert [job["name"] for job in due] == ["sooner", "soon"]
    assert due[0] == admin_client.get(f"{URL}/{due[0]['id']}").get_json()
    assert admin_client.get(f"{URL}/due?seconds=19").get_json() == []


def test_those_that_wait_are_due_on_demand(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(triggers=[])
    services.runs.request(job.uid, by="ada")

    assert admin_client.get(f"{URL}/due?seconds=60").get_json() == []
    [shown] = admin_client.get(f"{URL}/due?seconds=60&includeWaiting=true").get_json()
    assert shown["id"] == job.uid


def test_stale_jobs_are_those_of_which_nothing_is_heard(
    admin_client: FlaskClient, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    make_job("idle")
    play.begin(job)
    play.clock.advance(seconds=30)

    assert admin_client.get(f"{URL}/stale?seconds=30").get_json() == []
    [shown] = admin_client.get(f"{URL}/stale?seconds=29").get_json()
    assert (shown["id"], shown["lastAlive"]) == (job.uid, "2026-03-02T13:00:00.000")


@pytest.mark.parametrize("path", ["due", "stale", "due?seconds=x", "stale?seconds=-1", f"due?seconds={'9' * 400}"])
def test_seconds_are_a_number(path: str, admin_client: FlaskClient) -> None:
    answer = admin_client.get(f"{URL}/{path}")

    assert answer.status_code == 400
    assert "is not valid for query parameter seconds" in answer.get_json()["message"]


def test_errors_are_those_of_the_newest_run(
    admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    assert admin_client.get(f"{URL}/{job.uid}/errors").get_json() == {}
    play.run(job, RunStatus.FAILED, reason=FailureReason.CONFIG, error="no connection")

    shown = admin_client.get(f"{URL}/{job.uid}/errors").get_json()

    assert shown == {
        "id": job.uid,
        "type": "SQL_EXPORT",
        "user": services.users.get("ada").uid,
        "created": "2026-03-02T13:00:00.000",
        "executed": "2026-03-02T13:00:00.000",
        "finished": "2026-03-02T13:00:21.780",
        "codes": ["CONFIG"],
        "errors": [{"code": "CONFIG", "id": job.uid, "type": "SQL_EXPORT", "args": [], "message": "no connection"}],
    }
    assert admin_client.get(f"{URL}/errors").get_json() == [shown]
    play.run(job)
    assert admin_client.get(f"{URL}/errors").get_json() == []


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("code=config", True),
        ("code=TIMEOUT", False),
        ("type=SQL_EXPORT", True),
        ("type=DATA_SYNC", False),
        ("object=<uid>", True),
        ("object=x", False),
        ("user=<ada>", True),
        ("user=x", False),
        ("from=2026-03-02", True),
        ("from=2026-03-02T13:00:01", False),
        ("to=2026-03-02", True),
        ("to=2026-03-01T23:59", False),
    ],
)
def test_errors_are_looked_for(
    query: str, fits: bool, admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    play.run(job, RunStatus.FAILED, reason=FailureReason.CONFIG)
    query = query.replace("<uid>", job.uid).replace("<ada>", services.users.get("ada").uid)

    assert len(admin_client.get(f"{URL}/errors?{query}").get_json()) == fits


def test_errors_tell_their_parameters_on_demand(admin_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    play.run(make_job(), RunStatus.FAILED)

    [shown] = admin_client.get(f"{URL}/errors?includeInput=true").get_json()

    assert shown["input"]["connection"] == "clinic"


def test_a_date_is_a_date(admin_client: FlaskClient) -> None:
    answer = admin_client.get(f"{URL}/errors?from=yesterday")

    message = "Value 'yesterday' is not valid for query parameter from: it must be a date."
    assert answer.get_json() == plain(400, "Bad Request", message)


def test_nothing_is_cleaned_away(admin_client: FlaskClient, make_job: MakeJob, services: Services, play: Play) -> None:
    """DHIS2 deletes jobs that ran once; one without a schedule is a job that somebody starts by hand here."""
    job = make_job(triggers=[])
    play.run(job)

    answer = admin_client.post("/api/jobConfigurations/clean?minutes=0")

    assert (answer.status_code, answer.data) == (204, b"")
    assert services.jobs.get(job.uid).deleted_at is None
    assert admin_client.post("/api/jobConfigurations/clean?minutes=x").status_code == 400
