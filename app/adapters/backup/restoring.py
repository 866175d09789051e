"""Restoring a backup: all of it or nothing, and asleep.

It is filled as the version that made the backup had its tables, and brought up to date then, as that version's own
database would be.
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from app.adapters import migrations, sqlite_file
from app.adapters.backup import rows
from app.adapters.backup.archive import CHUNK, Reader, sync_folder
from app.adapters.backup.making import KEY, LONG
from app.core import sleep, whereabouts
from app.core.db import Database, lock_wait_seconds
from app.core.errors import ConflictError, InvalidError
from app.core.keeper import Lease
from app.core.models import Base

TRIES = 10  # a tenth of a second apart
RESULTS = "results/"
OWN = {"alembic_version", "apscheduler_jobs"}


@dataclass(frozen=True)
class Target:
    """Where a backup goes; ``lease`` is that of the servers on this database."""

    db: Database
    lease: Lease
    key_file: Path
    results: Path


@dataclass
class Restored:
    """What was done, or found to be right."""

    manifest: dict[str, Any]
    rows: int
    interrupted: int  # runs that were going on when the backup was made
    kept_aside: list[str] = field(default_factory=list)


def check(path: Path, now: datetime) -> Restored:
    """Try a backup without touching anything: checksums, then a whole restoration into a database that is thrown away.

    Raises ``InvalidError``, ``StartRefusedError`` for a backup of a newer version.
    """
    with _opened(path) as reader, tempfile.TemporaryDirectory(prefix="carillon-check-") as folder:
        _refuse_strange_names(reader)
        reader.check()
        return _built(reader, Path(folder) / "check.db", now)


def restore(path: Path, target: Target, now: datetime, *, replace: bool) -> Restored:
    """Put a backup in place, asleep. ``replace`` keeps what is there already aside, under another name.

    Raises ``ConflictError`` while a server has the database, or where there is something and ``replace`` is not given;
    else as ``check``.
    """
    with _opened(path) as reader:
        _refuse_strange_names(reader)
        reader.check()
        with _nobody_else(target):
            suffix = f"before-restore-{now:%Y%m%dT%H%M%S}"
            _refuse_key(reader, target, replace)
            put_results = partial(_put_results, reader, target.results)
            if target.db.file is not None:
                done = _into_sqlite(reader, target.db.file, now, replace, suffix, put_results)
            else:
                done = _into_postgresql(reader, target.db, now, replace, suffix, put_results)
            done.kept_aside += _put_key(reader, target, suffix)
            return done


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Reader]:
    reader = Reader(path)
    try:
        yield reader
    finally:
        reader.close()


@contextlib.contextmanager
def _nobody_else(target: Target) -> Iterator[None]:
    target.key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not _acquired(target.lease):
        raise ConflictError("a server keeps the time of this database: stop it first")
    token = lock_wait_seconds.set(LONG)
    try:
        yield
    finally:
        lock_wait_seconds.reset(token)
        target.lease.release()


def _acquired(lease: Lease) -> bool:
    """PostgreSQL needs a moment to notice that a server which was stopped just now has gone."""
    return any(lease.acquire() or threading.Event().wait(0.1) for _ in range(TRIES))


# The rows


def _fill(connection: Connection, reader: Reader, now: datetime) -> Restored:
    """Everything in the caller's transaction."""
    manifest = reader.manifest
    migrations.upgrade(connection, manifest["revision"])
    tables = rows.tables(connection)
    count = sum(_fill_table(connection, table, reader) for table in tables)
    rows.set_sequences(connection, tables, manifest["sequences"])
    migrations.upgrade(connection, "head")
    made_at = datetime.fromisoformat(manifest["made_at"])
    with Session(connection, join_transaction_mode="rollback_only") as session:
        interrupted = sleep.fall_asleep(session, made_at, now, f"restored from the backup of {_minute(made_at)}")
        whereabouts.forget(session, now)
        session.flush()
    return Restored(manifest, count, interrupted)


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _fill_table(connection: Connection, table: Any, reader: Reader) -> int:
    said = reader.manifest["tables"].get(table.name)
    if said is None:
        return 0
    with reader.open(f"tables/{table.name}.jsonl") as stream:
        count = rows.write(connection, table, said["columns"], rows.parsed(stream))
    if count != said["rows"]:
        raise InvalidError.of("file", f"of table {table.name} {count} rows were found, and {said['rows']} are listed")
    return count


# SQLite


def _built(reader: Reader, path: Path, now: datetime) -> Restored:
    """A new database in a file of its own: complete, checked and on the disk when this returns."""
    db = Database(f"sqlite:///{path}")
    try:
        with db.engine.connect().execution_options(carillon_writes=True) as connection, connection.begin():
            done = _fill(connection, reader, now)
            wrong = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if wrong:
                raise InvalidError.of("file", f"a row of table {wrong[0]} names one of {wrong[2]} that is not there")
        with db.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")  # a checkpoint cannot be within a transaction
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.dispose()
    problem = sqlite_file.problem_of(path)
    if problem:
        raise InvalidError.of("file", f"the restored database is damaged: {problem}")
    return done


def _into_sqlite(
    reader: Reader, path: Path, now: datetime, replace: bool, suffix: str, put_results: Callable[[], None]
) -> Restored:
    """``put_results`` comes before the database is replaced: where results do not fit, all is as it was."""
    there = [each for each in sqlite_file.files(path) if each.exists() and each.stat().st_size]
    if there and not replace:
        raise ConflictError(f"there is a database {str(path)!r} already: --replace keeps it aside and takes its place")
    new = sqlite_file.being_restored(path)
    _remove(sqlite_file.files(new))
    try:
        done = _built(reader, new, now)
        put_results()
    except BaseException:
        _remove(sqlite_file.files(new))  # it would keep a server from starting, as if a restoration had been cut off
        raise
    _remove(sqlite_file.files(new)[1:])
    for each in sqlite_file.files(path):
        if each.name.endswith("-shm"):
            each.unlink(missing_ok=True)  # SQLite makes it anew
        elif each.exists():
            aside = path.with_name(f"{path.name}.{suffix}{each.name.removeprefix(path.name)}")
            os.replace(each, aside)
            if each in there:
                done.kept_aside.append(str(aside))
    os.replace(new, path)
    sync_folder(path.parent)
    return done


def _remove(files: Iterable[Path]) -> None:
    for each in files:
        each.unlink(missing_ok=True)


# PostgreSQL


def _into_postgresql(
    reader: Reader, db: Database, now: datetime, replace: bool, suffix: str, put_results: Callable[[], None]
) -> Restored:
    with db.engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migrations.MIGRATION_LOCK})
        there = sorted((set(Base.metadata.tables) | OWN) & set(inspect(connection).get_table_names()))
        if there and not replace:
            raise ConflictError(
                "the database holds tables of Carillon already: --replace keeps them aside, in a schema"
            )
        aside = _move_aside(connection, there, suffix) if there else []
        done = _fill(connection, reader, now)
        put_results()
    done.kept_aside += aside
    return done


def _move_aside(connection: Connection, names: list[str], suffix: str) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote
    schema = suffix.replace("-", "_").lower()
    connection.exec_driver_sql(f"CREATE SCHEMA {quote(schema)}")
    for name in names:
        connection.exec_driver_sql(f"ALTER TABLE {quote(name)} SET SCHEMA {quote(schema)}")
    return [f"schema {schema}"]


# Files


def _refuse_key(reader: Reader, target: Target, replace: bool) -> None:
    if KEY not in reader or not target.key_file.exists() or replace:
        return
    if target.key_file.read_bytes().strip() != reader.read(KEY).strip():
        raise ConflictError(f"there is another key {str(target.key_file)!r} already: --replace keeps it aside")


def _put_key(reader: Reader, target: Target, suffix: str) -> list[str]:
    if KEY not in reader:
        return []
    wanted, aside = reader.read(KEY), []
    if target.key_file.exists():
        if target.key_file.read_bytes().strip() == wanted.strip():
            return []
        kept = target.key_file.with_name(f"{target.key_file.name}.{suffix}")
        os.replace(target.key_file, kept)
        aside = [str(kept)]
    _write(target.key_file, iter([wanted]))
    return aside


def _refuse_strange_names(reader: Reader) -> None:
    for name in reader.manifest["members"]:
        relative = Path(name.removeprefix(RESULTS))
        if relative.is_absolute() or ".." in relative.parts:
            raise InvalidError.of("file", f"{name!r} would lie outside the folder of results")


def _put_results(reader: Reader, folder: Path) -> None:
    """Files that are there already stay: their names are of one attempt of one run."""
    for name in reader.manifest["members"]:
        if not name.startswith(RESULTS):
            continue
        path = folder / name.removeprefix(RESULTS)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with reader.open(name) as stream:
                _write(path, iter(lambda stream=stream: stream.read(CHUNK), b""))  # type: ignore[misc]


def _write(path: Path, parts: Iterator[bytes]) -> None:
    part = path.with_name(f"{path.name}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
        for data in parts:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)
