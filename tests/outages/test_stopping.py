"""SIGTERM: nothing new begins, running work has its grace time, and the server is gone when it said it would be."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from app.adapters.clock import utc_now
from app.adapters.migrations import migrate
from app.core.db import Database
from app.core.models import Job, Run, Trigger
from app.core.statuses import FailureReason, RunStatus, TriggerKind
from tests import services
from tests.e2e.server import ROOT, Server, until
from tests.outages import kinds
from tests.torture import witness

GRACE, BEYOND = 1, 15  # seconds
LONG = 60_000  # milliseconds


class House:
    """A server with two workers, three jobs that take a minute and one that is due every second."""

    def __init__(self, folder: Path, url: str = "", **settings: str) -> None:
        self.book = folder / "book"
        witness.install(folder / "plugin")
        self.server = Server(
            folder / "data", PYTHONPATH=f"{folder / 'plugin'}:{ROOT}", CARILLON_SHUTDOWN_GRACE=str(GRACE)
        )
        self.server.environment |= settings | ({"CARILLON_DATABASE_URL": url} if url else {})
        self.server.data_dir.mkdir(mode=0o700)
        self.db = Database(url or f"sqlite:///{folder}/data/carillon.db")
        migrate(self.db, now := utc_now())
        jobs = [
            {"uid": f"w{n:010}", "name": f"witness {n}", "job_type": "WITNESS", "enabled": True, "created_at": now,
             "parameters": {"book": str(self.book), "milliseconds": 0 if n == 4 else LONG}}
            for n in (1, 2, 3, 4)
        ]  # fmt: skip
        every_second = {"job_id": 4, "kind": TriggerKind.SIMPLE, "timezone": "UTC", "every_seconds": 1}
        with self.db.transaction() as session:
            session.execute(insert(Job), jobs)
            session.execute(insert(Trigger), [every_second | {"start_at": now, "next_fire_at": now}])

    def run(self, *numbers: int) -> list[int]:
        answers = [self.server.post(f"/api/v1/jobs/w{number:010}/runs", json={}) for number in numbers]
        return [answer.json()["id"] for answer in answers]

    def statuses(self, ids: list[int]) -> list[RunStatus]:
        with self.db.reading() as session:
            return [session.get_one(Run, run_id).status for run_id in ids]

    def began(self, ids: list[int]) -> int:
        """How many of these are in their job's own code, or were."""
        return len(witness.read(self.book).began.keys() & set(ids))

    def close(self) -> None:
        if self.server.is_running:
            self.server.stop(signal.SIGKILL)
        self.db.dispose()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_a_stop_interrupts_what_runs_and_leaves_what_waits(house: House) -> None:
    house.server.start()
    ids = house.run(1, 2, 3)
    until(lambda: house.began(ids) == 2, "two runs to begin")
    began = utc_now()
    status = house.server.stop()
    took = (utc_now() - began).total_seconds()

    assert (status, took < GRACE + BEYOND) == (0, True)
    *running, waiting = house.statuses(ids)
    assert (running, waiting) == ([RunStatus.INTERRUPTED] * 2, RunStatus.QUEUED)
    with house.db.reading() as session:
        assert {session.get_one(Run, run_id).reason for run_id in ids[:2]} == {FailureReason.SHUTDOWN}
        last = session.scalar(select(func.max(Run.begun_at)))
    assert last is not None
    assert (last - began).total_seconds() < 1

    house.server.environment["CARILLON_SHUTDOWN_GRACE"] = "60"
    house.server.start()
    until(lambda: house.statuses(ids)[2] is RunStatus.RUNNING, "the run that waited to begin")
    house.server.process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]
    until(lambda: "stopping: running jobs have 60 seconds" in "".join(house.server.output), "it to be heard")
    assert house.server.stop() == 128 + signal.SIGTERM  # a second signal: at once


@pytest.mark.skipif(os.environ.get("CARILLON_TEST_OUTAGES") != "long", reason="20 s of waiting: make torture")
def test_a_stop_while_the_database_is_away_keeps_its_time(tmp_path: Path, postgresql_url: str) -> None:
    with services.postgresql_database(postgresql_url) as url:
        line = kinds.Line(url)
        house = House(tmp_path, line.url)
        try:
            house.server.start()
            ids = house.run(1)
            until(lambda: house.began(ids), "it to begin")
            with line.silent():
                began = time.monotonic()
                assert house.server.stop() == 0
                assert time.monotonic() - began < GRACE + BEYOND

            house.server.start()
            until(lambda: house.statuses(ids) == [RunStatus.INTERRUPTED], "its end, from the spool")
            with house.db.reading() as session:
                assert session.get_one(Run, ids[0]).reason is FailureReason.SHUTDOWN
        finally:
            house.close()
            line.close()
