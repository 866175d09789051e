"""The real server under load while something that it needs is away, and what that does to it.

Ten triggers fire five times a second. A run begins before the outage and ends in it. While it lasts the web is asked in
every dialect; afterwards each moment has to have its one row, and a run that somebody asks for has to succeed.
"""

import threading
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import requests
from sqlalchemy import select, update

from app.adapters.clock import utc_now
from app.core.db import Database
from app.core.models import Job, Run, Trigger
from app.core.statuses import ACTIVE, RunStatus
from tests.e2e.server import ROOT, Server, until
from tests.torture import schedule, verdict, witness

TRIGGERS = 10
BEFORE, AFTER = 2.0, 2.0  # seconds of moments before the outage and after it
FAMILIES = ("/jobs", "/api/v1/jobs", "/api/jobConfigurations", "/rest/ng/scheduled-jobs", "/v1/backgroundtasks/jobs",
            "/api/jobs", "/r/witness%201", "/login", "/nothing-here")  # fmt: skip
ONE_AT_A_TIME = threading.Lock()  # Alembic has globals
LINES_TOLD = 40  # of a server that does not work again
PATIENCE = 60.0  # seconds; machines that run tests may be busy with other things, too


@dataclass
class Measured:
    seconds: float  # that the outage lasted
    slowest_answer: float = 0.0  # of the web meanwhile, in seconds
    answers: dict[int, int] = field(default_factory=dict)  # by status
    told_after: float | None = None  # seconds until /healthz said so
    working_after: float = 0.0  # seconds from its end until a run that was asked for has succeeded
    run_in_it: RunStatus | None = None  # the end of the run that ended in it
    moments: verdict.Verdict | None = None
    outcomes: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class Scene:
    def __init__(self, folder: Path, seconds: float, database_url: str = "", **settings: str) -> None:
        self.seconds = seconds
        self.book = folder / "book"
        witness.install(folder / "plugin")
        self.server = Server(folder / "data", PYTHONPATH=f"{folder / 'plugin'}:{ROOT}", **settings)
        if database_url:
            self.server.environment["CARILLON_DATABASE_URL"] = database_url
        self.server.data_dir.mkdir(mode=0o700, exist_ok=True)
        self.db = Database(database_url or f"sqlite:///{folder}/data/carillon.db")
        with ONE_AT_A_TIME:
            schedule.fill(self.db, TRIGGERS, self.book)
        self._last_answer = "none"  # to a run that was asked for; says more than the time that was waited
        self._set(2, milliseconds=int(seconds * 500))
        by_hand = update(Trigger).where(Trigger.job_id.in_((1, 2)))
        with self.db.transaction() as session:
            session.execute(by_hand.values(end_at=Trigger.start_at, next_fire_at=None))
            session.execute(by_hand.values(start_at=utc_now() + timedelta(hours=1)))

    def _set(self, number: int, **parameters: object) -> None:
        with self.db.transaction() as session:
            job = session.get_one(Job, number)
            job.parameters = {**job.parameters, **parameters}

    def play(self, outage: AbstractContextManager[object], *, asks: bool = True) -> Measured:
        """The whole of it. ``asks``: the server can answer while the outage lasts."""
        self.server.start(PATIENCE)
        last = utc_now() + timedelta(seconds=BEFORE + self.seconds + AFTER)
        with self.db.transaction() as session:
            session.execute(update(Trigger).where(Trigger.next_fire_at.is_not(None)).values(end_at=last))
        until(self._has_fired, "the first runs", PATIENCE)
        in_it = self._start(2)
        measured = Measured(self.seconds)
        with outage:
            self._endure(measured, asks)
        measured.working_after = self._works_after()
        until(self._is_quiet, "the end of all runs", PATIENCE)
        measured.run_in_it = self._run(in_it).status
        measured.moments = verdict.judge(self.db, witness.read(self.book))
        measured.outcomes = verdict.outcomes(self.db)
        assert self.server.is_running, "".join(self.server.output)
        return measured

    def close(self) -> None:
        if self.server.is_running:
            assert self.server.stop() == 0, "".join(self.server.output)
        self.db.dispose()

    def _endure(self, measured: Measured, asks: bool) -> None:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < self.seconds:
            if not asks:
                threading.Event().wait(self.seconds - passed)
                continue
            for path in FAMILIES:
                self._ask(measured, "GET", path)
            self._ask(measured, "PATCH", "/api/v1/jobs/w0000000001", json={"description": "changed meanwhile"})
            if measured.told_after is None and self._health() == 503:
                measured.told_after = time.monotonic() - began
            threading.Event().wait(0.2)

    def _ask(self, measured: Measured, method: str, path: str, **options: object) -> None:
        began = time.monotonic()
        answer = self.server.session.request(
            method,
            self.server.url + path,
            allow_redirects=False,
            timeout=30,
            **options,  # type: ignore[arg-type]
        )
        measured.slowest_answer = max(measured.slowest_answer, time.monotonic() - began)
        measured.answers[answer.status_code] = measured.answers.get(answer.status_code, 0) + 1

    def _health(self) -> int:
        return requests.get(self.server.url + "/healthz", timeout=10).status_code

    def _works_after(self) -> float:
        """Seconds until a run that is asked for now has succeeded, and all is said to be well."""
        began = time.monotonic()
        try:
            run = until(lambda: self._start(1), "a run to be accepted", PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._told()}") from error
        until(lambda: self._run(run).status.is_final, "its end", PATIENCE)
        assert self._run(run).status is RunStatus.SUCCEEDED, self._run(run).error
        until(lambda: self._health() == 200, "health to say so", PATIENCE)
        return time.monotonic() - began

    def _told(self) -> str:
        lives = "it runs" if self.server.is_running else "it has ended"
        said = "".join(self.server.output[-LINES_TOLD:])
        return f"the last answer of the server was {self._last_answer}; {lives}, and has said:\n{said}"

    def _start(self, number: int) -> int | None:
        try:
            answer = self.server.post(f"/api/v1/jobs/w{number:010}/runs", json={})
        except requests.ConnectionError as error:  # one that was kept open, and was closed as nothing was heard of it
            self._last_answer = repr(error)
            return None
        self._last_answer = f"{answer.status_code} {answer.text}"
        return int(answer.json()["id"]) if answer.ok else None

    def _run(self, run_id: int | None) -> Run:
        with self.db.reading() as session:
            return session.get_one(Run, run_id)

    def _has_fired(self) -> bool:
        return self.book.exists()

    def _is_quiet(self) -> bool:
        due = select(Trigger.id).where(Trigger.id.in_(range(3, TRIGGERS + 1)), Trigger.next_fire_at.is_not(None))
        with self.db.reading() as session:
            active = session.scalar(select(Run.id).where(Run.status.in_(ACTIVE)).limit(1))
            return active is None and session.scalar(due.limit(1)) is None
