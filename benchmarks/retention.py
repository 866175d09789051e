"""Removing old history while fires are written: how fast does it go, and how long does the writer wait?

A million runs (or as many as the first argument says), each with its moment and two log lines, of which a fifth is too
old. Meanwhile a writer makes 200 moments and runs a second, in 20 transactions, as wakes do; how long each takes, the
wait for its turn included, is measured. First it works alone, for comparison. The last line is one JSON object.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import select, text  # noqa: E402

from app.adapters.migrations import migrate  # noqa: E402
from app.core.db import PATIENT, Database, lock_wait_seconds  # noqa: E402
from app.core.engine import REST_SECONDS  # noqa: E402
from app.core.keeping import Keeping  # noqa: E402
from app.core.models import Fire, Job, LogEntry, Run  # noqa: E402
from app.core.queueing import start  # noqa: E402
from app.core.retention import Retention  # noqa: E402
from app.core.retention_rules import Rules  # noqa: E402
from app.core.statuses import FireOutcome, Origin, RunStatus  # noqa: E402

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOBS = 200
OLD = 0.2  # of the runs
DAYS = 500  # over which they are spread
KEEP = int(DAYS * (1 - OLD))
LINES = 2
AT_ONCE = 10  # fires in one transaction


def main() -> None:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="carillon-retention-"))
    try:
        figures = measure(Database(arguments.database or f"sqlite:///{folder / 'history.db'}"), arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=50_000, help="the coordinator's number is 1000000")
    parser.add_argument("--rate", type=int, default=200, help="fires a second")
    parser.add_argument("--database", default=os.environ.get("CARILLON_BENCHMARK_DATABASE"), help="an empty one")
    return parser.parse_args()


def measure(db: Database, arguments: argparse.Namespace) -> dict[str, object]:
    migrate(db, NOW)
    print(f"writing {arguments.runs:,} runs")
    fill(db, arguments.runs)
    retention = Retention(
        db,
        lambda: NOW,
        Keeping(db, lambda: NOW, print),
        time.monotonic,
        lambda took: time.sleep(max(took, REST_SECONDS)),
    )
    began = time.monotonic()
    preview = retention.preview(Rules(run_days=KEEP, log_days=KEEP))
    preview_seconds = time.monotonic() - began
    retention.save(Rules(run_days=KEEP, log_days=KEEP), "benchmark")
    alone = Writer(db, arguments.rate)
    with alone.at_work():
        time.sleep(3)
    beside = Writer(db, arguments.rate)
    began, removed = time.monotonic(), 0
    with beside.at_work():
        while count := retention.work():
            removed += count
    took = time.monotonic() - began
    with db.reading() as session:
        old = session.scalar(select(Run.id).where(Run.finished_at < NOW - timedelta(days=KEEP)).limit(1))
    assert old is None, f"run {old} is still there"
    print(f"removed {removed:,} rows in {took:.1f} s")
    return {
        "runs": arguments.runs,
        "previewed": sum(freed.count for freed in preview.kinds),
        "preview_ms": round(1000 * preview_seconds),
        "removed": removed,
        "rows_per_second": round(removed / took),
        "writes": len(beside.seconds),
        "longest_stall_ms": at(beside.seconds, 1),
        "p99_ms": at(beside.seconds, 0.99),
        "alone_longest_ms": at(alone.seconds, 1),
        "alone_p99_ms": at(alone.seconds, 0.99),
    }


def at(seconds: list[float], part: float) -> float:
    return round(1000 * sorted(seconds)[min(int(len(seconds) * part), len(seconds) - 1)], 1)


def fill(db: Database, runs: int) -> None:
    with db.transaction() as session:
        session.add_all(
            Job(id=n, uid=f"j{n:010d}", name=f"job {n}", job_type="NOOP", parameters={}, created_at=NOW, updated_at=NOW)
            for n in range(1, JOBS + 1)
        )
    step = timedelta(days=DAYS) / runs
    for first in range(0, runs, 20_000):
        numbers = range(first, min(first + 20_000, runs))
        rows = [_run(n + 1, NOW - timedelta(days=DAYS) + n * step) for n in numbers]
        with db.transaction() as session:
            connection = session.connection()
            connection.execute(Fire.__table__.insert(), [fire for fire, _ in rows])
            connection.execute(Run.__table__.insert(), [run for _, run in rows])
            said = {"at": NOW, "level": "info", "message": "a line of a log, as long as most"}
            lines = [{"run_id": n + 1, "number": line} | said for n in numbers for line in range(1, LINES + 1)]
            connection.execute(LogEntry.__table__.insert(), lines)

    if not db.is_sqlite:  # its sequences have not seen the ids above
        with db.transaction() as session:
            for table in ("job", "fire", "run"):
                session.execute(text(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"))


def _run(number: int, moment: datetime) -> tuple[dict[str, object], dict[str, object]]:
    job_id = number % JOBS + 1
    fire = {"id": number, "job_id": job_id, "scheduled_for": moment, "decided_at": moment,
            "outcome": FireOutcome.STARTED, "count": 1}  # fmt: skip
    run = {"id": number, "job_id": job_id, "fire_id": number, "job_name": f"job {job_id}", "job_type": "NOOP",
           "status": RunStatus.SUCCEEDED, "origin": Origin.TRIGGER, "parameters": {}, "scheduled_for": moment,
           "queued_at": moment, "started_at": moment, "finished_at": moment, "heartbeat_at": moment,
           "lease_until": moment, "attempts": 1, "last_log": LINES}  # fmt: skip
    return fire, run


@dataclass
class Writer:
    """Writes at a fixed rate; ``seconds`` are those of each transaction, from when it is asked for to its commit."""

    db: Database
    rate: int
    seconds: list[float] = field(default_factory=list)

    def at_work(self) -> "Writer":
        return self

    def __enter__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        lock_wait_seconds.set(PATIENT)
        for _ in self._dues():
            began = time.monotonic()
            self._write()
            self.seconds.append(time.monotonic() - began)

    def _dues(self) -> Iterator[float]:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            yield due
            due = max(time.monotonic(), due + AT_ONCE / self.rate)

    def _write(self) -> None:
        with self.db.transaction() as session:
            fire = {"scheduled_for": NOW, "decided_at": NOW, "outcome": FireOutcome.STARTED, "count": 1}
            start(session, {}, [fire | {"job_id": job_id} for job_id in range(1, AT_ONCE + 1)], NOW)


if __name__ == "__main__":
    main()
