"""/api/system/tasks: what a job says while it runs, as DHIS2's notifications."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from app.core.ports import Assignment, Logged, LogLine
from app.core.statuses import RunStatus
from tests.web.conftest import MakeJob, Play

TASKS = "/api/system/tasks/SQL_EXPORT"


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(uid="KBcP6Qw37gT")


def say(play: Play, assignment: Assignment, *words: str) -> None:
    lines = [LogLine(play.clock(), "warning", text) for text in words]
    play.services.engine.deliver([Logged(assignment.run_id, assignment.token, lines)])
    play.services.engine.record()


def told(client: FlaskClient, path: str) -> Any:
    return [(one["level"], one["message"], one["completed"]) for one in client.get(path).get_json()]


def test_what_it_says_is_told_newest_first(user_client: FlaskClient, job: Job, play: Play) -> None:
    running = play.begin(job)
    say(play, running, "one", "two")

    [newest, oldest] = user_client.get(f"{TASKS}/{job.uid}").get_json()

    assert newest == {
        "uid": newest["id"],
        "level": "WARN",
        "category": "SQL_EXPORT",
        "time": "2026-03-02T13:00:00.000",
        "message": "two",
        "completed": False,
        "id": newest["uid"],
    }
    assert (oldest["message"], oldest["uid"] == newest["uid"]) == ("one", False)
    assert user_client.get("/api/40/system/tasks/sql_export").get_json() == {job.uid: [newest, oldest]}


def test_the_end_is_told_too_and_the_next_start_begins_afresh(user_client: FlaskClient, job: Job, play: Play) -> None:
    play.run(job)
    assert told(user_client, f"{TASKS}/{job.uid}") == [("INFO", "nightly visits: succeeded", True)]
    play.run(job, RunStatus.FAILED, error="no such table")
    assert told(user_client, f"{TASKS}/{job.uid}") == [("ERROR", "no such table", True)]

    play.begin(job)

    assert told(user_client, f"{TASKS}/{job.uid}") == []
    assert user_client.get(TASKS).get_json() == {job.uid: []}


def test_where_nothing_ran_there_is_nothing(user_client: FlaskClient, job: Job) -> None:
    assert user_client.get(TASKS).get_json() == {}
    assert user_client.get(f"{TASKS}/{job.uid}").get_json() == []
    assert user_client.get("/api/system/tasks/NOPE").status_code == 400
    assert user_client.get(f"{TASKS}/x2345678901").status_code == 404
