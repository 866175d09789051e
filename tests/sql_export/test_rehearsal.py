"""A query that is tried: what it shows, what it refuses, and that it always ends."""

import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import InvalidError, NotFoundError, UnavailableError
from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.rehearsal.coming import Start, coming_starts
from app.job_types.sql_export.rehearsal.found import Cell, Column, Found, Refused
from app.job_types.sql_export.rehearsal.look import CELL_CHARACTERS, ROWS, look
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsals, Wanted
from app.job_types.sql_export.rehearsal.stage import Stage
from app.job_types.sql_export.source import Limits, QueryError
from app.job_types.sql_export.sql_text import Place

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
START = Start(NOW, NOW - DAY)
SERIES = {
    "postgresql": "SELECT n, 'row ' || n AS words FROM generate_series(1, {rows}) AS numbers (n)",
    "mariadb": "SELECT seq AS n, concat('row ', seq) AS words FROM seq_1_to_{rows}",
    "sqlite": "WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})"
    " SELECT n, 'row ' || n AS words FROM numbers",
}
TYPES = {"postgresql": ["integer", "text"], "mariadb": ["BIGINT", "VARCHAR"], "sqlite": ["integer", "text"]}
ENDLESS = {
    "postgresql": "SELECT pg_sleep(60)",
    "mariadb": "SELECT count(*) FROM seq_1_to_10000000 a, seq_1_to_10000000 b WHERE a.seq * b.seq < 0",
    "sqlite": "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
}


@pytest.fixture(params=list(SERIES))
def database(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def url(request: pytest.FixtureRequest, database: str) -> str:
    return request.getfixturevalue(f"{database}_url")


def looked(url: str, query: str, values=None, seconds: float = 5) -> Found:
    with open_source(url, Limits(statement_seconds=5, first_rows=1)) as source:
        return look(source, query, {**(values or {}), "scheduled_for": NOW, "previous_success": None}, seconds)


def texts(found: Found) -> list[list[str | None]]:
    return [[cell.text for cell in row] for row in found.rows]


def test_columns_types_and_the_first_rows_are_shown(database, url):
    found = looked(url, SERIES[database].format(rows=1000))

    assert [column.name for column in found.columns] == ["n", "words"]
    assert [column.type for column in found.columns] == TYPES[database]
    assert texts(found) == [[str(n), f"row {n}"] for n in range(1, ROWS + 1)]
    assert found.has_more
    assert found.types_are_seen is (database == "sqlite")
    assert found.steps


def test_twenty_rows_are_all_of_them(database, url):
    assert not looked(url, SERIES[database].format(rows=ROWS)).has_more


def test_a_result_without_rows_has_columns(database, url):
    found = looked(url, f"SELECT * FROM ({SERIES[database].format(rows=3)}) AS few WHERE n > :least", {"least": 5})

    assert (len(found.columns), found.rows, found.has_more) == (2, [], False)


def test_null_and_an_empty_text_are_told_apart_and_a_long_text_is_cut(url):
    found = looked(url, "SELECT NULL AS a, '' AS b, :long AS c", {"long": "x" * 5000})

    assert found.rows == [[Cell(None), Cell(""), Cell("x" * CELL_CHARACTERS, is_cut=True)]]


def test_postgresql_tells_types_in_full_rows_and_cost(postgresql_url):
    found = looked(
        postgresql_url, "SELECT 1.5::numeric(9,2) AS price, now()::timestamp AS at FROM generate_series(1, 50)"
    )

    assert [column.type for column in found.columns] == ["numeric(9,2)", "timestamp without time zone"]
    assert (found.expected_rows, found.steps) == (50, ["Function Scan of generate_series, about 50 rows"])
    assert found.cost > 0


def test_the_moments_are_bound_as_a_run_would(postgresql_url):
    found = looked(postgresql_url, "SELECT :scheduled_for::timestamptz AS at, :previous_success AS before")

    assert texts(found) == [["2026-03-02 12:00:00+00", None]]


@pytest.mark.parametrize(
    ("database", "query"),
    [
        ("postgresql", "SELECT 1,\n  nope FROM pg_class"),
        ("mariadb", "SELECT 1,\n  nope FROM seq_1_to_3"),
        ("sqlite", "SELECT 1,\n  nope FROM sqlite_master"),
    ],
    indirect=["database"],
)
def test_an_error_has_its_place_in_the_query(database, url, query):
    with pytest.raises(QueryError, match="nope") as raised:
        looked(url, query)

    assert raised.value.place == Place(line=2, column=3)


@pytest.mark.parametrize("query", ["SELECT 'open", "SELECT 1; SELECT 2"])
def test_so_has_one_that_is_seen_before_the_database_is_asked(sqlite_url, query):
    with pytest.raises(QueryError) as raised:
        looked(sqlite_url, query)

    assert raised.value.place is not None


def test_the_database_is_told_to_stop(database, url):
    began = time.monotonic()

    with pytest.raises(Exception, match="was stopped"):
        looked(url, ENDLESS[database], seconds=0.3)

    assert time.monotonic() - began < 3


def test_nothing_is_written(postgresql, postgresql_url):
    postgresql.execute("CREATE SEQUENCE tried")
    try:
        with pytest.raises(QueryError, match="read-only transaction"):
            looked(postgresql_url, "SELECT nextval('tried')")
    finally:
        postgresql.execute("DROP SEQUENCE tried")


# In its process


def test_a_rehearsal_comes_out_of_its_process_whole(sqlite_url):
    outcome = Stage().rehearse(sqlite_url, "SELECT :n + 1 AS n, :scheduled_for AS at, NULL AS empty", {"n": 1}, START)

    assert isinstance(outcome, Found)
    assert outcome.columns == [Column("n", "integer"), Column("at", "text"), Column("empty", "")]
    assert outcome.rows == [[Cell("2"), Cell("2026-03-02 12:00:00"), Cell(None)]]


def test_a_database_of_our_own_is_refused(sqlite, sqlite_url):
    sqlite.execute("CREATE TABLE carillon_instance (id int)")

    outcome = Stage().rehearse(sqlite_url, "SELECT * FROM carillon_instance", {}, START)

    assert outcome == Refused("this is a database of Carillon's own: it is not for export", "config")


def test_a_value_that_takes_all_memory_ends_with_the_process(postgresql_url):
    outcome = Stage().rehearse(postgresql_url, "SELECT repeat('x', 90000000)", {}, START)

    assert isinstance(outcome, Refused)


def test_what_cannot_be_stopped_is_killed(sqlite_url):
    """One call of a function that takes longer than anybody waits: SQLite looks at nothing meanwhile."""
    stage, began = Stage(seconds=1, life_seconds=1), time.monotonic()

    outcome = stage.rehearse(
        sqlite_url, "SELECT printf('%.*c', 60000000, 'a') LIKE '%' || printf('%.*c', 30000, 'a') || 'b'", {}, START
    )

    assert outcome == Refused("the query could not be stopped after 1 seconds, so its process was ended", "timeout")
    assert time.monotonic() - began < 4


def test_its_process_knows_no_settings_of_the_server(sqlite_url, monkeypatch):
    monkeypatch.setenv("CARILLON_ADMIN_PASSWORD", "canary")
    monkeypatch.setenv("PGAPPNAME", "kept")
    tell = "import os, json; print(json.dumps({'Refused': {'message': str(os.environ), 'reason': '', 'place': None}}))"

    outcome = Stage(command=[sys.executable, "-c", tell]).rehearse(sqlite_url, "SELECT 1", {}, START)

    assert "kept" in outcome.message
    assert "canary" not in outcome.message


def test_few_are_tried_at_a_time(sqlite_url):
    with pytest.raises(UnavailableError, match="other queries are being tried"):
        Stage(places=0).rehearse(sqlite_url, "SELECT 1", {}, START)


def test_no_password_is_told():
    outcome = Stage().rehearse("postgresql://carillon:hunter2@127.0.0.1:1/nothing", "SELECT 1", {}, START)

    assert isinstance(outcome, Refused)
    assert "Connection refused" in outcome.message
    assert "hunter2" not in outcome.message


# With a schedule


def test_each_start_takes_the_one_before_it_for_a_success():
    starts = coming_starts(
        "SELECT :region, :previous_success, :scheduled_for", {"region": "north", "unused": 1},
        [NOW, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY], None,
    )  # fmt: skip

    assert [start.values for start in starts] == [
        {"region": "north", "previous_success": None, "scheduled_for": NOW},
        {"region": "north", "previous_success": NOW, "scheduled_for": NOW + DAY},
        {"region": "north", "previous_success": NOW + DAY, "scheduled_for": NOW + 2 * DAY},
    ]


def unknown(name: str) -> str:
    raise NotFoundError(f"no connection named {name!r}")


def test_what_is_wrong_anyway_is_not_tried():
    rehearsals = Rehearsals(unknown, lambda: NOW, Stage(places=0))

    with pytest.raises(InvalidError) as raised:
        rehearsals.rehearse(Wanted("nowhere", "SELECT :nothing", {}))

    assert [(problem.field, problem.code) for problem in raised.value.errors] == [
        ("query", "missing_bind"), ("connection", "unknown"),
    ]  # fmt: skip


def test_a_job_without_a_schedule_is_tried_as_if_it_were_started_now(sqlite_url):
    rehearsal = Rehearsals(lambda name: sqlite_url, lambda: NOW).rehearse(Wanted("source", "SELECT :scheduled_for", {}))

    assert rehearsal.is_by_hand
    assert rehearsal.starts == [Start(NOW, None, {"scheduled_for": NOW})]
