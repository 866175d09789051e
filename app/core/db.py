"""The database: engine, transactions, and how long to wait for a lock.

SQLite runs in WAL mode with ``synchronous=FULL``, and every writing transaction begins with BEGIN IMMEDIATE:
read-then-write in the default mode lost 420 of 480 updates without an error, with IMMEDIATE none.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import Session

from app.core import tallies
from app.core.errors import ConflictError, NotFoundError, UnavailableError

BUSY = "the database does not answer in time; try again"
DISK_FULL_STATE = "53100"  # SQLSTATE
PATIENT = 15.0
IMPATIENT = 1.5
lock_wait_seconds: ContextVar[float] = ContextVar("lock_wait_seconds", default=IMPATIENT)
"""How long a transaction waits for a lock: web requests answer 503 soon, the engine's threads set ``PATIENT``."""
STATEMENT_WAITS = 4
"""A statement on PostgreSQL may take so many times as long."""
answer_seconds: ContextVar[float | None] = ContextVar("answer_seconds", default=None)
"""How long a server that says nothing may take for an answer. ``None``: longer than any statement may take."""
PING_SECONDS = 1.0


class Fault(Enum):
    """What keeps the database from working, until somebody mends it. The value is for people."""

    AWAY = "the database cannot be reached"
    FULL = "the disk is full: nothing can be written until there is room again"
    LOCKED = "the database takes no changes: something holds it locked"


class _Joined(threading.local):
    """The session of this thread that all its use cases share, see ``Database.together``."""

    session: Session | None = None


class Database:
    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self.fault: Fault | None = None
        """As the newest attempts have found it. A write that succeeds ends it; after ``AWAY`` a read does, too."""
        self.refuses_while_away = False
        """Who waits little gets its error at once while it is away. For where somebody looks after it in between."""
        self.fence: Callable[[Session], None] | None = None
        """Called first in each transaction; raises when this process may not change anything any more."""
        self._writer = threading.Lock()
        self._joined = _Joined()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """Of SQLite: where it is. ``None`` in memory, and on PostgreSQL."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One use case's changes: committed at the end of the block, or not at all. Raises ``UnavailableError``."""
        joined = self._joined.session
        if joined is not None:
            yield joined
            joined.flush()
            return
        with tallies.timed(), self._turn(), self._session(writes=True) as session, session.begin():
            if self.fence:
                self.fence(session)
            yield session
        self.fault = None
        tallies.committed(session)

    @contextmanager
    def together(self) -> Iterator[Session]:
        """Let all use cases of this thread within the block be one transaction: all of them happen, or none.

        For what is too large for one use case and too small for its own: side effects come before the commit, and may
        only be such that do no harm if it never comes.
        """
        with self.transaction() as session:
            self._joined.session = session
            try:
                yield session
            finally:
                self._joined.session = None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite has one writer at a time, and who waits there sleeps up to 0.1 s too long: queue up here instead."""
        if not self.is_sqlite:
            yield
            return
        patience, began = lock_wait_seconds.get(), time.monotonic()
        if not self._writer.acquire(timeout=patience):
            self.fault = self.fault or Fault.LOCKED
            raise UnavailableError(BUSY)
        waited = time.monotonic() - began
        kept = lock_wait_seconds.set(max(patience - waited, 0.1)) if waited > 0.1 else None  # for both waits together
        try:
            yield
        finally:
            self._writer.release()
            if kept:
                lock_wait_seconds.reset(kept)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view; objects stay readable afterwards."""
        joined = self._joined.session
        if joined is not None:
            joined.flush()
            yield joined
            return
        with self._session(writes=False) as session, session.begin():
            yield session
        if self.fault is Fault.AWAY:
            self.fault = None

    def ping(self) -> None:
        """Ask for an answer. Raises ``UnavailableError`` when there is none within a second."""
        kept = answer_seconds.set(PING_SECONDS)
        try:
            with self.reading() as session:
                session.execute(text("SELECT 1"))
        finally:
            answer_seconds.reset(kept)

    @property
    def is_away(self) -> bool:
        return self.fault is Fault.AWAY

    @property
    def refuses(self) -> bool:
        """Whether there is no sense in asking now: waiting requests would only use up the server's threads."""
        return self.is_away and self.refuses_while_away and lock_wait_seconds.get() <= IMPATIENT

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[Session]:
        if self.refuses:
            raise UnavailableError(Fault.AWAY.value)
        try:
            with self.engine.connect() as connection:
                connection = connection.execution_options(carillon_writes=writes)
                with Session(connection, expire_on_commit=False) as session:
                    yield session
        except IntegrityError as error:
            raise ConflictError("somebody changed the same thing at the same moment; look again") from error
        except (OverflowError, DataError) as error:
            raise NotFoundError("a number is too large to be the number of anything here") from error
        except NoConnectionLeft as error:
            raise UnavailableError(BUSY) from error
        except DBAPIError as error:
            if not _is_passing(error):
                raise
            fault = _fault(error)
            self.fault = fault or self.fault
            raise UnavailableError(fault.value if fault else BUSY) from error

    def dispose(self) -> None:
        self.engine.dispose()


def _engine(url: str) -> Engine:
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20, "pool_timeout": 2}
    if url.startswith("sqlite"):
        engine = create_engine(url, **options | {"pool_pre_ping": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(url, **options, connect_args={"connect_timeout": 2, "options": "-c timezone=UTC"})
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin_sqlite
    connection.execute("PRAGMA busy_timeout = 15000")  # also for the change of journal mode
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    wait = int(lock_wait_seconds.get() * 1000)
    if connection.info.get("busy_timeout") != wait:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait}")
        connection.info["busy_timeout"] = wait
    writes = connection.get_execution_options().get("carillon_writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    milliseconds = int(lock_wait_seconds.get() * 1000)
    connection.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
    connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds * STATEMENT_WAITS}"))


def _is_passing(error: DBAPIError) -> bool:
    """Tell a fault of the moment (locked, gone, full) from a mistake in our SQL."""
    if error.connection_invalidated or isinstance(error, OperationalError):
        return not (isinstance(error.orig, sqlite3.Error) and "no such" in str(error.orig))
    return False


def _fault(error: DBAPIError) -> Fault | None:
    """``None`` for what concerns one statement only: it waited too long for a row, say."""
    if "is full" in str(error.orig) or getattr(error.orig, "sqlstate", None) == DISK_FULL_STATE:
        return Fault.FULL
    if isinstance(error.orig, sqlite3.Error):
        return Fault.LOCKED if "locked" in str(error.orig) else Fault.AWAY
    return Fault.AWAY if error.connection_invalidated or error.statement is None else None
