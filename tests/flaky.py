"""SQLite connections that fail as disks and networks do: when a transaction begins, before and after its commit.

The errors are raised below SQLAlchemy, so that what becomes of them on their way up is tested, too.
"""

import sqlite3
from collections.abc import Callable
from enum import Enum
from typing import Any

from sqlalchemy import event

from app.core.db import Database


class Moment(Enum):
    OPEN = "at open"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit"


class Flakiness:
    """``fails`` is asked at each moment of each writing transaction; connections that are made later take part."""

    def __init__(self) -> None:
        self.fails: Callable[[Moment], bool] = lambda moment: False
        self.failed: list[Moment] = []

    def check(self, moment: Moment) -> None:
        if self.fails(moment):
            self.failed.append(moment)
            raise sqlite3.OperationalError(f"disk I/O error ({moment.value})")


def make_flaky(db: Database) -> Flakiness:
    """From now on the database's connections fail when they are told to."""
    flakiness = Flakiness()
    connection = type("Connection", (FlakyConnection,), {"flakiness": flakiness})
    makes_connections = getattr(db.engine, "own_dialect", db.engine)
    event.listen(makes_connections, "do_connect", lambda dialect, record, args, options: connection(*args, **options))
    db.engine.dispose()
    return flakiness


class FlakyConnection(sqlite3.Connection):
    flakiness: Flakiness

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or FlakyCursor)

    def commit(self) -> None:
        writes = self.in_transaction and self.is_writing
        if writes:
            self.flakiness.check(Moment.BEFORE_COMMIT)
        super().commit()
        if writes:
            self.flakiness.check(Moment.AFTER_COMMIT)

    is_writing = False


class FlakyCursor(sqlite3.Cursor):
    connection: FlakyConnection

    def execute(self, statement: str, *parameters: Any) -> Any:
        if statement.startswith("BEGIN"):
            self.connection.is_writing = statement == "BEGIN IMMEDIATE"
            if self.connection.is_writing:
                self.connection.flakiness.check(Moment.OPEN)
        return super().execute(statement, *parameters)
