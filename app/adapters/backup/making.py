"""Making a backup, beside a server that goes on firing."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from app.adapters import sqlite_file
from app.adapters.backup import rows
from app.adapters.backup.archive import CHUNK, Writer
from app.core.db import Database, lock_wait_seconds
from app.core.errors import ConflictError

LONG = 3600.0
KEY = "secret.key"


@dataclass(frozen=True)
class Source:
    """What there is to keep. ``key_file`` and ``results`` are ``None`` where they are not wanted."""

    db: Database
    version: str
    key_file: Path | None
    results: Path | None


@dataclass(frozen=True)
class Made:
    path: Path
    size: int
    rows: int
    results: int
    missing: int  # result files that went while the backup was made


def make(source: Source, path: Path, now: datetime) -> Made:
    """Write a backup to ``path``. Raises ``ConflictError`` for a damaged or an empty database, and ``OSError``.

    The rows are those of one moment. SQLite's writers go on meanwhile, PostgreSQL's too.
    """
    _refuse_damaged(source.db)
    writer = Writer(path)
    try:
        with one_view(source.db) as connection:
            said = _write_tables(writer, connection)
            files = _result_paths(connection) if source.results else []
        if source.key_file is not None and source.key_file.exists():
            with writer.member(KEY) as write:
                write(source.key_file.read_bytes())
        missing = sum(not _copy(writer, source.results, name) for name in files if source.results)
        manifest = {
            "version": source.version, "made_at": now.isoformat(), "host": platform.node(),
            "database": source.db.engine.dialect.name, **said,
            "results": len(files) - missing if source.results else None,
        }  # fmt: skip
        writer.finish(manifest)
    finally:
        writer.discard()
    count = sum(table["rows"] for table in said["tables"].values())
    return Made(path, path.stat().st_size, count, len(files) - missing, missing)


def _refuse_damaged(db: Database) -> None:
    if db.file is not None:
        if not db.file.exists():
            raise ConflictError(f"there is no database {str(db.file)!r}: nothing to back up")
        problem = sqlite_file.problem_of(db.file)
        if problem:
            raise ConflictError(
                f"the database {str(db.file)!r} is damaged: {problem}. No backup was made of it, and earlier ones are"
                " left as they are: restore one of them"
            )


@contextmanager
def one_view(db: Database) -> Iterator[Connection]:
    """Read the database of one moment, however long it takes; nobody is kept from writing."""
    token = lock_wait_seconds.set(LONG)
    options: dict[str, Any] = {"carillon_writes": False}
    if not db.is_sqlite:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with db.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    finally:
        lock_wait_seconds.reset(token)


def _write_tables(writer: Writer, connection: Connection) -> dict[str, Any]:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        raise ConflictError("the database holds no tables of Carillon: nothing to back up")
    found = rows.tables(connection)
    counts: dict[str, Any] = {}
    for table in found:
        count = 0
        with writer.member(f"tables/{table.name}.jsonl") as write:
            for some, data in rows.lines(rows.read(connection, table)):
                count += some
                write(data)
        counts[table.name] = {"rows": count, "columns": rows.columns(table)}
    return {"revision": revision, "tables": counts, "sequences": rows.sequences(connection, found)}


def _result_paths(connection: Connection) -> list[str]:
    query = "SELECT DISTINCT path FROM result_file WHERE removed_at IS NULL ORDER BY path"
    return [path for (path,) in connection.execute(text(query))]


def _copy(writer: Writer, folder: Path, name: str) -> bool:
    """One that a keep-rule deleted meanwhile is left out."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, "rb") as stream, writer.member(f"results/{name}") as write:
        while data := stream.read(CHUNK):
            write(data)
    return True
