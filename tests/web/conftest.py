"""The application over real services on SQLite, with a clock and an executor that the tests move."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Authorization

from app.bootstrap import Services, build
from app.core.job_types import JobTypes
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.ports import Assignment, Ended, Started
from app.core.statuses import FailureReason, Role, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec, cron
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from app.web import attach, create_app
from config import Settings
from tests.databases import put_copy, put_migrated, template_path
from tests.fakes import FakeClock, FakeExecutor, PlainHasher

ZONE = "Europe/Paris"  # not UTC: a time that is shown in the wrong zone fails a test
PASSWORD = "correct horse battery"
QUERY = "SELECT id, name FROM visit WHERE region = :region AND id >= :least ORDER BY id"
CSV = b"id,name\n1,Ada\n2,Bob\n"

MakeJob = Callable[..., Job]


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """pytest-flask would keep one context open for the whole test: every request would be the first one's user."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()  # 2026-03-02 12:00 UTC, a Monday; 13:00 in Paris


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """A small database to read from."""
    return Path(shutil.copy(_visits(), tmp_path / "visits.db"))


@cache
def _visits() -> Path:
    path = template_path("visits.db")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, name TEXT, region TEXT)")
        rows = [(1, "Ada", "north"), (2, "Bob", "north"), (3, "Cid", "south")]
        connection.executemany("INSERT INTO visit VALUES (?, ?, ?)", rows)
    connection.close()
    return path


@pytest.fixture
def settings(tmp_path: Path, visits: Path) -> Settings:
    return Settings(
        data_dir=put_copy(_peopled, tmp_path / "data"), timezone=ZONE, connections={"clinic": f"sqlite:///{visits}"}
    )


@cache
def _peopled() -> Path:
    """With an administrator, a user, and the timer's table."""
    folder = put_migrated(template_path("peopled"))
    built = build(Settings(data_dir=folder), now=FakeClock(), executor=FakeExecutor(), hasher=PlainHasher())
    built.timer.store.jobs_t.create(built.db.engine)
    built.users.add("ada", PASSWORD, Role.ADMINISTRATOR)
    built.users.add("uma", PASSWORD, Role.USER)
    built.keeper.lease.release()
    built.db.dispose()
    return folder / "carillon.db"


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes([SQL_EXPORT])


@pytest.fixture
def services(settings: Settings, clock: FakeClock, executor: FakeExecutor, job_types: JobTypes) -> Iterator[Services]:
    built = build(settings, now=clock, executor=executor, types=job_types, hasher=PlainHasher())
    built.keeper.active = True
    yield built
    built.keeper.lease.release()
    built.db.dispose()


_made: list[Flask] = []


@pytest.fixture
def app(services: Services) -> Flask:
    """To make its hundreds of routes takes longer than most tests: it is made once in a process, and serves others."""
    if services.settings.dhis2_app_dir is not None:
        built = create_app(services)  # has routes of its own
    else:
        _made[:] = _made or [create_app(services)]
        attach(built := _made[0], services)
    built.config["TESTING"] = False  # errors are answered, not raised
    return built


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Nobody."""
    return app.test_client()


@pytest.fixture
def admin_client(app: Flask) -> FlaskClient:
    return _client_of(app, "ada")


@pytest.fixture
def user_client(app: Flask) -> FlaskClient:
    return _client_of(app, "uma")


def _client_of(app: Flask, username: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = basic(username).to_header()
    return client


def basic(username: str, password: str = PASSWORD) -> Authorization:
    return Authorization("basic", {"username": username, "password": password})


@pytest.fixture
def make_job(services: Services) -> MakeJob:
    """Make a SQL export; daily at 03:00 Paris time unless other triggers are given."""

    def make(name: str = "nightly visits", *, triggers: list[TriggerSpec] | None = None, **fields: Any) -> Job:
        triggers = [cron("0 0 3 * * ?", ZONE)] if triggers is None else triggers
        return services.jobs.create(JobSpec(name, "SQL_EXPORT", sql(), triggers, **fields), by="ada")

    return make


def sql(**parameters: Any) -> dict[str, Any]:
    values = {"region": "north", "least": 1}
    return {"connection": "clinic", "query": QUERY, "parameters": values, **parameters}


def every(seconds: int) -> TriggerSpec:
    return TriggerSpec(TriggerKind.SIMPLE, ZONE, every_seconds=seconds)


def after(seconds: int) -> TriggerSpec:
    return TriggerSpec(TriggerKind.FIXED_DELAY, ZONE, delay_seconds=seconds)


@dataclass
class Play:
    """Moves runs through their lives as a worker would."""

    services: Services
    executor: FakeExecutor
    clock: FakeClock

    def begin(self, job: Job, by: str = "ada") -> Assignment:
        """Ask for a run; a worker has begun with it when this returns."""
        self.services.runs.request(job.uid, by)
        self.services.engine.dispatch()
        assignment = self.executor.assignments[-1]
        self._report(Started(assignment.run_id, assignment.token, self.clock(), pid=4711, start_ticks=1))
        return assignment

    def end(
        self,
        assignment: Assignment,
        status: RunStatus = RunStatus.SUCCEEDED,
        *,
        reason: FailureReason | None = None,
        error: str | None = None,
        content: bytes | None = None,
        name: str = "visits.csv",
        csv: dict[str, Any] | None = None,
    ) -> int:
        """End a run, with a result file if there is content for it. Gives the run's id."""
        files = []
        if content is not None:
            with self.services.store.create(assignment, 1, name, "text/csv") as writer:
                writer.write(content)
                writer.describe(rows=content.count(b"\n") - 1, columns=["id", "name"], csv=csv)
            files.append(writer.made())
        self._report(Ended(assignment.run_id, assignment.token, self.clock(), status, reason, error, files))
        return assignment.run_id

    def run(self, job: Job, status: RunStatus = RunStatus.SUCCEEDED, seconds: float = 21.78, **ending: Any) -> int:
        """A whole run of some seconds."""
        assignment = self.begin(job)
        self.clock.advance(seconds=seconds)
        return self.end(assignment, status, **ending)

    def _report(self, report: Started | Ended) -> None:
        self.services.engine.deliver([report])
        self.services.engine.record()


@pytest.fixture
def play(services: Services, executor: FakeExecutor, clock: FakeClock) -> Play:
    return Play(services, executor, clock)
