import pytest

from app.core.job_types import JobError
from app.job_types.sql_export.probe import probe


@pytest.mark.parametrize(
    ("database", "version", "can_write"),
    [("postgresql", "PostgreSQL 1", True), ("mariadb", "MariaDB 1", True), ("sqlite", "SQLite 3", False)],
)
def test_a_probe_tells_version_time_and_powers(request, database, version, can_write):
    found = probe(request.getfixturevalue(f"{database}_url"))

    assert found.version.startswith(version)
    assert 0 < found.elapsed_seconds < 5
    assert found.can_write is can_write
    assert not found.is_carillon


def test_a_role_that_may_only_read_cannot_write(reader_url, postgresql):
    postgresql.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    found = probe(reader_url)

    assert (found.can_write, found.concerns) == (False, ())


def test_a_grant_on_one_table_is_power_to_write(reader_url, postgresql):
    role = reader_url.partition("//")[2].partition(":")[0]
    postgresql.execute(f"CREATE TABLE granted (a int); GRANT INSERT ON granted TO {role}")
    try:
        found = probe(reader_url)
    finally:
        postgresql.execute("DROP TABLE granted")

    assert found.can_write
    assert found.concerns == ("the database role is allowed to write: give this connection a role that may only read",)


def test_a_probe_knows_carillons_own_database(sqlite, sqlite_url):
    sqlite.execute("CREATE TABLE carillon_instance (id int)")

    assert probe(sqlite_url).is_carillon


def test_a_probe_that_cannot_connect_says_why():
    with pytest.raises(JobError, match="Connection refused"):
        probe("postgresql://postgres@127.0.0.1:1/test", seconds=2)
