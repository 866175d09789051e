"""Large results of SQLite are read by a process of their own: to the same bytes, or not at all."""

import random
import struct
import threading
from dataclasses import replace

import pytest

from app.core.job_types import JobError, RunCancelled
from app.core.statuses import FailureReason
from app.job_types.sql_export import sqlite_arrow
from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.sql_text import SQLITE, read_statement
from tests.services import package
from tests.sql_export.edge_values import FLOATS, TEXTS

package("pyarrow")
package("adbc_driver_sqlite")

ROWS = 30_000  # more than the sample
MIXED = "select i, t, f, n, e from mixed order by i"
STARTED_OVER = "starting over: "


@pytest.fixture
def mixed(sqlite):
    """Integers, awkward texts, awkward and random floats, a column of NULL, one of empty texts."""
    chance = random.Random(5)
    bits = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(5000)]
    floats = [value for value in bits if value == value] + [number for number in FLOATS if number is not None] + [None]
    texts = [text for text in TEXTS if text is None or len(text) < 100]
    sqlite.execute("create table mixed (i integer primary key, t text, f real, n, e text)")
    sqlite.execute("begin")
    sqlite.executemany(
        "insert into mixed values (?, ?, ?, null, '')",
        ((i, texts[i % len(texts)], floats[i % len(floats)]) for i in range(ROWS)),
    )  # fmt: skip
    sqlite.execute("commit")
    return sqlite


@pytest.fixture
def by_cursor(monkeypatch):
    """Exports read with a cursor, as without the package."""

    def run(context):
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_arrow, "SAMPLE_ROWS", 10**9)
            patch.setattr(sqlite_arrow, "SAMPLE_BYTES", 10**12)
            return context.run()

    return run


@pytest.mark.parametrize(
    "parameters",
    [{}, {"header": False, "delimiter": ";", "nullText": "\\N"}, {"lineEnding": "CRLF", "delimiter": "tab"}],
)
def test_the_bytes_are_those_of_the_cursor(export, mixed, sqlite_url, by_cursor, reads, parameters):
    expected = by_cursor(export(sqlite_url, MIXED, **parameters))
    assert reads == []

    run = export(sqlite_url, MIXED, filename="fast", **parameters)

    assert run.run() == expected
    assert len(reads) == 1
    assert run.file.rows == ROWS
    assert list(run.file.columns) == ["i", "t", "f", "n", "e"]
    assert not [message for _, message in run.logged if message.startswith(STARTED_OVER)]


@pytest.fixture
def reads(monkeypatch):
    """The queries that went to the reader."""
    seen = []
    made = sqlite_arrow.wrapped
    monkeypatch.setattr(sqlite_arrow, "wrapped", lambda *given: seen.append(made(*given)) or seen[-1])
    return seen


@pytest.mark.parametrize("query", ["select t from mixed order by i", "select e from mixed", "select n from mixed"])
def test_a_single_column(export, mixed, sqlite_url, by_cursor, reads, query):
    expected = by_cursor(export(sqlite_url, query))

    assert export(sqlite_url, query, filename="fast").run() == expected
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("first", "late"),
    [
        ("1", "'text'"), ("1", "0.5"), ("1", "x'00ff'"), ("null", "'text'"), ("null", "7"),
        ("'text'", "0.2436861928766683"), ("'text'", "x'6162'"), ("0.5", "9007199254740993"),
        ("0.5", "-9223372036854775808"),
    ],
)  # fmt: skip
def test_a_column_that_changes_its_type_late_starts_over(export, sqlite_url, by_cursor, first, late):
    query = (
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 25000)"
        f" select i, case when i = 24000 then {late} else {first} end as v, 'x' as x from n"
    )
    expected = by_cursor(export(sqlite_url, query))

    run = export(sqlite_url, query, filename="fast")

    assert run.run() == expected
    assert run.file.rows == 25000
    assert [message for _, message in run.logged if message.startswith(STARTED_OVER)]
    assert run.left_files.count("fast.csv") == 1
    assert not [name for name in run.left_files if name.endswith(".part")]


def test_small_integers_among_floats_need_no_new_start(export, sqlite_url, by_cursor, reads):
    query = (
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 25000)"
        " select case when i > 24000 then i else i / 8.0 end as v from n"
    )
    expected = by_cursor(export(sqlite_url, query))
    run = export(sqlite_url, query, filename="fast")

    assert run.run() == expected
    assert len(reads) == 1
    assert not [message for _, message in run.logged if message.startswith(STARTED_OVER)]


def test_values_of_binds_become_literals(export, mixed, sqlite_url, by_cursor, reads):
    query = (
        "select i, t, :text as a, :number as b, :whole as c, :truth as d, :nothing as e, :scheduled_for as f"
        " from mixed where i > :whole order by i"
    )
    values = {"text": "it's :whole", "number": 0.1, "whole": 3, "truth": True, "nothing": None}
    expected = by_cursor(export(sqlite_url, query, parameters=values))

    assert export(sqlite_url, query, filename="fast", parameters=values).run() == expected
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("query", "csv"),
    [
        ("select @name", CsvFormat()),
        ("select $name", CsvFormat()),
        ("select ?1", CsvFormat()),
        ("select 1", CsvFormat(delimiter="1")),
        ("select 1", CsvFormat(delimiter=".")),
        ("select 1", CsvFormat(null_text="-")),
        ("select 1", CsvFormat(null_text="NaN")),
    ],
)
def test_what_the_reader_cannot_do_right_stays_with_the_cursor(query, csv):
    assert not sqlite_arrow.can_be_read_by_arrow(read_statement(query, SQLITE), csv)
    assert sqlite_arrow.can_be_read_by_arrow(read_statement("select 1", SQLITE), replace(CsvFormat(), delimiter=";"))


@pytest.mark.parametrize("value", ["a\0b", float("inf"), float("nan"), 2**63])
def test_a_value_that_is_no_literal_stays_with_the_cursor(value):
    assert sqlite_arrow.wrapped(read_statement("select :v", SQLITE), {"v": value}, ["text"]) is None


def test_text_that_is_no_utf8_fails_as_with_the_cursor(export, sqlite, sqlite_url):
    query = (
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 25000)"
        " select case when i = 24000 then cast(x'ff41' as text) else 'x' end as v from n"
    )

    with pytest.raises(JobError, match="UTF-8"):
        export(sqlite_url, query).run()


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select i, 'x' as x from n"
STUCK = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1e12) select i from n where i < 30000"


@pytest.mark.parametrize("query", [ENDLESS, STUCK])
def test_cancel_ends_the_reader(export, sqlite_url, reads, query):
    run = export(sqlite_url, query)
    reached = threading.Event()
    plain = run.progress
    run.progress = lambda **values: (plain(**values), values.get("rows", 0) > 10_000 and reached.set())
    canceller = threading.Thread(target=lambda: (reached.wait(20), run.cancel()))
    canceller.start()

    with pytest.raises(RunCancelled):
        run.run()

    canceller.join()
    assert reads
    assert run.left_files == []


def test_the_time_limit_ends_the_reader(export, sqlite_url, reads):
    with pytest.raises(JobError) as caught:
        export(sqlite_url, STUCK, statementTimeoutSeconds=2).run()

    assert reads
    assert caught.value.reason is FailureReason.TIMEOUT


def test_huge_values_end_the_reader_and_not_the_worker(export, sqlite_url, reads):
    query = (
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 21000)"
        " select case when i > 20900 then hex(zeroblob(10000000)) else 'x' end as v from n where i < 20903"
    )
    run = export(sqlite_url, query)

    assert len(run.run()) > 2 * 20_000_000
    assert reads
