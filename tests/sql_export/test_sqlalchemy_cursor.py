"""The way of the databases that Carillon knows only through SQLAlchemy, shown with two that it knows better."""

import pytest

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.database_url import DatabaseUrl
from app.job_types.sql_export.source import Limits
from app.job_types.sql_export.sqlalchemy_cursor import open_sqlalchemy


def made(url: str, query: str, *, seconds: int = 60, **values) -> bytes:
    with open_sqlalchemy(DatabaseUrl.read(url), Limits(statement_seconds=seconds)) as source:
        return b"".join(batch.data for batch in source.ask(query, values, CsvFormat(header=False)).batches())


@pytest.fixture
def plain_postgresql_url(postgresql_url):
    return postgresql_url.replace("postgresql:", "postgresql+psycopg:")


def test_values_of_the_driver_are_spelled_as_copy_spells_them(plain_postgresql_url):
    query = """select 1.50, 1e15::float8, true, null, '', 'a:b', '2026-01-01 12:00:00.5+02'::timestamptz,
        date '2026-01-01', time '12:30', '\\x00ff'::bytea, '00000000-0000-0000-0000-000000000005'::uuid,
        :n::int + 1, '%s'"""

    written = rb'1.50,1e+15,t,,"",a:b,2026-01-01 10:00:00.5+00,2026-01-01,12:30:00,'
    assert (
        made(plain_postgresql_url, query, n=1) == written + rb"\x00ff,00000000-0000-0000-0000-000000000005,2,%s" + b"\n"
    )


def test_large_results_are_streamed(plain_postgresql_url):
    assert made(plain_postgresql_url, "select i from generate_series(1, 20000) i").count(b"\n") == 20000


@pytest.mark.parametrize(
    "query",
    [
        "select 1; select 2",
        "select * into x from y",
        "select 1 drop table y",
        "with x as (select 1) delete from y",
        "exec z",
    ],
)
def test_writing_words_are_refused_without_asking(sqlite_url, query):
    with pytest.raises(JobError, match=r"only one statement|is not allowed|begins with"):
        made(sqlite_url, query)


def test_the_time_limit_is_kept_by_a_watch(plain_postgresql_url):
    with pytest.raises(JobError, match="ran longer than 1 seconds") as caught:
        made(plain_postgresql_url, "select pg_sleep(30)", seconds=1)
    assert caught.value.reason is FailureReason.TIMEOUT


def test_the_log_tells_that_only_the_account_protects(sqlite_url):
    with open_sqlalchemy(DatabaseUrl.read(sqlite_url), Limits()) as source:
        (concern,) = source.concerns()
        assert source.can_write() is None
        assert not source.is_carillon()

    assert "use an account that may only read" in concern


def test_a_float_of_mariadb_is_said_to_lose_digits(export, mariadb, mariadb_url):
    mariadb.execute("CREATE OR REPLACE TABLE measures (f float, d double)")
    mariadb.execute("INSERT INTO measures VALUES (16777216, 16777216)")
    run = export(mariadb_url, "select f, d, cast(f as double) as g from measures", header=False)

    assert run.run() == b"16777200,16777216,16777216\n"
    notes = [message for level, message in run.logged if level == "warning" and "FLOAT" in message]
    assert notes == ["the server gives FLOAT with 6 digits only: CAST(f AS DOUBLE) gives all of them"]


def test_mariadb_without_a_database_in_the_url(export, mariadb_url):
    assert export(mariadb_url.rpartition("/")[0] + "/", "select 1 as one").run() == b"one\n1\n"


def test_dates_that_python_has_not_are_as_mariadb_has_them(export, mariadb_url):
    query = "select date('0000-00-00') as d, timestamp('0000-00-00 00:00:00') as t, time('-838:59:59') as long_time"

    assert export(mariadb_url, query, header=False).run() in (
        b",,-838:59:59\n",
        b"0000-00-00,0000-00-00 00:00:00,-838:59:59\n",
    )
