"""200 fires a second for 20 s: how late is the first instruction of each job, in its worker process?

Ours with full history on SQLite (WAL, FULL); stock APScheduler beside it with its memory store, threads and no history.
One after the other in this process. The last line is one JSON object.
"""

import json
import logging
import shutil
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: E402
from apscheduler.schedulers.background import BackgroundScheduler  # noqa: E402
from sqlalchemy import insert, select  # noqa: E402

from app.bootstrap import WORKER, Services, build  # noqa: E402
from app.core.job_types import JobContext, JobType, JobTypes  # noqa: E402
from app.core.models import Job, LogEntry, Run, Trigger  # noqa: E402
from app.core.statuses import ACTIVE, TriggerKind  # noqa: E402
from config import Settings  # noqa: E402

PER_SECOND = 200
SECONDS = 20
TELL = JobType("TELL", "Tell", "Tells when it began.", "benchmarks.lateness:tell")
TYPES = JobTypes([TELL])


def tell(context: JobContext) -> None:
    """The first instruction of the job is to read the clock."""
    context.log(repr(time.time()))


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="carillon-lateness-"))
    try:
        ours = measure_ours(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    stock = measure_stock()
    report(figures(ours), figures(stock))


def measure_ours(folder: Path) -> list[float]:
    settings = Settings(data_dir=folder / "data")
    services = build(settings, types=TYPES, worker=(*WORKER, "--job-types", "benchmarks.lateness:TYPES"))
    services.start()
    fill(services, soon(5))
    try:
        wait_for_all(services)
        return lateness(services)
    finally:
        services.stop()


def soon(seconds: int) -> datetime:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def fill(services: Services, first: datetime) -> None:
    """One job per fire, each a moment of its own: 5 ms apart."""
    now = datetime.now(UTC)
    job = {"job_type": "TELL", "parameters": {}, "enabled": True, "created_at": now, "updated_at": now}
    count = PER_SECOND * SECONDS
    moments = [first + timedelta(seconds=number / PER_SECOND) for number in range(count)]
    with services.db.transaction() as session:
        session.execute(
            insert(Job), [{"id": n + 1, "uid": f"j{n:010}", "name": f"job {n}", **job} for n in range(count)]
        )
        session.execute(
            insert(Trigger),
            [
                {"job_id": n + 1, "kind": TriggerKind.ONCE, "timezone": "UTC", "start_at": at, "next_fire_at": at}
                for n, at in enumerate(moments)
            ],
        )
    services.timer.store.reconcile()


def wait_for_all(services: Services) -> None:
    pause = threading.Event()
    for _ in range(600):
        pause.wait(0.2)
        with services.db.reading() as session:
            waiting = session.scalar(select(Trigger.id).where(Trigger.next_fire_at.is_not(None)).limit(1))
            active = session.scalar(select(Run.id).where(Run.status.in_(ACTIVE)).limit(1))
        if waiting is None and active is None:
            return


def lateness(services: Services) -> list[float]:
    query = select(Run.scheduled_for, LogEntry.message).join(LogEntry, LogEntry.run_id == Run.id)
    with services.db.reading() as session:
        return [float(message) - moment.timestamp() for moment, message in session.execute(query)]


def measure_stock() -> list[float]:
    scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(10)}, timezone="UTC")
    late: list[float] = []
    scheduler.start(paused=True)
    first = soon(8)
    for number in range(PER_SECOND * SECONDS):
        at = first + timedelta(seconds=number / PER_SECOND)
        scheduler.add_job(
            lambda moment: late.append(time.time() - moment), "date", run_date=at, args=[at.timestamp()],
            misfire_grace_time=None,
        )  # fmt: skip
    scheduler.resume()
    threading.Event().wait((first - datetime.now(UTC)).total_seconds() + SECONDS + 1)
    scheduler.shutdown()
    return late


def figures(late: list[float]) -> dict[str, float]:
    ordered = sorted(1000 * seconds for seconds in late)
    return {
        "count": len(ordered),
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        "max_ms": round(ordered[-1], 2),
    }


def report(ours: dict[str, float], stock: dict[str, float]) -> None:
    print(f"{PER_SECOND} fires a second for {SECONDS} s: milliseconds from the moment to the first instruction")
    for name, found in (("Carillon, processes and history", ours), ("stock APScheduler, threads", stock)):
        line = "  ".join(f"{key} {value:>8}" for key, value in found.items())
        print(f"  {name:<32} {line}")
    print(json.dumps({**ours, "stock_p50_ms": stock["p50_ms"], "stock_p99_ms": stock["p99_ms"]}))


if __name__ == "__main__":
    main()
