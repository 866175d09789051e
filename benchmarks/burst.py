"""10,000 cron triggers due at one second: how soon is each decided and durable, how soon has each run ended?

Ours: SQLite (WAL, FULL), full history rows, no-op runs in real worker processes. The peer: stock APScheduler with its
default SQLite store, told to drop nothing, until the last of its no-op threads has begun. Both in this process, one
after the other. The last line is one JSON object.
"""

import json
import logging
import shutil
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: E402
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # noqa: E402
from apscheduler.schedulers.background import BackgroundScheduler  # noqa: E402
from sqlalchemy import func, insert, select  # noqa: E402

from app.bootstrap import WORKER, Services, build  # noqa: E402
from app.core.job_types import JobContext, JobType, JobTypes  # noqa: E402
from app.core.models import Fire, Job, Run, Trigger  # noqa: E402
from app.core.ports import Ended  # noqa: E402
from app.core.statuses import FireOutcome, RunStatus, TriggerKind  # noqa: E402
from config import Settings  # noqa: E402

JOBS = 10_000
LIMIT = 120.0  # seconds after which a measurement is given up
NOOP = JobType("NOOP", "No-op", "Does nothing.", "benchmarks.burst:noop")
TYPES = JobTypes([NOOP])
STOCK_BEGUN: list[float] = []


def noop(context: JobContext) -> None:
    """The whole work of a run."""


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="carillon-burst-"))
    try:
        ours = measure_ours(folder)
        stock = measure_stock(folder / "stock.db")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(ours, stock)


def measure_ours(folder: Path) -> dict[str, float]:
    settings = Settings(data_dir=folder / "data")
    services = build(settings, types=TYPES, worker=(*WORKER, "--job-types", "benchmarks.burst:TYPES"))
    services.start()
    due = soon(6)
    fill(services, due)
    stop_watch = StopWatch(services, due)
    try:
        return stop_watch.wait() | counts(services)
    finally:
        services.stop()


def soon(seconds: int) -> datetime:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def fill(services: Services, due: datetime) -> None:
    now = datetime.now(UTC)
    job = {"job_type": "NOOP", "parameters": {}, "enabled": True, "created_at": now, "updated_at": now}
    jobs = [{"id": n, "uid": f"j{n:010}", "name": f"job {n}", **job} for n in range(1, JOBS + 1)]
    cron = {"kind": TriggerKind.CRON, "dialect": "quartz", "timezone": "Europe/Berlin", "next_fire_at": due}
    local = due.astimezone(services.settings.zone if services.settings.timezone != "UTC" else UTC)
    expression = f"{local.second} * * * * ?"
    triggers = [{"job_id": n, "expression": expression, **cron} for n in range(1, JOBS + 1)]
    with services.db.transaction() as session:
        session.execute(insert(Job), jobs)
        session.execute(insert(Trigger), triggers)
    services.timer.store.reconcile()


class StopWatch:
    """Notes when the last fire was durable and when the last end was, in seconds after the due moment."""

    def __init__(self, services: Services, due: datetime) -> None:
        self.due = due
        self.durable = 0.0
        self.finished = 0.0
        self.ended = 0
        self.done = threading.Event()
        chunk, record = services.fires._wake_chunk, services.runs.record

        def wake_chunk(now: datetime, claim: Any) -> Any:
            found = chunk(now, claim)
            if found.decided:
                self.durable = self.since_due()
            return found

        def recorded(reports: list[object]) -> list[Ended]:
            ends = record(reports)  # type: ignore[arg-type]
            if ends:
                self.ended, self.finished = self.ended + len(ends), self.since_due()
            if self.ended >= JOBS:
                self.done.set()
            return ends

        services.fires._wake_chunk = wake_chunk  # type: ignore[method-assign]
        services.runs.record = recorded  # type: ignore[method-assign, assignment]

    def since_due(self) -> float:
        return (datetime.now(UTC) - self.due).total_seconds()

    def wait(self) -> dict[str, float]:
        self.done.wait(LIMIT)
        return {"durable_seconds": self.durable, "finished_seconds": self.finished}


def counts(services: Services) -> dict[str, float]:
    with services.db.reading() as session:
        started = select(func.count()).select_from(Fire).where(Fire.outcome == FireOutcome.STARTED)
        good = select(func.count()).select_from(Run).where(Run.status == RunStatus.SUCCEEDED)
        return {"fires": session.scalar(started) or 0, "succeeded": session.scalar(good) or 0}


def measure_stock(path: Path) -> dict[str, float]:
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=f"sqlite:///{path}")},
        executors={"default": ThreadPoolExecutor(10)},
        job_defaults={"misfire_grace_time": None, "coalesce": False},
        timezone="UTC",
    )
    begun = STOCK_BEGUN
    scheduler.start(paused=True)
    due = fill_stock(scheduler)
    scheduler.resume()
    deadline = time.monotonic() + LIMIT
    while len(begun) < JOBS and time.monotonic() < deadline:
        threading.Event().wait(0.1)
    scheduler.shutdown(wait=False)
    return {"last_start_seconds": max(begun) - due.timestamp(), "begun": len(begun)}


def fill_stock(scheduler: BackgroundScheduler) -> datetime:
    """Add the jobs while it is paused; they come due at one second after the last was added."""
    rate = time.monotonic()
    for number in range(500):
        scheduler.add_job(stock_noop, "cron", year="2199", id=f"probe {number}")
    per_job = (time.monotonic() - rate) / 500
    scheduler.remove_all_jobs()
    due = soon(int(per_job * JOBS * 1.6) + 5)
    for number in range(JOBS):
        scheduler.add_job(stock_noop, "cron", hour=due.hour, minute=due.minute, second=due.second, id=str(number))
    return due


def stock_noop() -> None:
    STOCK_BEGUN.append(time.time())


def report(ours: dict[str, float], stock: dict[str, float]) -> None:
    ratio = stock["last_start_seconds"] / ours["durable_seconds"]
    print(f"{JOBS:,} cron triggers due at one second")
    print(f"  Carillon, all fires and runs durable   {ours['durable_seconds']:8.2f} s")
    print(f"  Carillon, all runs ended and recorded  {ours['finished_seconds']:8.2f} s")
    print(f"  stock APScheduler, last thread begun   {stock['last_start_seconds']:8.2f} s   ({stock['begun']:,} begun)")
    print(f"  lost by Carillon                       {JOBS - int(ours['succeeded']):8}")
    figures = {
        "durable_seconds": round(ours["durable_seconds"], 3),
        "finished_seconds": round(ours["finished_seconds"], 3),
        "ratio_stock_apscheduler_sqlite": round(ratio, 1),
        "ratio_finished_to_stock": round(ours["finished_seconds"] / stock["last_start_seconds"], 2),
        "lost": JOBS - int(ours["succeeded"]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    sys.modules.setdefault("benchmarks.burst", sys.modules["__main__"])
    main()
