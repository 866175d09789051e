"""SQLite: the standard library's driver on a file that is opened read-only, under an authorizer.

``mode=ro`` alone is no wall: ATTACH made a new file through it (measured). The authorizer is asked by SQLite itself
about everything that a statement would do, before it does it.
"""

import os
import re
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export import sqlite_plan
from app.job_types.sql_export.arrow.process import Reader
from app.job_types.sql_export.csv_text import CsvFormat, RowEncoder
from app.job_types.sql_export.database_url import DatabaseUrl
from app.job_types.sql_export.source import (
    CARILLON_TABLE,
    Answer,
    Batch,
    BindValue,
    Limits,
    Plan,
    QueryError,
    Table,
    next_portion,
    query_statement,
    time_is_up,
)
from app.job_types.sql_export.sql_text import SQLITE, Place, Statement, place_of
from app.job_types.sql_export.sqlite_arrow import LargeRows, can_be_read_by_arrow, type_of
from app.job_types.sql_export.whole_table import whole_table

STEPS_BETWEEN_LOOKS = 1_000  # virtual machine instructions: one may be a function that takes milliseconds
MAX_VALUE_BYTES = 64 << 20  # else zeroblob(1e9) or a runaway group_concat() takes the worker's memory
BUSY_SECONDS = 5.0

# What SQLite 3.40 and its tools offer of functions that reach out of the database or take addresses of memory.
REFUSED_FUNCTIONS = frozenset({
    "load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "fsdir", "lsmode", "eval", "sqlite_log",
})  # fmt: skip
TABLE_FUNCTIONS = ("json_each", "json_tree")  # those of pragmas and of the file's pages stay out of reach
_NAMED_IN_ERROR = re.compile(r"(?:near \"|no such (?:column|table|function): )([^\s\"]+)")
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_ACTION_NAMES = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_").replace("_", " ")
    for name in (
        "SQLITE_ATTACH", "SQLITE_DETACH", "SQLITE_PRAGMA", "SQLITE_INSERT", "SQLITE_UPDATE", "SQLITE_DELETE",
        "SQLITE_TRANSACTION", "SQLITE_SAVEPOINT", "SQLITE_CREATE_TABLE", "SQLITE_CREATE_TEMP_TABLE", "SQLITE_ANALYZE",
        "SQLITE_CREATE_VTABLE", "SQLITE_DROP_TABLE", "SQLITE_ALTER_TABLE", "SQLITE_REINDEX",
    )
}  # fmt: skip


@contextmanager
def open_sqlite(url: DatabaseUrl, limits: Limits) -> "Iterator[SQLite]":
    path = _path(url)
    if not os.path.isfile(path):
        raise JobError(f"there is no database file {path!r}", FailureReason.CONFIG)
    uri = f"file:{quote(path)}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    source: SQLite | None = None
    try:
        source = SQLite(connection, uri, limits)
        yield source
    finally:
        if source is not None:
            source.end()
        connection.close()


def _path(url: DatabaseUrl) -> str:
    path = url.database.removeprefix("file:")
    if path in ("", ":memory:") or url.options.get("mode") == "memory":
        raise JobError("an in-memory SQLite database holds nothing to export", FailureReason.CONFIG)
    return os.path.abspath(path)


class SQLite:
    """A ``Source``."""

    def __init__(self, connection: sqlite3.Connection, uri: str, limits: Limits) -> None:
        self._connection = connection
        self._uri = uri
        self.limits = limits
        self._deadline = time.monotonic() + limits.statement_seconds
        self._cancelled = threading.Event()
        self._reader: Reader | None = None
        self._query = ""
        self._refused: list[str] = []
        with self._words():
            self._harden()

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def is_carillon(self) -> bool:
        with self._words():
            found = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [CARILLON_TABLE]).fetchone()
        return found is not None

    def can_write(self) -> bool:
        return False  # the file is opened read-only, whoever owns it

    def concerns(self) -> list[str]:
        return []

    def ask(self, query: str, values: Mapping[str, BindValue], csv: CsvFormat) -> Answer:
        statement = query_statement(query, values, SQLITE)
        self._query = query
        self._deadline = time.monotonic() + self.limits.statement_seconds
        bound = {name: _bound(value) for name, value in values.items()}
        start = partial(self._start, query, bound, csv)
        answer = LargeRows(self, start, statement, bound, csv) if can_be_read_by_arrow(statement, csv) else start()
        answer.expected_rows = self._expected_rows(statement, bound)
        return answer

    def table(self, query: str, values: Mapping[str, BindValue]) -> Table:
        statement = query_statement(query, values, SQLITE)
        self._query = query
        self._deadline = time.monotonic() + self.limits.statement_seconds
        bound = {name: _bound(value) for name, value in values.items()}
        rows = self._start(query, bound, CsvFormat())
        portions = (portion for portion, _ in rows.portions())
        return Table(rows.columns, portions, expected_rows=self._expected_rows(statement, bound))

    def plan(self, query: str, values: Mapping[str, BindValue]) -> Plan:
        statement = query_statement(query, values, SQLITE)
        self._query = query
        bound = {name: _bound(value) for name, value in values.items()}
        with self._words():
            return sqlite_plan.plan_of(self._connection, statement, bound)

    def _expected_rows(self, statement: Statement, bound: Mapping[str, Any]) -> int | None:
        with self._words():
            return sqlite_plan.plan_of(self._connection, statement, bound).rows if whole_table(statement) else None

    def cancel(self) -> None:
        self._cancelled.set()
        if self._reader is not None:
            self._reader.kill()

    def fetch(self, cursor: sqlite3.Cursor, rows: int) -> list[Any]:
        with self._words():
            return cursor.fetchmany(rows)

    def is_allowed(self, query: str) -> bool:
        try:
            self._connection.execute(f"EXPLAIN {query}").close()
        except sqlite3.Error:
            self._refused.clear()
            return False
        return True

    def read(self, query: str, kinds: Sequence[str], csv: CsvFormat, row_bytes: int) -> Iterator[Batch]:
        self._reader = Reader(self._uri, query, kinds, csv, row_bytes)
        if self._cancelled.is_set():  # before there was anything to kill
            self._reader.kill()
        try:
            yield from self._reader.batches(self._deadline)
        except TimeoutError:
            raise time_is_up(self.limits.statement_seconds) from None

    def end(self) -> None:
        """Leave no process behind, also when nobody has read its batches to their end."""
        if self._reader is not None:
            self._reader.end()

    def _start(self, query: str, values: Mapping[str, BindValue], csv: CsvFormat) -> "Rows":
        with self._words():
            # SQLite finds the binds itself; the driver takes one statement only.
            return Rows(self, self._connection.execute(query, values), csv)

    def _harden(self) -> None:
        connection = self._connection
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA query_only = ON")
        self._load_virtual_tables()
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._must_stop, STEPS_BETWEEN_LOOKS)

    def _load_virtual_tables(self) -> None:
        """Connect the virtual tables before the authorizer is there: it would refuse what they do when first used."""
        found = self._connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'")
        for name in [*TABLE_FUNCTIONS, *(row[0] for row in found.fetchall())]:
            try:
                self._connection.execute(f'SELECT * FROM "{name.replace(chr(34), chr(34) * 2)}" LIMIT 0')  # noqa: S608
            except sqlite3.Error:
                continue  # a module that is not here, as SpatiaLite: the query will say so if it needs it

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and str(second).lower() not in REFUSED_FUNCTIONS):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_PRAGMA and first == "data_version" and second is None:
            return sqlite3.SQLITE_OK  # full-text search looks whether its index has changed
        self._refused.append(_refused_name(action, first, second))
        return sqlite3.SQLITE_DENY

    def _must_stop(self) -> bool:
        return self._cancelled.is_set() or time.monotonic() > self._deadline

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> JobError:
        if self._refused:
            return JobError(f"an export may only read: {self._refused[0]} is not allowed")
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return time_is_up(self.limits.statement_seconds)
        place = _place(str(error), self._query)
        return QueryError(f"{error} at {place} of the query" if place else str(error), place)


class Rows:
    """An ``Answer`` read with a cursor that holds one batch at a time."""

    notes: Sequence[str] = ()
    expected_rows: int | None = None

    def __init__(self, source: SQLite, cursor: sqlite3.Cursor, csv: CsvFormat) -> None:
        self.columns: Sequence[str] = [column[0] for column in cursor.description]
        self._source = source
        self._cursor = cursor
        self._csv = csv
        self._encoder = RowEncoder(csv, len(self.columns))
        self._portion = source.limits.first_rows

    @property
    def types(self) -> Sequence[str | None]:
        return [type_of(kinds) for kinds in self._encoder.kinds]

    def header(self) -> Batch | None:
        return Batch(0, self._encoder.header(self.columns)) if self._csv.header else None

    def batches(self) -> Generator[Batch, None, None]:
        if header := self.header():
            yield header
        yield from (batch for _, batch in self.portions())

    def portions(self) -> Generator[tuple[Sequence[Any], Batch], None, None]:
        portion = self._portion
        with closing(self._cursor):
            while rows := self._source.fetch(self._cursor, portion):
                data = self._encoder.encode(rows)
                yield rows, Batch(len(rows), data)
                portion = next_portion(portion, len(data))


def _place(message: str, query: str) -> Place | None:
    """SQLite names the word that it stumbled over, not its place: that is clear when the word is there only once."""
    named = _NAMED_IN_ERROR.search(message)
    return place_of(query, named[1]) if named else None


def _refused_name(action: int, first: str | None, second: str | None) -> str:
    if action == sqlite3.SQLITE_FUNCTION:
        return f"the function {second}"
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":  # so a table-valued function declares its columns
        return "a table of SQLite's own workings"
    return _ACTION_NAMES.get(action, "this")


def _bound(value: BindValue) -> str | int | float | None:
    """Moments become the text that SQLite's own date functions write, in UTC."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
