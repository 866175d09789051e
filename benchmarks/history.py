"""Five million runs: how long does the database need for a page of them, whatever is asked for?

Every combination of the conditions job, group, status, origin and time range, on the first page and at random depths,
on SQLite and, where CARILLON_TEST_POSTGRESQL_URL or a local server allows it, on PostgreSQL. A smaller number of runs
may be given as an argument. The last line is one JSON object; ``p99_ms`` is the worse of the two databases, and
``asked_p99_ms`` counts what Python needs to put the question, too.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
from sqlalchemy import event, make_url, text  # noqa: E402

from app.adapters.migrations import migrate  # noqa: E402
from app.core import run_filter  # noqa: E402
from app.core.db import Database  # noqa: E402
from app.core.run_filter import RunFilter  # noqa: E402
from app.core.statuses import Origin, RunStatus  # noqa: E402

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
JOBS = 2_000
GROUPS = 20
EVERY = timedelta(seconds=20)  # one run: five million are about three years
BEGAN = datetime(2023, 1, 1, tzinfo=UTC)
PAGE = 51
LOOKS = 12  # for each combination
POSTGRESQL = os.environ.get("CARILLON_TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")

# In both dialects: n is the number of the run. Of a hundred runs 90 succeed; one in fifty was started by hand.
JOB = f"(n * 7919 % {JOBS}) + 1"
STATUS = """CASE WHEN n % 100 < 90 THEN 'succeeded' WHEN n % 100 < 97 THEN 'failed' WHEN n % 100 < 99 THEN 'cancelled'
            ELSE 'interrupted' END"""
ORIGIN = "CASE WHEN n % 50 = 0 THEN 'manual' WHEN n % 10 = 1 THEN 'queue' ELSE 'trigger' END"
COLUMNS = """id, job_id, fire_id, job_name, group_name, job_type, status, origin, parameters, scheduled_for, queued_at,
             started_at, finished_at, heartbeat_at, lease_until, attempts, last_log"""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="carillon-history-"))
    figures = {}
    try:
        figures["sqlite"] = measure(f"sqlite:///{folder / 'history.db'}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with throw_away_database() as url:
        if url:
            figures["postgresql"] = measure(url)
    report(figures)


class throw_away_database:  # noqa: N801 - reads as what it gives
    """A database of its own on the local PostgreSQL, or ``None`` where there is none."""

    def __enter__(self) -> str | None:
        self.name = f"carillon_history_{os.getpid()}"
        self.server = make_url(POSTGRESQL).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with psycopg.connect(self.server, autocommit=True, connect_timeout=3) as connection:
                connection.execute(f"CREATE DATABASE {self.name}")  # type: ignore[arg-type]
        except psycopg.Error as error:
            print(f"without PostgreSQL: {error}")
            return None
        self.made = True
        return make_url(POSTGRESQL).set(database=self.name).render_as_string(hide_password=False)

    def __exit__(self, *error: object) -> None:
        if getattr(self, "made", False):
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")  # type: ignore[arg-type]


def measure(url: str) -> dict[str, float]:
    db = Database(url)
    migrate(db, datetime.now(UTC))
    began = time.monotonic()
    fill(db)
    print(f"{db.engine.dialect.name}: {RUNS:,} runs made in {time.monotonic() - began:.0f} s")
    stop_watch = StopWatch(db)
    look(db, stop_watch, 1)  # what a server has in its caches after a minute
    took, asked = look(db, stop_watch, LOOKS)
    db.dispose()
    return {
        "p50_ms": at(took, 0.5),
        "p99_ms": at(took, 0.99),
        "max_ms": at(took, 1.0),
        "asked_p99_ms": at(asked, 0.99),
    }


def at(seconds: list[float], part: float) -> float:
    return round(1000 * sorted(seconds)[min(int(len(seconds) * part), len(seconds) - 1)], 2)


class StopWatch:
    """Adds up the time from a statement to its answer."""

    def __init__(self, db: Database) -> None:
        self.seconds = 0.0
        event.listen(db.engine, "before_cursor_execute", self._begin)
        event.listen(db.engine, "after_cursor_execute", self._end)

    def _begin(self, *arguments: object) -> None:
        self._began = time.perf_counter()

    def _end(self, *arguments: object) -> None:
        self.seconds += time.perf_counter() - self._began


def fill(db: Database) -> None:
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        for statement in statements(db.is_sqlite):
            cursor.execute(statement)
            connection.commit()
        cursor.close()
    finally:
        connection.close()
    if not db.is_sqlite:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as vacuum:
            vacuum.execute(text("VACUUM ANALYZE"))


def statements(is_sqlite: bool) -> Iterator[str]:
    now = "'2026-01-01 00:00:00.000000'"
    false = "0" if is_sqlite else "false"
    yield f"""INSERT INTO job (id, uid, name, group_name, job_type, parameters, enabled, version, created_at,
                               updated_at)
              SELECT n, 'j' || n, 'job ' || n, 'group ' || (n % {GROUPS}), 'NOOP', '{{}}', {false}, 1, {now}, {now}
              FROM {numbers(is_sqlite, 1, JOBS)}"""
    step = 500_000
    for first in range(1, RUNS + 1, step):
        rows = numbers(is_sqlite, first, min(first + step - 1, RUNS))
        at = moment(is_sqlite)
        yield f"""INSERT INTO fire (id, job_id, scheduled_for, decided_at, outcome, count)
                  SELECT n, {JOB}, {at}, {at}, 'started', 1 FROM {rows}"""
        yield f"""INSERT INTO run ({COLUMNS})
                  SELECT n, {JOB}, n, 'job ' || ({JOB}), 'group ' || (({JOB}) % {GROUPS}), 'NOOP', {STATUS}, {ORIGIN},
                         '{{}}', {at}, {at}, {at}, {at}, {at}, {at}, 1, 0 FROM {rows}"""


def numbers(is_sqlite: bool, first: int, last: int) -> str:
    if not is_sqlite:
        return f"generate_series({first}::bigint, {last}) AS numbers(n)"
    return f"""(WITH RECURSIVE counted(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM counted WHERE n < {last})
               SELECT n FROM counted)"""


def moment(is_sqlite: bool) -> str:
    seconds = int(EVERY.total_seconds())
    if is_sqlite:
        return f"strftime('%Y-%m-%d %H:%M:%S.000000', {int(BEGAN.timestamp())} + n * {seconds}, 'unixepoch')"
    return f"to_timestamp({int(BEGAN.timestamp())} + n::bigint * {seconds})"


def look(db: Database, stop_watch: StopWatch, times: int) -> tuple[list[float], list[float]]:
    """Seconds for a page in the database and in all, for every combination of conditions and several depths."""
    chance = random.Random(7)  # the same pages each time
    took, asked = [], []
    for chosen in product((False, True), repeat=5):
        for _ in range(times):
            wanted, before = question(chance, chosen)
            with db.reading() as session:
                session.connection()
                stop_watch.seconds, began = 0.0, time.perf_counter()
                run_filter.newest(session, wanted, before, PAGE)
                took.append(stop_watch.seconds)
                asked.append(time.perf_counter() - began)
    return took, asked


def question(chance: random.Random, chosen: tuple[bool, ...]) -> tuple[RunFilter, int | None]:
    job, group, status, origin, times = chosen
    number = chance.randint(1, JOBS)
    start = BEGAN + EVERY * chance.randint(0, RUNS)
    wanted = RunFilter(
        job_id=number if job else None,
        group=f"group {number % GROUPS}" if group else None,
        statuses=[chance.choice(list(RunStatus))] if status else (),
        origin=chance.choice(list(Origin)) if origin else None,
        created_from=start if times else None,
        created_to=start + timedelta(days=chance.choice((1, 7, 90))) if times else None,
    )
    return wanted, chance.choice((None, chance.randint(1, RUNS)))


def report(figures: dict[str, dict[str, float]]) -> None:
    print(f"a page of {PAGE - 1} among {RUNS:,} runs, milliseconds in the database")
    for name, found in figures.items():
        print(f"  {name:<12}" + "  ".join(f"{key} {value:>8}" for key, value in found.items()))
    worst = {
        key: max(found[key] for found in figures.values()) for key in ("p50_ms", "p99_ms", "max_ms", "asked_p99_ms")
    }
    print(json.dumps({**worst, **{f"{name}_p99_ms": found["p99_ms"] for name, found in figures.items()}}))


if __name__ == "__main__":
    main()
