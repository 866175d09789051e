"""Alembic: bring the database to this version's tables, or refuse one that is newer."""

import logging
from datetime import datetime
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

from app.adapters import row_guards, sqlite_file
from app.core.db import Database, lock_wait_seconds
from app.core.errors import StartRefusedError
from app.core.models import Instance
from app.core.uids import new_uid

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
log = logging.getLogger(__name__)

LONGEST = 900.0  # seconds that an upgrade may wait for a lock; a statement may take four times as long
MIGRATION_LOCK = 0x6D69_6772  # "migr"


class NewerDatabaseError(StartRefusedError):
    """The database was written by a newer version of Carillon."""


def migrate(db: Database, now: datetime) -> None:
    """Apply what is missing, in one transaction that only one process can be in. Raises ``NewerDatabaseError``.

    Of SQLite's file, if it holds an older version, a copy is kept beside it.
    """
    with db.engine.connect().execution_options(carillon_writes=False) as connection, connection.begin():
        if _is_current(connection):
            return  # as nearly always: without waiting for whoever writes
    patience = lock_wait_seconds.set(LONGEST)
    try:
        with db.engine.connect().execution_options(carillon_writes=True) as connection, connection.begin():
            _migrate(connection, db.file, now)
    finally:
        lock_wait_seconds.reset(patience)


def _migrate(connection: Connection, file: Path | None, now: datetime) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    if _is_current(connection):
        return  # another process was quicker
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        log.warning("the database is of an earlier version (revision %s); it is brought up to date", revision)
        if file is not None:
            sqlite_file.keep_copy(file, f"before-upgrade-from-{revision}")
    upgrade(connection)
    if not connection.execute(select(Instance.id)).first():
        connection.execute(insert(Instance).values(id=1, uid=new_uid(), created_at=now))


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, in the caller's transaction. Raises ``NewerDatabaseError``."""
    _refuse_newer(revision)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if revision == "head":
        row_guards.install(connection)


def _is_current(connection: Connection) -> bool:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return False
    _refuse_newer(revision)
    return revision == _revisions()[1]


def _refuse_newer(revision: str) -> None:
    known, head = _revisions()
    if revision not in known and revision != "head":
        raise NewerDatabaseError(
            f"the database is of a newer version (its revision is {revision!r}, this version knows up to"
            f" {head!r}): install that version, or restore a backup made with this one"
        )


@cache
def _revisions() -> tuple[frozenset[str], str | None]:
    """All that this version knows, and the newest."""
    scripts = ScriptDirectory(str(FOLDER))
    return frozenset(script.revision for script in scripts.walk_revisions()), scripts.get_current_head()
