"""What an export needs of a database. One module per kind of database implements it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.sql_text import Lexicon, Place, SqlTextError, Statement, read_statement

BindValue = str | int | float | bool | datetime | None

CARILLON_TABLE = "carillon_instance"
"""Every database of Carillon's own has a table of this name, whatever URL leads to it."""

QUERY_HEADS = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})

FIRST_ROWS = 64
MOST_ROWS = 2048  # more makes nothing faster (measured)
PORTION_BYTES = 512 * 1024

LOST = "lost the connection to the database: "


@dataclass(frozen=True)
class Limits:
    connect_seconds: int = 10
    statement_seconds: int = 3600
    first_rows: int = FIRST_ROWS  # that are taken at once; then as many as fit a portion


class Batch(NamedTuple):
    """Whole CSV lines, or the values of rows. The header is no row; it comes with the first ones or before them."""

    rows: int
    data: Any  # bytes | memoryview; of a table a sequence of rows


def next_portion(rows: int, size: int) -> int:
    """Say how many rows to take at once after a portion of so many gave so many bytes: some half a megabyte of them.

    A fixed number is slow for small rows or takes the worker's memory for large ones.
    """
    if size < PORTION_BYTES:
        return min(rows * 2, MOST_ROWS)
    return max(rows * PORTION_BYTES // size, 1)


def size_of(rows: Sequence[Sequence[Any]]) -> int:
    """Some bytes that these values take, for ``next_portion``."""
    texts = sum(len(value) for row in rows for value in row if isinstance(value, str | bytes))
    return texts + 8 * len(rows) * len(rows[0])


@dataclass(frozen=True)
class Table:
    """A query that runs, its rows as values of Python; moments with a zone are aware."""

    columns: Sequence[str]
    portions: Generator[Sequence[Sequence[Any]], None, None]
    notes: Sequence[str] = ()
    expected_rows: int | None = None
    types: Sequence[str] = ()  # of the columns in the database's own words; empty where it has none


@dataclass(frozen=True)
class Plan:
    """How the database would go about a query, without running it. What it does not tell is ``None``."""

    rows: int | None = None
    cost: float | None = None  # in the database's own measure
    steps: Sequence[str] = ()  # in words, each with as many double spaces before it as it is deep


class TableAnswer:
    """An ``Answer`` whose batches hold rows of values."""

    def __init__(self, table: Table) -> None:
        self.columns, self.notes, self.expected_rows = table.columns, table.notes, table.expected_rows
        self.types: Sequence[str | None] = table.types
        self._portions = table.portions

    def batches(self) -> "Generator[Batch, None, None]":
        with closing(self._portions) as portions:
            for rows in portions:
                yield Batch(len(rows), rows)


class Answer(Protocol):
    """A query that runs. Its batches come as the database finds them; a large result is never held."""

    columns: Sequence[str]
    notes: Sequence[str]
    """What the reader of the file should know, as lines for the run's log."""
    expected_rows: int | None
    """What the database expects, where it says so for little; it may be far from the truth."""

    @property
    def types(self) -> Sequence[str | None]:
        """Of the columns in the database's own words; empty or ``None`` where it has none. Of SQLite those of the
        values, once the batches are at their end."""

    def batches(self) -> Generator[Batch, None, None]:
        """Raises ``JobError``, and ``StartOverError`` at most once."""


class StartOverError(Exception):
    """A fast way came to its limits: what was written is worth nothing, ``answer`` gives the result from its start."""

    def __init__(self, why: str, answer: Answer) -> None:
        super().__init__(why)
        self.answer = answer


class Source(Protocol):
    """A database opened for reading only. All methods raise ``JobError`` with the server's own words."""

    def version(self) -> str: ...

    def is_carillon(self) -> bool:
        """Say whether this is a database of Carillon's own: it holds password hashes and sealed secrets."""

    def can_write(self) -> bool | None:
        """Say whether the account could change anything; ``None`` when that cannot be told."""

    def concerns(self) -> Sequence[str]:
        """Give what the administrator should know about the account, as lines for the run's log."""

    def ask(self, query: str, values: Mapping[str, BindValue], csv: CsvFormat) -> Answer:
        """Prove that the query is one reading statement and start it."""

    def table(self, query: str, values: Mapping[str, BindValue]) -> Table:
        """The same for files that are no text."""

    def plan(self, query: str, values: Mapping[str, BindValue]) -> Plan:
        """Prove that the query is one reading statement and ask how it would be run."""

    def cancel(self) -> None:
        """Make the database give up what it is doing. Called from another thread; never raises."""


class QueryError(JobError):
    """Something is wrong in the query itself, at this place if it is known."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.place = place


def time_is_up(seconds: int) -> JobError:
    return JobError(f"the query ran longer than {seconds} seconds and was stopped", FailureReason.TIMEOUT)


def query_statement(query: str, values: Mapping[str, BindValue], lexicon: Lexicon) -> Statement:
    """Read a query that may only read and whose binds all have values."""
    try:
        statement = read_statement(query, lexicon)
    except SqlTextError as error:
        raise QueryError(str(error), error.place) from None
    if statement.head not in QUERY_HEADS:
        raise JobError("a query begins with SELECT, WITH, VALUES or TABLE: nothing else is run")
    if missing := sorted(statement.bind_names - values.keys()):
        raise JobError(f"no value for the bind :{', :'.join(missing)}: name it in the parameters", FailureReason.CONFIG)
    return statement
