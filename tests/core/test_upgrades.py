"""A filled database of an earlier release becomes one of this version, with all its rows, wherever it is cut off."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Engine,
    Enum,
    Integer,
    Table,
    event,
    inspect,
    select,
    text,
)  # fmt: skip

from app.adapters import migrations, row_guards
from app.adapters.backup import rows
from app.adapters.secrets import load_key
from app.bootstrap import build
from app.core.db import Database
from app.core.models import Base, Instance
from config import Settings
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

RELEASES = {"0.1.0": "0001"}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = 3  # in each table
Dump = dict[str, list[dict[str, Any]]]


def fill(connection: Connection) -> None:
    """Some rows into every table, whatever its columns are called."""
    for table in rows.tables(connection):
        names = rows.columns(table)
        made = [[value_of(table, name, number) for name in names] for number in range(1, ROWS + 1)]
        if table.name == "carillon_instance":
            made = made[:1]
        rows.write(connection, table, names, made)
        assert connection.execute(text(f'SELECT count(*) FROM "{table.name}"')).scalar()
    rows.set_sequences(connection, rows.tables(connection), {"job": 77})


def value_of(table: Table, name: str, number: int) -> Any:
    """As a backup has it. Foreign keys name the row of the same number, a self-reference nobody."""
    column = table.columns[name]
    known = Base.metadata.tables[table.name].columns.get(name)
    if known is not None and isinstance(known.type, Enum):
        return known.type.enums[(number - 1) % len(known.type.enums)] if name != "job_type" else "NOTHING"
    if any(key.column.table is table for key in column.foreign_keys):
        return None
    if column.nullable and number == 2:
        return None
    match column.type:
        case DateTime():
            return f"2026-11-{number:02} 03:04:05.000006"
        case Boolean():
            return number % 2
        case JSON():
            return '{"a": "ü \\u0000"}' if table.name not in ("trigger", "job") else '{"a": "ü"}'
        case Integer():
            return number
    return f"{name} {number} “ü”"


def make_release(db: Database, revision: str) -> Dump:
    """A filled database of a release. Gives what is in it."""
    with db.engine.connect().execution_options(carillon_writes=True) as connection, connection.begin():
        migrations.upgrade(connection, revision)
        fill(connection)
        if db.is_sqlite:
            row_guards.install(connection)
        return dump(connection)


def dump(connection: Connection) -> Dump:
    found: Dump = {}
    for table in rows.tables(connection):
        names = rows.columns(table)
        found[table.name] = [dict(zip(names, row, strict=True)) for row in rows.read(connection, table)]
    return found


def is_kept(before: Dump, after: Dump) -> bool:
    """Every row, with at least the columns that it had."""
    return all(
        [{name: row[name] for name in old} for old, row in zip(found, after[table], strict=True)] == found
        for table, found in before.items()
    )


def shape(connection: Connection) -> dict[str, Any]:
    """All that a database knows of our tables: columns, keys, indexes with their conditions, guards."""
    there, found = inspect(connection), dict[str, Any]()
    for name in sorted(Base.metadata.tables):
        columns = {
            each["name"]: (str(each["type"]), each["nullable"], each["default"]) for each in there.get_columns(name)
        }
        keys = sorted((each["constrained_columns"], each["referred_table"]) for each in there.get_foreign_keys(name))
        uniques = sorted((each["name"] or "", each["column_names"]) for each in there.get_unique_constraints(name))
        checks = sorted((each["name"] or "", each["sqltext"]) for each in there.get_check_constraints(name))
        found[name] = columns, there.get_pk_constraint(name)["constrained_columns"], keys, uniques, checks
    query = OF_SQLITE if connection.dialect.name == "sqlite" else OF_POSTGRESQL
    found["others"] = sorted(tuple(row) for row in connection.exec_driver_sql(query))
    return found


OF_SQLITE = """
    SELECT name, type, CASE type WHEN 'table' THEN sql LIKE '%AUTOINCREMENT%' ELSE coalesce(sql, '') END
    FROM sqlite_master WHERE name NOT LIKE 'apscheduler%'
"""
OF_POSTGRESQL = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'carillon.db'}" if is_sqlite else request.getfixturevalue("empty_postgresql_url")
    made = Database(url)
    yield made
    made.dispose()


@pytest.fixture
def fresh(db: Database, tmp_path: Path) -> dict[str, Any]:
    """The shape of a database that this version makes anew."""
    if db.is_sqlite:
        other = Database(f"sqlite:///{tmp_path / 'fresh.db'}")
        migrations.migrate(other, NOW)
        with other.engine.connect() as connection:
            found = shape(connection)
        other.dispose()
        return found
    with db.engine.connect() as connection, connection.begin() as transaction:
        migrations.upgrade(connection)
        found = shape(connection)
        transaction.rollback()
    return found


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")  # of indexes over expressions: compared as texts
@pytest.mark.parametrize("release", RELEASES)
def test_a_filled_database_of_a_release_becomes_one_of_this_version(
    db: Database, fresh: dict[str, Any], release: str
) -> None:
    before = make_release(db, RELEASES[release])
    assert all(before.values())

    migrations.migrate(db, NOW)

    with db.engine.connect() as connection:
        after, upgraded = dump(connection), shape(connection)
    assert is_kept(before, after)
    assert upgraded == fresh
    assert [row["uid"] for row in after["carillon_instance"]] == ["uid 1 “ü”"]


@pytest.mark.parametrize("release", RELEASES)
def test_killed_at_any_statement_it_is_the_old_one_still_and_can_be_upgraded(tmp_path: Path, release: str) -> None:
    """At each statement the files are copied as a kill would leave them."""
    db = Database(f"sqlite:///{tmp_path / 'carillon.db'}")
    before = make_release(db, RELEASES[release])
    left: list[Path] = []
    with copies_at_each_statement(db.engine, tmp_path, left):
        migrations.migrate(db, NOW)
    db.dispose()

    assert len(left) > 20
    for number, folder in enumerate(left):
        with sqlite3.connect(folder / "carillon.db") as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(RELEASES[release],)]
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        connection.close()
        if number % 10 == 0:
            again = Database(f"sqlite:///{folder / 'carillon.db'}")
            migrations.migrate(again, NOW)
            with again.engine.connect() as connected:
                assert is_kept(before, dump(connected))
            again.dispose()


class copies_at_each_statement:  # noqa: N801 - reads as a sentence
    def __init__(self, engine: Engine, folder: Path, left: list[Path]) -> None:
        self.engine, self.folder, self.left = engine, folder, left

    def __enter__(self) -> None:
        event.listen(self.engine, "before_cursor_execute", self.copy)

    def __exit__(self, *error: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self.copy)

    def copy(self, *statement: Any) -> None:
        into = self.folder / f"left-{len(self.left)}"
        into.mkdir()
        for file in self.folder.glob("carillon.db*"):
            shutil.copy(file, into / file.name)
        self.left.append(into)


@pytest.mark.parametrize("at", [8, 30])
def test_an_upgrade_that_is_cut_off_leaves_the_old_one_on_postgresql(empty_postgresql_url: str, at: int) -> None:
    db = Database(empty_postgresql_url)
    before = make_release(db, "0001")
    count = 0

    def cut(connection: Connection, *statement: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            connection.connection.driver_connection.pgconn.finish()  # type: ignore[union-attr]

    event.listen(db.engine, "before_cursor_execute", cut)
    with pytest.raises(Exception, match=r"closed|lost"):
        migrations.migrate(db, NOW)
    event.remove(db.engine, "before_cursor_execute", cut)
    db.dispose()

    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
    migrations.migrate(db, NOW)
    with db.engine.connect() as connection:
        assert is_kept(before, dump(connection))
    db.dispose()


def test_of_servers_that_upgrade_at_once_one_does_it(db: Database) -> None:
    before = make_release(db, "0001")
    others = [Database(db.url) for _ in range(3)]
    errors: list[BaseException] = []

    def upgrade(other: Database) -> None:
        try:
            migrations.migrate(other, NOW)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=upgrade, args=[other]) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with db.engine.connect() as connection:
        assert is_kept(before, dump(connection))
    with db.reading() as session:
        assert len(session.scalars(select(Instance.id)).all()) == 1
    for other in others:
        other.dispose()


def test_what_sqlite_was_before_an_upgrade_is_kept_beside_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    db = Database(settings.database)
    before = make_release(db, "0001")
    db.dispose()
    load_key(settings.key_file)

    build(settings, now=FakeClock(), executor=FakeExecutor(), types=TYPES, hasher=PlainHasher()).db.dispose()

    kept = settings.data_dir / "carillon.db.before-upgrade-from-0001"
    old = Database(f"sqlite:///{kept}")
    with old.engine.connect() as connection:
        assert dump(connection) == before
    old.dispose()
    assert not list(settings.data_dir.glob("*.part"))
