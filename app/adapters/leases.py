"""Locks that end with their process: a locked file beside SQLite, an advisory lock on PostgreSQL."""

import fcntl
import os
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from app.core.db import BUSY
from app.core.errors import UnavailableError

ADVISORY_KEY = 0x6361_7269_6C6C_6F6E  # "carillon"


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
        self._connection: psycopg.Connection[tuple[bool]] | None = None

    def acquire(self) -> bool:
        """Raises ``UnavailableError``."""
        if self._is_held():
            return True
        try:
            return self._acquire()
        except psycopg.Error as error:
            raise UnavailableError(BUSY) from error

    def _acquire(self) -> bool:
        keepalives = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "connect_timeout": 5}
        connection = psycopg.connect(self._conninfo, autocommit=True, **keepalives)  # type: ignore[arg-type]
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_KEY,)).fetchone()
        if row and row[0]:
            self._connection = connection
            return True
        connection.close()
        return False

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
        if self._connection is not None:
            self._connection.close()
            self._connection = None
