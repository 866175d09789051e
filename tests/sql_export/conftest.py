"""Real databases: those of tests/conftest.py with connections to look after them; SQLite is a file."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.sql_export.edge_values import edge_rows, spelled_for_sqlite
from tests.sql_export.fake_context import FakeContext

READER = f"carillon_reader_{secrets.token_hex(4)}"  # roles belong to the server, and other sessions may use it too


@pytest.fixture(scope="session")
def postgresql_url(postgresql_url: str) -> str:
    """As psql and psycopg take it."""
    return postgresql_url.replace("+psycopg", "")


@pytest.fixture(scope="session")
def reader_url(postgresql_url: str) -> Iterator[str]:
    """The same database as a role that may read and nothing else."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(
            f"CREATE ROLE {READER} LOGIN PASSWORD 'reader'; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER}"
        )
        parts = connection.info
        yield f"postgresql://{READER}:reader@{parts.host}:{parts.port}/{parts.dbname}"
        connection.execute(f"DROP OWNED BY {READER}; DROP ROLE {READER}")


@pytest.fixture(scope="session")
def mariadb(mariadb_url: str) -> Iterator[Any]:
    connection = create_engine(mariadb_url, poolclass=NullPool, isolation_level="AUTOCOMMIT").raw_connection()
    yield connection.cursor()
    connection.close()


@pytest.fixture(scope="session")
def postgresql(postgresql_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    path = tmp_path / "source.db"
    sqlite3.connect(path).close()
    return path


@pytest.fixture
def sqlite(sqlite_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(sqlite_path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    yield connection
    connection.close()


@pytest.fixture
def sqlite_url(sqlite: sqlite3.Connection, sqlite_path: Path) -> str:
    return f"sqlite:///{sqlite_path}"


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def any_url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., FakeContext]:
    results = tmp_path / "results"
    results.mkdir()

    def prepare(url: str, query: str, **parameters: Any) -> FakeContext:
        return FakeContext(results, url, query, **parameters)

    return prepare


@pytest.fixture(scope="module")
def edge_on_postgresql(postgresql_url: str) -> Iterator[str]:
    """The table of edge values."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("SET TimeZone TO 'UTC'")
        connection.execute(
            "CREATE TABLE edge (id int, t text, f float8, n numeric(30,2), i bigint, d date, ts timestamp,"
            " tz timestamptz, ti time, b bytea)"
        )
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO edge VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", edge_rows())
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET TimeZone TO 'Asia/Kathmandu'")
        yield postgresql_url
        connection.execute(f"ALTER DATABASE {connection.info.dbname} RESET ALL")
        connection.execute("DROP TABLE edge")


@pytest.fixture(scope="module")
def edge_on_mariadb(mariadb: Any, mariadb_url: str) -> str:
    mariadb.execute("SET time_zone = '+00:00'")
    mariadb.execute(
        "CREATE OR REPLACE TABLE edge (id int, t text, f double, n decimal(30,2), i bigint, d date, ts datetime(6),"
        " tz timestamp(6) NULL, ti time(6), b blob) CHARACTER SET utf8mb4"
    )
    mariadb.executemany("INSERT INTO edge VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", edge_rows())
    return mariadb_url


@pytest.fixture
def edge_on_sqlite(sqlite: sqlite3.Connection, sqlite_url: str) -> str:
    sqlite.execute(
        "CREATE TABLE edge (id int, t text, f real, n text, i int, d text, ts text, tz text, ti text, b blob)"
    )
    rows = map(spelled_for_sqlite, edge_rows())
    sqlite.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return sqlite_url
