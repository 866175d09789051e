"""Databases to copy, and what their engines share: tables and statements made anew take most of a test's time."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

import app.core.db
from app.adapters.migrations import migrate
from app.core.db import Database

MADE_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def put_migrated(data_dir: Path) -> Path:
    """Put a fresh copy of an empty database into a data directory; gives the directory."""
    return put_copy(_migrated, data_dir)


def put_copy(template: Callable[[], Path], data_dir: Path) -> Path:
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copy(template(), data_dir / "carillon.db")
    return data_dir


def template_path(name: str) -> Path:
    """In a folder that goes with this process."""
    return _folder() / name


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="carillon-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _migrated() -> Path:
    path = template_path("migrated.db")
    db = Database(f"sqlite:///{path}")
    migrate(db, MADE_AT)
    db.dispose()
    return path


def share_statements() -> None:
    """Let the SQLite engines of this process share what SQLAlchemy compiled; it keeps that by engine and dialect."""
    made = app.core.db._engine
    shared: list[Engine] = []

    def engine(url: str) -> Engine:
        new = made(url)
        if new.dialect.name == "sqlite":
            if not shared:
                shared.append(made(f"sqlite:///{template_path('first.db')}"))
                shared[0].connect().close()  # the dialect learns about its database at the first connection
            _share(new, shared[0])
        return new

    app.core.db._engine = engine


def _share(new: Any, first: Any) -> None:
    new.own_dialect = new.dialect  # connections are still made by this one: see make_flaky
    new.dialect = new.pool._dialect = first.dialect
    new._compiled_cache = first._compiled_cache
