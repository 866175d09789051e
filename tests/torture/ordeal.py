"""Kill the real server, its warden, its workers or all of them, again and again, while many triggers fire."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Event

from sqlalchemy import select

from app.core.db import Database
from app.core.models import Run, Trigger
from app.core.recording import GOING_ON
from app.core.statuses import ACTIVE
from tests.e2e.server import ROOT, Server, until
from tests.torture import family, schedule, witness

PATIENCE = 120.0  # seconds; machines that are tortured may be busy with other things, too


class Ordeal:
    def __init__(self, folder: Path, triggers: int, database_url: str = "", seed: int | None = None) -> None:
        self.random = Random(seed)
        self.book = folder / "book"
        self.kills: Counter[str] = Counter()
        self.ready_seconds: list[float] = []  # from the start of a server until it answers
        self.marked_seconds: list[float] = []  # from then until no attempt of an earlier one is open
        witness.install(folder / "plugin")
        settings = {"CARILLON_DATABASE_URL": database_url} if database_url else {}
        path = os.pathsep.join([str(folder / "plugin"), str(ROOT)])
        self.server = Server(folder / "data", PYTHONPATH=path, CARILLON_SHUTDOWN_GRACE="5", **settings)
        self.server.data_dir.mkdir(mode=0o700)
        self.db = Database(database_url or f"sqlite:///{folder}/data/carillon.db")
        schedule.fill(self.db, triggers, self.book)

    def suffer(self, victims: Sequence[str], *, at_most_seconds: float = 2.0) -> None:
        """Kill these, one after the other, each after up to so many seconds.

        Half of them are only counted from the moment at which work has begun: forking workers takes its time, too.
        """
        self._start()
        for victim in victims:
            if self.random.random() < 0.5:
                self._wait_for_work()
            Event().wait(self.random.uniform(0.02, at_most_seconds))
            self._kill(victim)
            if victim in ("server", "all"):
                self._start()

    def recover(self) -> None:
        """From now on no new moments: wait until nothing is left to do."""
        self._kill("server")
        schedule.end(self.db)
        self._start()
        until(self._is_quiet, "the end of all runs", PATIENCE)

    def close(self) -> None:
        if self.server.process and self.server.process.poll() is None:
            self.server.stop()
        self.db.dispose()

    def _wait_for_work(self) -> None:
        written = self._book_size()
        until(lambda: self._book_size() > written, "a job to begin", PATIENCE)

    def _book_size(self) -> int:
        return self.book.stat().st_size if self.book.exists() else 0

    def _kill(self, victim: str) -> None:
        assert self.server.process
        self.kills[victim] += 1
        family.kill(victim, self.server.process.pid)
        if victim in ("server", "all"):
            self.server.process.wait()

    def _start(self) -> None:
        open_runs = self._open_runs()
        began = time.monotonic()
        self.server.start(PATIENCE)
        ready = time.monotonic()
        until(lambda: not open_runs & self._open_runs(), "an end of each attempt of the server before")
        self.ready_seconds.append(ready - began)
        self.marked_seconds.append(time.monotonic() - ready)

    def _open_runs(self) -> set[tuple[int, str | None]]:
        """Attempts that are going on, as the database says."""
        with self.db.reading() as session:
            rows = session.execute(select(Run.id, Run.token).where(Run.status.in_(GOING_ON)))
            return {(run_id, token) for run_id, token in rows}

    def _is_quiet(self) -> bool:
        due = select(Trigger.id).where(Trigger.end_at.is_not(None), Trigger.next_fire_at.is_not(None)).limit(1)
        with self.db.reading() as session:
            active = session.scalar(select(Run.id).where(Run.status.in_(ACTIVE)).limit(1))
            return active is None and session.scalar(due) is None
