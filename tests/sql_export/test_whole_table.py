"""How many rows a query gives is said beforehand only where it is known."""

import pytest

from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.source import Limits


@pytest.fixture
def source(sqlite, sqlite_url):
    sqlite.execute("CREATE TABLE visit (id integer primary key, name text, visits text)")
    sqlite.executemany("INSERT INTO visit VALUES (?, ?, ?)", ((n, f"n{n}", "") for n in range(101, 151)))
    sqlite.execute("CREATE VIEW recent AS SELECT * FROM visit WHERE id > 140")
    sqlite.execute("CREATE TABLE bare (id text primary key) WITHOUT ROWID")
    sqlite.execute("CREATE TABLE odd (rowid text)")
    sqlite.execute("INSERT INTO odd VALUES ('a'), ('b')")
    with open_source(sqlite_url, Limits()) as source:
        yield source


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * FROM visit", 50),
        ("select id, upper(name) from visit order by name", 50),
        ("SELECT id FROM visit LIMIT 3", None),
        ("SELECT id FROM visit WHERE id > 3", None),
        ("SELECT count(*) FROM visit", None),
        ("SELECT DISTINCT name FROM visit", None),
        ("SELECT * FROM recent", None),
        ("SELECT a.id FROM visit a, visit b", None),
        ("SELECT id FROM (SELECT id FROM visit)", None),
        ('SELECT id FROM "visit"', None),
        ("SELECT * FROM bare", None),
        ("SELECT * FROM odd", None),
        ("VALUES (1), (2)", None),
    ],
)
def test_only_a_whole_table_is_known(source, query, rows):
    assert source.plan(query, {}).rows == rows


def test_rows_that_were_deleted_do_not_count_once_somebody_has_counted(sqlite, source):
    sqlite.execute("DELETE FROM visit WHERE id BETWEEN 110 AND 120")
    assert source.plan("SELECT * FROM visit", {}).rows == 50

    sqlite.execute("CREATE INDEX visit_name ON visit (name)")
    sqlite.execute("ANALYZE")

    assert source.plan("SELECT * FROM visit", {}).rows == 39
