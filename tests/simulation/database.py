"""A real SQLite database whose transactions fail as the schedule says. It outlives the simulated servers."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.core.db import Database
from tests.simulation.faults import Faults, Point

FINAL = "('succeeded', 'failed', 'cancelled', 'interrupted')"
GUARD = f"""
CREATE TABLE broken_promise (what TEXT);
CREATE TRIGGER final_is_final AFTER UPDATE ON run WHEN OLD.status IN {FINAL}
AND (NEW.status IS NOT OLD.status OR NEW.finished_at IS NOT OLD.finished_at OR NEW.reason IS NOT OLD.reason)
BEGIN INSERT INTO broken_promise VALUES (
    'run ' || OLD.id || ' was ' || OLD.status || ' and was made ' || NEW.status); END;
CREATE TRIGGER runs_stay BEFORE DELETE ON run
BEGIN INSERT INTO broken_promise VALUES ('run ' || OLD.id || ' was deleted'); END;
CREATE TRIGGER fires_stay BEFORE DELETE ON fire WHEN OLD.reason IS NOT 'clock_back'
BEGIN INSERT INTO broken_promise VALUES ('fire ' || OLD.id || ' was deleted'); END;
"""
"""The database itself watches what no later look at it can tell."""


class FaultyDatabase(Database):
    def __init__(self, path: Path) -> None:
        super().__init__(f"sqlite:///{path}")
        self.faults: Faults | None = None
        self._outside = sqlite3.connect(path, isolation_level=None)
        self._outside.execute("PRAGMA journal_mode = WAL")

    def put(self, content: sqlite3.Connection) -> None:
        """Make this the content."""
        content.backup(self._outside)

    def copy(self) -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:")
        self._outside.backup(copy)
        return copy

    def guard(self, script: str) -> None:
        self._outside.executescript(script)

    def ask(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What is durable, seen from outside, where nothing fails."""
        return self._outside.execute(query, arguments).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self._point(Point.OPEN)
        with super().transaction() as session:
            yield session
            self._point(Point.COMMIT)
        self._point(Point.COMMITTED)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._point(Point.READ)
        with super().reading() as session:
            yield session

    def _point(self, point: Point) -> None:
        if self.faults:
            self.faults.point(point)

    def dispose(self) -> None:
        self._outside.close()
        super().dispose()
