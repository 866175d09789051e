"""Every other database that SQLAlchemy knows: a cursor on the server's side, read in batches.

What SQLAlchemy does not know of a database - its read-only transaction, its time limit, its way to stop a statement -
is in a ``Manners`` object; MySQL's and MariaDB's are in ``mysql.py``. For a database without one the export trusts its
account, says so in the run's log, refuses the words of writing statements and never commits.
"""

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.csv_text import CsvFormat, RowEncoder
from app.job_types.sql_export.database_url import DatabaseUrl
from app.job_types.sql_export.source import (
    CARILLON_TABLE,
    LOST,
    Batch,
    BindValue,
    Limits,
    Plan,
    QueryError,
    Table,
    next_portion,
    query_statement,
    size_of,
    time_is_up,
)
from app.job_types.sql_export.sql_text import ORACLE, SQL_SERVER, STANDARD, Lexicon, Place, Statement

# Some databases take a second statement without a semicolon before it (T-SQL), and most have no read-only transaction.
WRITING_WORDS = frozenset({
    "INTO", "INSERT", "UPDATE", "DELETE", "MERGE", "UPSERT", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE",
    "EXEC", "EXECUTE", "CALL", "COMMIT", "ROLLBACK", "DECLARE", "BACKUP", "RESTORE", "SHUTDOWN", "KILL", "DBCC",
    "WAITFOR", "OPENROWSET", "OPENQUERY", "OPENDATASOURCE", "ATTACH", "PRAGMA", "COPY",
})  # fmt: skip

_PRODUCTS = {"mariadb": "MariaDB", "mysql": "MySQL", "mssql": "SQL Server", "oracle": "Oracle"}
_LEXICONS = {"mssql": SQL_SERVER, "oracle": ORACLE}


class Manners:
    """How to be a careful guest in one kind of database; this one knows nothing special."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self.connection = connection
        self.limits = limits

    def begin(self) -> None:
        """Prepare the session: read-only, in UTC, with a time limit."""

    def lexicon(self) -> Lexicon:
        return _LEXICONS.get(self.connection.dialect.name, STANDARD)

    def refused_words(self, statement: Statement) -> frozenset[str]:
        return WRITING_WORDS.intersection(statement.words)

    def concerns(self) -> list[str]:
        name = self.connection.dialect.name
        return [f"{name} has no read-only transaction that Carillon knows of: use an account that may only read"]

    def can_write(self) -> bool | None:
        return None

    def columns_in_utc(self, result: CursorResult[Any]) -> list[int]:
        """Give the columns whose moments come without a zone but are in UTC."""
        return []

    def stop(self, engine: Engine) -> None:
        """Make the server give up the statement. Called from another thread."""
        cancel = getattr(self.connection.connection.driver_connection, "cancel", None)
        if cancel is not None:
            cancel()

    def notes(self, result: CursorResult[Any]) -> list[str]:
        """Give what the reader of the file should know of its columns."""
        return []

    def types(self, result: CursorResult[Any]) -> list[str]:
        """Give the types of the columns in the database's words; nothing where the driver has no words for them."""
        return []

    def plan(self, statement: Statement, bound: Mapping[str, BindValue]) -> Plan:
        """Ask how the query would be run; a plan of nothing where Carillon does not know how to ask."""
        return Plan()

    def expected_rows(self, statement: Statement, bound: Mapping[str, BindValue]) -> int | None:
        """Say how many rows there will be, where the database knows for little."""
        return None

    def place(self, said: str, query: str) -> Place | None:
        """Say where in the query that is of which the server speaks."""
        return None

    def is_carillon(self) -> bool:
        return inspect(self.connection).has_table(CARILLON_TABLE)

    def let_go(self, result: CursorResult[Any]) -> None:
        """Leave the rest of a result unread: the connection is about to be closed."""

    def is_timeout(self, error: DBAPIError) -> bool:
        return False


@contextmanager
def open_sqlalchemy(url: DatabaseUrl, limits: Limits) -> "Iterator[Cursor]":
    engine = _engine(url, limits)
    source = Cursor(engine, _connect(engine), limits)
    try:
        source.begin()
        yield source
    finally:
        source.end()


def _engine(url: DatabaseUrl, limits: Limits) -> Engine:
    arguments = {"connect_timeout": limits.connect_seconds} if url.backend in ("mysql", "mariadb") else {}
    try:
        return create_engine(url.text, poolclass=NullPool, connect_args=arguments)
    except (ArgumentError, NoSuchModuleError) as error:
        raise JobError(f"no driver knows this kind of database URL: {url.backend!r}", FailureReason.CONFIG) from error
    except ImportError as error:
        raise JobError(f"the driver for {url.backend!r} is not installed: {error}", FailureReason.CONFIG) from error


def _connect(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except SQLAlchemyError as error:
        raise JobError(f"cannot connect to the database: {server_words(error)}") from error


def _manners(connection: Connection, limits: Limits) -> Manners:
    if connection.dialect.name in ("mysql", "mariadb"):
        from app.job_types.sql_export.mysql import MySqlManners  # it builds on this module

        return MySqlManners(connection, limits)
    return Manners(connection, limits)


class Cursor:
    """A ``Source``."""

    def __init__(self, engine: Engine, connection: Connection, limits: Limits) -> None:
        self._engine = engine
        self._connection = connection
        self.limits = limits
        self._manners = _manners(connection, limits)
        self._query = ""
        self._overdue = threading.Event()
        self._watch = threading.Timer(limits.statement_seconds, self._stop_late)
        self._watch.daemon = True
        self._answer: Rows | None = None

    def begin(self) -> None:
        with self.words():
            self._manners.begin()

    def version(self) -> str:
        dialect = self._connection.dialect
        numbers = dialect.server_version_info or ()
        name = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
        return f"{_PRODUCTS.get(name, name)} {'.'.join(map(str, numbers))}".strip()

    def is_carillon(self) -> bool:
        with self.words():
            return self._manners.is_carillon()

    def can_write(self) -> bool | None:
        with self.words():
            return self._manners.can_write()

    def concerns(self) -> list[str]:
        with self.words():
            return self._manners.concerns()

    def table(self, query: str, values: Mapping[str, BindValue]) -> Table:
        rows = self.ask(query, values, CsvFormat())
        return Table(rows.columns, rows.portions(), rows.notes, rows.expected_rows, self._manners.types(rows.result))

    def plan(self, query: str, values: Mapping[str, BindValue]) -> Plan:
        statement, bound = self._statement(query, values)
        with self.words():
            return self._manners.plan(statement, bound)

    def ask(self, query: str, values: Mapping[str, BindValue], csv: CsvFormat) -> "Rows":
        statement, bound = self._statement(query, values)
        if self._watch.ident is None:  # a result that starts over has no more time
            self._watch.start()
        with self.words():
            expected = self._manners.expected_rows(statement, bound)
            result = self._streaming().execute(text(escaped(statement)), bound)
            self._answer = Rows(self, result, self._manners.columns_in_utc(result), csv)
            self._answer.notes = self._manners.notes(result)
            self._answer.expected_rows = expected
            self._answer.types = self._manners.types(result)
        return self._answer

    def _statement(self, query: str, values: Mapping[str, BindValue]) -> tuple[Statement, dict[str, BindValue]]:
        self._query = query
        statement = query_statement(query, values, self._manners.lexicon())
        if refused := self._manners.refused_words(statement):
            raise JobError(f"an export may only read: {sorted(refused)[0]} is not allowed")
        return statement, {name: _bound(values[name]) for name in statement.bind_names}

    def cancel(self) -> None:
        with suppress(Exception):  # drivers raise what they like, and there is nobody to tell
            self._manners.stop(self._engine)

    def end(self) -> None:
        """Close without reading the rest of an unfinished result, and without a word when the connection is lost."""
        self._watch.cancel()
        if self._answer is not None and not self._answer.ended:
            if not self._connection.invalidated:
                self.cancel()
            self._manners.let_go(self._answer.result)
        for close in (self._connection.invalidate, self._connection.close):
            with suppress(SQLAlchemyError, OSError):
                close()

    @contextmanager
    def words(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if self._overdue.is_set() or self._manners.is_timeout(error):
                raise time_is_up(self.limits.statement_seconds) from error
            lost, said = LOST if error.connection_invalidated else "", server_words(error)
            raise QueryError(lost + said, self._manners.place(said, self._query)) from error
        except SQLAlchemyError as error:
            raise JobError(server_words(error)) from error

    def _stop_late(self) -> None:
        """Not every database keeps a time limit of its own."""
        self._overdue.set()
        self.cancel()

    def _streaming(self) -> Connection:
        return self._connection.execution_options(stream_results=True)


class Rows:
    """An ``Answer`` that holds one batch at a time."""

    def __init__(self, source: Cursor, result: CursorResult[Any], in_utc: Sequence[int], csv: CsvFormat) -> None:
        self.columns: Sequence[str] = list(result.keys())
        self.notes: Sequence[str] = ()
        self.types: Sequence[str | None] = ()
        self.expected_rows: int | None = None
        self.result = result
        self.ended = False
        self._source = source
        self._in_utc = in_utc
        self._csv = csv

    def batches(self) -> Generator[Batch, None, None]:
        encoder = RowEncoder(self._csv, len(self.columns), in_utc=self._in_utc)
        if self._csv.header:
            yield Batch(0, encoder.header(self.columns))
        portion = self._source.limits.first_rows
        while rows := self._fetch(portion):
            data = encoder.encode(rows)
            yield Batch(len(rows), data)
            portion = next_portion(portion, len(data))
        self.ended = True

    def portions(self) -> Generator[Sequence[Sequence[Any]], None, None]:
        """The rows as values."""
        portion = self._source.limits.first_rows
        while rows := self._fetch(portion):
            yield [self._placed(row) for row in rows] if self._in_utc else rows
            portion = next_portion(portion, size_of(rows))
        self.ended = True

    def _placed(self, row: Sequence[Any]) -> Sequence[Any]:
        placed = list(row)
        for index in self._in_utc:
            if isinstance(placed[index], datetime):
                placed[index] = placed[index].replace(tzinfo=UTC)
        return placed

    def _fetch(self, rows: int) -> Sequence[Any]:
        # With a size: without one SQLAlchemy holds the whole result, 917 MB for a million rows (measured).
        with self._source.words():
            return self.result.fetchmany(rows)


def escaped(statement: Statement) -> str:
    """Spell the statement for ``text()``, which looks for binds in literals too: all other colons are escaped."""
    return statement.spelled(lambda name: f":{name} ", between=lambda piece: piece.replace(":", "\\:")).text


def _bound(value: BindValue) -> BindValue:
    """Sessions are in UTC, and most drivers take no zone or drop it."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def server_words(error: SQLAlchemyError) -> str:
    """Give what the server said, without SQLAlchemy's own additions (statement, parameters, links)."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = cause.args[-1] if cause is not None and cause.args else cause
    return " ".join(str(said).split())
