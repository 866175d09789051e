"""A companion writes into ``job`` and ``trigger`` itself, as docs/control.md describes; /api/add takes the rows up."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.job_types import JobTypes
from app.core.runs import RunFilter
from app.core.statuses import FireOutcome, FireReason
from app.job_types.http_call import RUNNER_CALL
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, every
from tests.web.control.conftest import Ask

Write = Callable[..., int]


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes([RUNNER_CALL, SQL_EXPORT])


@pytest.fixture
def database(services: Services) -> Iterator[sqlite3.Connection]:
    """As a companion opens it: foreign keys are off."""
    path = services.settings.data_dir / "carillon.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def write(database: sqlite3.Connection) -> Write:
    """Insert a row; gives its id."""

    def insert(table: str, **values: Any) -> int:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        written = database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', list(values.values()))
        assert written.lastrowid is not None
        return written.lastrowid

    return insert


def job_row(**values: Any) -> dict[str, Any]:
    return {"uid": "e0123456789", "name": "nightly", "job_type": "RUNNER_CALL", **values}


def cron_row(job_id: int, **values: Any) -> dict[str, Any]:
    row = {"job_id": job_id, "kind": "cron", "timezone": "Europe/Paris", "expression": "0 0 3 * * ?",
           "dialect": "quartz"}  # fmt: skip
    return {**row, **values}


def test_rows_as_described_are_taken_up(write: Write, ask: Ask, services: Services, clock: FakeClock) -> None:
    task = write("job", id=70, **job_row())
    write("trigger", **cron_row(task))
    write("trigger", job_id=task, kind="simple", timezone="UTC", every_seconds=600)
    write("trigger", job_id=task, kind="once", timezone="UTC", start_at="2026-03-02 12:30:00")
    assert ask("/jobs") == []

    assert ask("/add/70") == {"message": "Scheduler: task job added!"}

    job = services.jobs.get_by_id(70)
    assert (job.enabled, job.group, job.version) == (True, "DEFAULT", 1)
    assert job.parameters == {"task": None, "answer": "status", "timeLimitSeconds": 60}
    assert ask("/scheduled") == [70, 70, 70]
    services.engine.tick()
    assert [run.job_id for run in services.runs.list(RunFilter())] == [70]


REFUSED = {
    "kind": ("trigger", {"kind": "sometimes"}, "trigger.kind must be one of: cron, simple,"),
    "no job": ("trigger", {"job_id": 999}, "trigger.job_id must name a row of job"),
    "no calendar": ("trigger", {"calendar_id": 5}, "trigger.calendar_id must name a row of calendar"),
    "no number": ("trigger", {"every_seconds": "often"}, "trigger.every_seconds must be a whole number"),
    "half a number": ("trigger", {"repeat_count": 1.5}, "trigger.repeat_count must be a whole number"),
    "no moment": ("trigger", {"start_at": "tomorrow"}, "trigger.start_at must be a moment in UTC"),
    "no day": ("trigger", {"end_at": "2026-02-30 12:00:00"}, "trigger.end_at must be a moment in UTC"),
    "seconds since 1970": ("trigger", {"start_at": 1772452800}, "trigger.start_at must be a moment in UTC"),
    "a zone": ("trigger", {"start_at": "2026-03-02 12:00:00+02:00"}, "trigger.start_at must be a moment in UTC"),
    "next time": ("trigger", {"next_fire_at": "soon"}, "trigger.next_fire_at must be a moment in UTC"),
    "no truth": ("job", {"enabled": "yes"}, "job.enabled must be 0 or 1"),
    "no JSON": ("job", {"parameters": "a=b"}, "job.parameters must be a JSON object"),
    "other JSON": ("job", {"parameters": "[1]"}, "job.parameters must be a JSON object"),
    "no rule": ("job", {"overlap": "never"}, "job.overlap must be one of: skip"),
    "created": ("job", {"created_at": ""}, "job.created_at must be a moment in UTC"),
}


@pytest.mark.parametrize(("table", "wrong", "words"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("how", ["insert", "update"])
def test_what_could_not_be_read_is_refused_by_the_database(
    how: str, table: str, wrong: dict[str, Any], words: str, write: Write, database: sqlite3.Connection
) -> None:
    if how == "update" and "next_fire_at" in wrong:
        return  # written at every fire: guarded where a row is made only
    task = write("job", **job_row(uid="e0000000000", name="there"))
    trigger = write("trigger", **cron_row(task))
    row = job_row() if table == "job" else cron_row(task)
    [(column, value)] = wrong.items()

    if how == "insert":
        with pytest.raises(sqlite3.DatabaseError, match=words):
            write(table, **{**row, column: value})
    else:
        there = task if table == "job" else trigger
        with pytest.raises(sqlite3.DatabaseError, match=words):
            database.execute(f'UPDATE "{table}" SET {column} = ? WHERE id = ?', [value, there])


def test_a_job_with_triggers_is_not_taken_away_under_them(write: Write, database: sqlite3.Connection) -> None:
    task = write("job", **job_row())
    write("trigger", **cron_row(task))

    with pytest.raises(sqlite3.DatabaseError, match="rows of the table trigger name this row in job_id"):
        database.execute("DELETE FROM job")


MEANINGLESS = {
    "expression": ({"expression": "0 0 25 * * ?"}, "triggers.0.expression: "),
    "no expression": ({"expression": None}, "triggers.0.expression: a cron expression is required"),
    "dialect": ({"dialect": "klingon"}, "triggers.0.dialect: "),
    "zone": ({"timezone": "Mars/Olympus"}, "triggers.0.timezone: 'Mars/Olympus' is no time zone"),
    "a path for a zone": ({"timezone": "../../etc/passwd"}, "triggers.0.timezone: "),
    "gap": ({"gap": "wide"}, "triggers.0.gap: 'wide' is none of: next, skip"),
    "misfire": ({"misfire": "banana"}, "triggers.0.misfire: "),
    "end before start": (
        {"start_at": "2026-03-03 00:00:00", "end_at": "2026-03-02 00:00:00"}, "triggers.0.end_at: "
    ),
    "no interval": ({"kind": "simple"}, "triggers.0.every_seconds: a number of seconds is required"),
    "negative interval": ({"kind": "simple", "every_seconds": -5}, "triggers.0.every_seconds: must be from 1"),
    "no unit": ({"kind": "calendar_interval", "every_count": 1}, "triggers.0.every_unit: None is none of"),
    "no time of day": (
        {"kind": "daily_interval", "every_seconds": 60, "from_time": "8 o'clock", "to_time": "17:00"},
        "triggers.0.from_time: ",
    ),
    "no weekday": (
        {"kind": "daily_interval", "every_seconds": 60, "from_time": "08:00", "to_time": "17:00", "weekdays": "FOO"},
        "triggers.0.weekdays: 'FOO' is none of",
    ),
    "no moment": ({"kind": "once"}, "triggers.0.start_at: the moment must lie in the future"),
}  # fmt: skip
meaningless = pytest.mark.parametrize(("wrong", "words"), MEANINGLESS.values(), ids=MEANINGLESS.keys())


@meaningless
def test_what_means_nothing_is_told_by_add(
    wrong: dict[str, Any], words: str, write: Write, ask: Ask, services: Services
) -> None:
    task = write("job", **job_row())
    write("trigger", **cron_row(task, **wrong))

    answer = ask(f"/add/{task}")

    assert answer.keys() == {"error"}
    assert answer["error"].startswith(f"Scheduler (add job):\n{words}")
    assert ask("/scheduled") == []


JOBS = {
    "type": ({"job_type": "NOPE"}, "job_type: no job type 'NOPE'"),
    "name": ({"name": "  "}, "name: a name is required"),
    "uid": ({"uid": "1"}, "uid: '1' is no uid"),
    "parameters": ({"parameters": '{"answer": "maybe"}'}, "parameters.answer: "),
}


@pytest.mark.parametrize(("wrong", "words"), JOBS.values(), ids=JOBS.keys())
def test_a_wrong_job_is_told_by_add(wrong: dict[str, Any], words: str, write: Write, ask: Ask) -> None:
    task = write("job", **job_row(**wrong))

    assert ask(f"/add/{task}")["error"].startswith(f"Scheduler (add job):\n{words}")


@meaningless
def test_the_engine_goes_on_beside_a_trigger_that_means_nothing(
    wrong: dict[str, Any], words: str, write: Write, services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    """Such as one that was changed behind our back: its fire is in the ledger with the reason, once."""
    good = make_job(triggers=[every(60)])
    task = write("job", **job_row(enabled=1))
    write("trigger", **cron_row(task, next_fire_at="2026-03-02 12:00:00", **wrong))

    for _ in range(2):
        services.engine.tick()

    [fire] = services.fires.of_job(task)
    assert (fire.outcome, fire.reason) == (FireOutcome.MISSED, FireReason.UNREADABLE)
    assert [run.job_id for run in services.runs.list(RunFilter())] == [good.id]


EVERYWHERE = [
    "/jobs", "/jobs/{uid}", "/jobs/{uid}/edit", "/jobs/{uid}/ledger", "/runs", "/clock-changes",
    "/api/jobConfigurations?fields=*", "/api/jobConfigurations/{uid}", "/api/scheduler", "/scheduled-jobs",
    "/scheduled-jobs/{id}", "/api/details", "/api/schedule", "/api/delete-orphans?dry_run=1",
]  # fmt: skip


@meaningless
def test_every_page_and_list_shows_it(
    wrong: dict[str, Any], words: str, write: Write, services: Services, admin_client: FlaskClient,
    client: FlaskClient,
) -> None:  # fmt: skip
    task = write("job", **job_row(enabled=1))
    write("trigger", **cron_row(task, **wrong))
    uid = services.jobs.get_by_id(task).uid
    with admin_client.session_transaction() as session:
        session["login"] = services.users.open_session(services.users.get("ada"))

    for path in EVERYWHERE:
        asked = client if path.startswith("/api/de") or path == "/api/schedule" else admin_client
        answer = asked.get(path.format(uid=uid, id=task))
        assert answer.status_code == 200, (path, answer.status_code)
