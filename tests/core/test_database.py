"""SQLite's settings, waiting for locks, and migrations."""

import sqlite3
import threading

import pytest
from sqlalchemy import select, text

from app.adapters.migrations import NewerDatabaseError, migrate
from app.bootstrap import Services
from app.core.db import Database, lock_wait_seconds
from app.core.errors import UnavailableError
from app.core.models import Base, Instance, Job
from config import Settings
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock


def test_sqlite_is_durable_and_checks_foreign_keys(services: Services) -> None:
    with services.db.reading() as session:
        found = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert found == ["wal", 2, 1]


def test_concurrent_read_then_write_loses_no_update(services: Services, make_job: MakeJob) -> None:
    job = make_job()

    def count_up() -> None:
        lock_wait_seconds.set(30)
        for _ in range(25):
            with services.db.transaction() as session:
                session.get_one(Job, job.id).version += 1

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert services.jobs.get(job.uid).version == 101


def test_a_locked_database_is_unavailable_soon(services: Services, settings: Settings) -> None:
    blocker = sqlite3.connect(settings.data_dir / "carillon.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    token = lock_wait_seconds.set(0.05)
    try:
        with pytest.raises(UnavailableError), services.db.transaction() as session:
            session.scalar(select(Instance.id))
        with services.db.reading() as session:
            assert session.scalar(select(Instance.id)) == 1
    finally:
        lock_wait_seconds.reset(token)
        blocker.close()


def test_a_second_migration_changes_nothing(services: Services, clock: FakeClock) -> None:
    with services.db.reading() as session:
        uid = session.scalar(select(Instance.uid))
    migrate(services.db, clock())
    with services.db.reading() as session:
        assert session.scalar(select(Instance.uid)) == uid


def test_a_newer_database_is_refused_with_words(services: Services, clock: FakeClock) -> None:
    with services.db.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(NewerDatabaseError, match="newer version"):
        migrate(services.db, clock())


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # on SQLite; see test_jobs.py
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_make_the_tables_of_the_models(
    kind: str, settings: Settings, clock: FakeClock, request: pytest.FixtureRequest
) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    settings.data_dir.mkdir(exist_ok=True)
    db = Database(settings.database if kind == "sqlite" else request.getfixturevalue("empty_postgresql_url"))
    migrate(db, clock())

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    db.dispose()
