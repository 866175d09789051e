"""Alembic: bring the database to this version's tables, or refuse one that is newer."""

from datetime import datetime
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

from app.adapters import row_guards
from app.core.db import Database
from app.core.errors import StartRefusedError
from app.core.models import Instance
from app.core.uids import new_uid

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
MIGRATION_LOCK = 0x6D69_6772  # "migr"


class NewerDatabaseError(StartRefusedError):
    """The database was written by a newer version of Carillon."""


def migrate(db: Database, now: datetime) -> None:
    """Apply what is missing, in one transaction that only one process can be in. Raises ``NewerDatabaseError``."""
    with db.engine.connect().execution_options(carillon_writes=True) as connection, connection.begin():
        if not db.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        if _is_current(connection):
            return
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
