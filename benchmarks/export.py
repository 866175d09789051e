"""How fast is an export beside the database's own tool, and how much memory does it take?

Five million rows of eight mixed columns (`--rows` for fewer), made here in a database of their own on PostgreSQL and in
a SQLite file: numbers, texts with quotes, delimiters and line breaks, NULL beside empty texts, floats of every form.
Each of ours runs the job in a process that has loaded what a worker has, with the file hashed, synced and renamed;
the peer runs in turn with it, in the same minute, and each figure is the median of the rounds' ratios (above 1: we are
faster). The files are compared byte by byte. The last line is one JSON object.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402

ROWS = 5_000_000
ROUNDS = 3
QUERY = "SELECT id, big, name, note, f, amount, day, at FROM src ORDER BY id"

FLOATS = "1e15, -1e15, 123456789, 1e14, 1e23, 5e-324, 1.7976931348623157e308, 1e-5, 0.0001, 0.1, 'Infinity', 9007199254740993"  # fmt: skip # noqa: E501
MAKE = rf"""
CREATE UNLOGGED TABLE src (
    id int PRIMARY KEY, big bigint, name text, note text, f float8, amount numeric(12,2), day date, at timestamptz);
INSERT INTO src
SELECT i, i::bigint * 7919 * 1000003,
    CASE WHEN i % 1000 = 1 THEN (ARRAY['', ' ', 'a,b', '"', E'bare\rcarriage', E'both\r\n', '\.', '\N', 'NULL',
        'ünïcödé €', '日本語', '🎷', '=1+1', E'tab\there'])[1 + (i / 1000) % 14]
        ELSE 'name ' || i % 5000 || ' of the list' END,
    CASE WHEN i % 10 = 0 THEN NULL WHEN i % 17 = 0 THEN '' WHEN i % 7 = 0 THEN 'says "hi", twice'
        WHEN i % 23 = 0 THEN E'two\nlines' ELSE 'a note of some length ' || i % 100 END,
    CASE WHEN i % 1000 = 1 THEN (ARRAY[{FLOATS}]::float8[])[1 + (i / 1000) % 12] ELSE sin(i) * i END,
    (i % 1000000) / 100.0, date '2000-01-01' + i % 9000,
    timestamptz '2015-01-01 00:00:00+00' + i * interval '1 second' + (i % 1000) * interval '7 microseconds'
FROM generate_series(1, %s) i;
"""
TWIN = "CREATE TABLE src (id integer PRIMARY KEY, big int, name text, note text, f real, amount text, day text, at text)"  # fmt: skip # noqa: E501


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--export", nargs=3, metavar=("URL", "FOLDER", "PARAMETERS"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.export:
        export(*given.export)
        return
    folder = Path(tempfile.mkdtemp(prefix="carillon-export-"))
    try:
        with database(given.rows) as url:
            report(given.rows, measure(url, twin(url, folder), folder, given.rounds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------------------- the data


@contextlib.contextmanager
def database(rows: int) -> Iterator[str]:
    from tests.services import postgresql_database

    with postgresql_database() as text:
        url = text.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET TimeZone TO 'UTC'")
            connection.execute(MAKE.replace("%s", str(rows)))
            connection.execute("VACUUM ANALYZE src")
        yield url


def twin(url: str, folder: Path) -> Path:
    """The same rows on SQLite, which has neither numerics nor dates: there they are the text that COPY prints."""
    path = folder / "twin.db"
    query = "SELECT id, big, name, note, f, amount::text, day::text, at::text FROM src ORDER BY id"
    with contextlib.closing(sqlite3.connect(path)) as made, psycopg.connect(url) as connection:
        made.execute("PRAGMA synchronous = OFF")
        made.execute(TWIN)
        connection.execute("SET TimeZone TO 'UTC'")
        with connection.cursor(name="twin") as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(10_000):
                made.executemany("INSERT INTO src VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        made.commit()
    return path


# ------------------------------------------------------------------------------------------------------- one export


def export(url: str, folder: str, parameters: str) -> None:
    """In a process of its own: what a worker does with one run. Prints what it took as JSON."""
    from datetime import UTC, datetime

    from app.adapters.result_store import ResultStore
    from app.core.execution import CancelFlag, execute
    from app.core.job_types import JobTypes
    from app.core.ports import Assignment
    from app.worker import preload

    types = JobTypes.installed()
    preload(types)
    values = types.get("SQL_EXPORT").coerce({"connection": "src", "query": QUERY, **json.loads(parameters)})
    now = datetime.now(UTC)
    task = Assignment(
        run_id=1, token="benchmark", job_id=1, job_name="benchmark", job_type="SQL_EXPORT", parameters=values,
        scheduled_for=now, previous_success=None, connections={"src": url}, timeout_seconds=None,
    )  # fmt: skip
    before, started = peak_mb(), time.perf_counter()
    ended = execute(
        task, types, emit=lambda report: None, results=ResultStore(Path(folder)), clock=lambda: datetime.now(UTC),
        cancelled=CancelFlag(),
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if ended.error:
        raise SystemExit(ended.error)
    made = ended.files[0]
    figures = {"seconds": seconds, "peak_mb": peak_mb(), "before_mb": before, "path": made.path, "bytes": made.size}
    print(json.dumps(figures))


def peak_mb() -> float:
    """The most memory of this process and, at the same time, of the largest that it started.

    Not its own ru_maxrss: that counts what the process which started it had at that moment.
    """
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own = int(status["VmHWM"].split()[0])
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


# ------------------------------------------------------------------------------------------------------- measuring

Figures = dict[str, Any]


def measure(url: str, sqlite: Path, folder: Path, rounds: int) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {}
    for _ in range(rounds):
        for name, call in contenders(url, sqlite, folder).items():
            os.sync()  # what the one before has written does not go to the disk in this one's time
            found.setdefault(name, []).append(call())
        compare(folder)
    return found


def contenders(url: str, sqlite: Path, folder: Path) -> dict[str, Callable[[], Figures]]:
    """In the order in which each round runs them: ours next to its peer."""
    psql = ["psql", url, "-Xq", "-v", "ON_ERROR_STOP=1", "-c"]
    twin_url = f"sqlite:///{sqlite}"
    return {
        "postgresql": lambda: ours(url, folder, "postgresql"),
        "psql": lambda: peer([*psql, rf"\copy ({QUERY}) TO '{folder}/psql.csv' CSV HEADER"]),
        "server": lambda: peer([*psql, f"COPY ({QUERY}) TO '/dev/null' CSV HEADER"]),
        "zstd": lambda: ours(url, folder, "zstd", compression="ZSTD"),
        "sqlite": lambda: ours(twin_url, folder, "sqlite"),
        "cli": lambda: peer(["sqlite3", "-readonly", "-csv", "-header", str(sqlite), QUERY], folder / "cli.csv"),
    }


def ours(url: str, folder: Path, name: str, **parameters: Any) -> Figures:
    results = folder / name
    shutil.rmtree(results, ignore_errors=True)
    command = [sys.executable, __file__, "--export", url, str(results), json.dumps(parameters)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    (results / figures["path"]).rename(results / "made")
    return figures


def peer(command: list[str], output: Path | None = None) -> Figures:
    environment = {**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"}
    with open(output or os.devnull, "wb") as stdout:
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=stdout, env=environment)
        return {"seconds": time.perf_counter() - started}


def compare(folder: Path) -> None:
    """All but the sqlite3 tool's are the same file; that one cuts floats."""
    for name in ("postgresql", "sqlite"):
        subprocess.run(["cmp", folder / "psql.csv", folder / name / "made"], check=True)
    if zstd := shutil.which("zstd"):
        with subprocess.Popen([zstd, "-dc", folder / "zstd" / "made"], stdout=subprocess.PIPE) as unpacked:
            subprocess.run(["cmp", folder / "psql.csv", "-"], check=True, stdin=unpacked.stdout)


def report(rows: int, found: dict[str, list[Figures]]) -> None:
    names = {
        "postgresql": "Carillon, PostgreSQL", "psql": r"psql \copy", "server": "COPY TO '/dev/null', in the server",
        "zstd": "Carillon, PostgreSQL, zstd", "sqlite": "Carillon, SQLite", "cli": "sqlite3 -csv",
    }  # fmt: skip
    print(f"{rows:,} rows, median of {len(found['psql'])} rounds")
    for name, label in names.items():
        seconds = statistics.median(figures["seconds"] for figures in found[name])
        peak = f"{peak_of(found[name]):8.0f} MB" if "peak_mb" in found[name][0] else ""
        print(f"  {label:<36} {seconds:8.2f} s {rows / seconds:12,.0f} rows/s{peak}")
    figures = {
        "ratio_psql_copy": ratio(found, "psql", "postgresql"),
        "ratio_server_copy": ratio(found, "server", "postgresql"),
        "ratio_sqlite3_cli": ratio(found, "cli", "sqlite"),
        "peak_mb_postgresql": round(peak_of(found["postgresql"])),
        "peak_mb_sqlite": round(peak_of(found["sqlite"])),
        "ratio_zstd": ratio(found, "postgresql", "zstd"),
    }
    print(json.dumps(figures))


def peak_of(figures: list[Figures]) -> float:
    return max(one["peak_mb"] for one in figures)


def ratio(found: dict[str, list[Figures]], peer: str, ours: str) -> float:
    pairs = zip(found[peer], found[ours], strict=True)
    return round(statistics.median(theirs["seconds"] / mine["seconds"] for theirs, mine in pairs), 2)


if __name__ == "__main__":
    main()
