"""Locks that end with their process: a locked file beside SQLite, an advisory lock on PostgreSQL."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from app.adapters.postgresql import KEEPALIVES, SERVER_SIDE, PatientConnection
from app.core.db import PING_SECONDS, Fault, answer_seconds
from app.core.errors import UnavailableError

ADVISORY_KEY = 0x6361_7269_6C6C_6F6E  # "carillon"
TRIES = 3  # to take a lock that was somebody's a moment ago and is nobody's now


class FileLease:
    """``flock``, not ``lockf``: closing any other descriptor of the file would drop the latter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        if self._descriptor is not None:
            return True
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """The file stays: to unlink it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class PostgresqlLease:
    """A session lock on a connection of its own: a pooled one could silently go back with the lock."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url).set(drivername="postgresql")
        self._conninfo = parsed.render_as_string(hide_password=False)
        self._connection: PatientConnection | None = None
        self._sessions: set[int] = set()  # the server's processes of our connections that have the lock, or may have it
        self._lock = threading.Lock()

    def acquire(self) -> bool:
        """Raises ``UnavailableError``; waits at most some seconds for a server that says nothing."""
        with self._lock, _patience():
            if self._is_held():
                return True
            try:
                return self._acquire()
            except psycopg.Error as error:
                raise UnavailableError(Fault.AWAY.value) from error

    def _acquire(self) -> bool:
        options = {"connect_timeout": 2, "options": SERVER_SIDE}
        connection = PatientConnection.connect(self._conninfo, autocommit=True, **KEEPALIVES, **options)  # type: ignore[arg-type]
        try:
            if self._takes_lock(connection):
                self._connection = connection
                return True
            return False
        finally:
            if self._connection is not connection:
                connection.close()

    def _takes_lock(self, connection: PatientConnection) -> bool:
        """``False`` only where somebody else was seen to have it: who believes to have lost it ends its process."""
        session = connection.info.backend_pid
        for _ in range(TRIES):
            self._sessions.add(session)  # before the answer: one that comes too late may be that it has the lock
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_KEY,)).fetchone()
            if row and row[0]:
                self._sessions = {session}
                return True
            self._sessions.discard(session)
            holder = self._holder(connection)
            if holder is not None:
                self._end_own_session(connection, holder)
                return False
        raise UnavailableError("the lock is neither free nor anybody's")

    def _holder(self, connection: PatientConnection) -> int | None:
        """``None`` when it has become free since, as our own lost session ends when a silent line speaks again."""
        row = connection.execute(_HOLDER, {"key": ADVISORY_KEY}).fetchone()
        return int(row[0]) if row else None

    def _end_own_session(self, connection: PatientConnection, holder: int) -> None:
        """A line that was cut for a moment: the server has not noticed yet, and keeps our lock for nobody."""
        if holder in self._sessions:
            connection.execute("SELECT pg_terminate_backend(%s)", (holder,))
            raise UnavailableError("the lock of the lost connection is being freed")

    def _is_held(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self._connection = None
            return False
        return True

    def release(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


_HOLDER = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND classid::bigint = %(key)s::bigint >> 32 AND objid::bigint = %(key)s::bigint & 4294967295
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@contextmanager
def _patience() -> Iterator[None]:
    kept = answer_seconds.set(PING_SECONDS)
    try:
        yield
    finally:
        answer_seconds.reset(kept)
