"""SQLite's plans, and how many rows a whole table has."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.job_types.sql_export.source import Plan
from app.job_types.sql_export.sql_text import Statement
from app.job_types.sql_export.whole_table import whole_table

_ORDERING = "USE TEMP B-TREE FOR ORDER BY"
_SCAN = re.compile(r"SCAN (\w+)( USING (COVERING )?INDEX .*)?")
_ANALYZED = "SELECT stat FROM sqlite_stat1 WHERE tbl = ? COLLATE NOCASE"


def plan_of(connection: sqlite3.Connection, statement: Statement, bound: Mapping[str, Any]) -> Plan:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", bound).fetchall()
    return Plan(_rows(connection, whole_table(statement), [row[3] for row in rows]), steps=list(_steps(rows)))


def _steps(rows: Sequence[tuple[int, int, int, str]]) -> Iterator[str]:
    """``rows`` are those of EXPLAIN QUERY PLAN: number of the step, that of the one above it or 0, nothing, words."""
    depth = {0: -1}
    for number, above, _, words in rows:
        depth[number] = depth.get(above, -1) + 1
        yield f"{'  ' * depth[number]}{words}"


def _rows(connection: sqlite3.Connection, table: str | None, words: Sequence[str]) -> int | None:
    """Say how many rows a scan of the whole table gives, in two steps down its tree: counting would read all of it.

    Numbers of rows that were deleted count as rows, unless ANALYZE has counted. A view shows the table behind it, so
    the plan has to name what the query names.
    """
    scans = [_SCAN.fullmatch(each) for each in words if each != _ORDERING]
    if table is None or len(scans) != 1 or scans[0] is None or scans[0][1].upper() != table:
        return None
    found = [*_analyzed(connection, table), *_span(connection, table)]
    return min(found, default=None)


def _analyzed(connection: sqlite3.Connection, table: str) -> Iterator[int]:
    with suppress(sqlite3.Error, ValueError):  # nobody has ever called it
        yield from [int(stat.partition(" ")[0]) for (stat,) in connection.execute(_ANALYZED, [table])][:1]


def _span(connection: sqlite3.Connection, table: str) -> Iterator[int]:
    with suppress(sqlite3.Error):  # a table without row numbers
        ends = f'SELECT (SELECT min(rowid) FROM "{table}"), (SELECT max(rowid) FROM "{table}")'  # noqa: S608
        first, last = connection.execute(ends).fetchone()
        if isinstance(first, int) and isinstance(last, int):  # not of a table with a column of that name
            yield last - first + 1
