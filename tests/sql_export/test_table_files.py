"""Workbooks and Parquet files hold what the databases hold: read back, and compared."""

import io
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from app.core.job_types import JobError, RunCancelled
from app.core.statuses import FailureReason
from app.job_types.sql_export import spreadsheet
from tests.services import package

parquet = package("pyarrow.parquet")

ROWS = {
    "postgresql": """select i, 'a' || i as t, i / 4.0::float8 as f, (i * 1.25)::numeric(12,2) as n,
        date '2026-03-01' + i as d,
        timestamp '2026-03-01 10:00:00.5' as ts, case when i = 2 then null else '=1+1' end as x
        from generate_series(1, 3) i order by i""",
    "mariadb": """select seq as i, concat('a', seq) as t, seq / 4e0 as f, cast(seq * 1.25 as decimal(12,2)) as n,
        date '2026-03-01' + interval seq day as d, timestamp '2026-03-01 10:00:00.5' as ts,
        case when seq = 2 then null else '=1+1' end as x from seq_1_to_3 order by seq""",
    "sqlite": """with recursive n(i) as (select 1 union all select i + 1 from n limit 3)
        select i, 'a' || i as t, i / 4.0 as f, i * 1.25 as n, '2026-03-0' || (1 + i) as d,
        '2026-03-01 10:00:00.5' as ts, case when i = 2 then null else '=1+1' end as x from n""",
}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def database(request):
    return request.param


@pytest.fixture
def url(request, database):
    return request.getfixturevalue(f"{database}_url")


def read_parquet(data: bytes):
    return parquet.read_table(io.BytesIO(data))


def cells(data: bytes) -> list[list[tuple[str, str]]]:
    """Kind and text of each cell of the first sheet."""
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    return [
        [
            (cell.get("t", "n"), "".join(part.text or "" for part in cell.iter() if part.tag.endswith(("}v", "}t"))))
            for cell in row.iterfind("x:c", space)
        ]
        for row in sheet.iterfind("x:sheetData/x:row", space)
    ]


def test_parquet_has_the_types_of_the_database(export, url, database):
    run = export(url, ROWS[database], format="PARQUET", filename="visits")

    table = read_parquet(run.run())

    exact = database != "sqlite"  # which has neither decimals nor dates
    assert table.column_names == ["i", "t", "f", "n", "d", "ts", "x"]
    assert table.to_pylist()[1] == {
        "i": 2,
        "t": "a2",
        "f": 0.5,
        "n": Decimal("2.50") if exact else 2.5,
        "d": date(2026, 3, 3) if exact else "2026-03-03",
        "ts": datetime(2026, 3, 1, 10, 0, 0, 500000) if exact else "2026-03-01 10:00:00.5",  # noqa: DTZ001
        "x": None,
    }
    assert run.left_files == ["visits.parquet"]
    assert run.file.rows == 3
    assert run.file.csv is None


def test_a_workbook_has_numbers_dates_and_texts(export, url, database):
    run = export(url, ROWS[database], format="XLSX", filename="visits", headerNames={"i": "number"})

    rows = cells(run.run())

    exact = database != "sqlite"
    day = ("n", "46084") if exact else ("inlineStr", "2026-03-03")
    moment = ("n", "46082.41667245371") if exact else ("inlineStr", "2026-03-01 10:00:00.5")
    assert [text for _, text in rows[0]] == ["number", "t", "f", "n", "d", "ts", "x"]
    assert rows[1][-1] == ("inlineStr", "=1+1")
    second = [("n", "2"), ("inlineStr", "a2"), ("n", "0.5"), ("n", "2.5"), day, moment]
    assert [(kind, text[:14]) for kind, text in rows[2]] == [(kind, text[:14]) for kind, text in second]
    assert run.left_files == ["visits.xlsx"]


def test_special_values_of_postgresql_in_parquet(export, postgresql_url):
    query = """select * from (values
        (timestamptz '2026-01-01 00:00+02', true, '\\x00ff'::bytea, '{"a": 1}'::jsonb, time '10:00', 1::numeric,
            'NaN'::numeric),
        (null, null, null, null, null, 123.456, 2)) v (a, b, c, d, e, f, g)"""

    table = read_parquet(export(postgresql_url, query, format="PARQUET").run())

    assert table.to_pylist() == [
        {"a": datetime(2025, 12, 31, 22, tzinfo=UTC), "b": True, "c": b"\x00\xff", "d": '{"a": 1}', "e": time(10),
         "f": Decimal("1.000"), "g": "NaN"},
        {"a": None, "b": None, "c": None, "d": None, "e": None, "f": Decimal("123.456"), "g": "2"},
    ]  # fmt: skip


LATE = (
    "with recursive n(i) as (select 1 union all select i + 1 from n limit 25000)"
    " select i, case when i = 24000 then {late} else {first} end as v from n"
)


@pytest.mark.parametrize(
    ("first", "late", "expected"),
    [
        ("null", "'text'", [None, "text"]),
        ("1", "'text'", ["1", "text"]),
        ("1", "0.5", [1.0, 0.5]),
        ("9007199254740993", "0.5", ["9007199254740993", "0.5"]),
        ("0.5", "9007199254740993", ["0.5", "9007199254740993"]),
        ("'text'", "x'00ff'", ["text", "\\x00ff"]),
    ],
)
def test_a_column_that_changes_its_type_late(export, sqlite_url, first, late, expected):
    run = export(sqlite_url, LATE.format(first=first, late=late), format="PARQUET")

    table = read_parquet(run.run())

    assert table.num_rows == 25000
    assert [table.column("v")[row].as_py() for row in (0, 23999)] == expected
    assert any(message.startswith("starting over") for _, message in run.logged)


def test_a_scale_that_grows_late(export, postgresql_url):
    query = "select i, case when i = 24000 then 1.23456 else 1.5 end as v from generate_series(1, 25000) i"

    table = read_parquet(export(postgresql_url, query, format="PARQUET").run())

    assert [table.column("v")[row].as_py() for row in (0, 23999)] == [Decimal("1.5"), Decimal("1.23456")]


def test_longer_numbers_are_no_other_type(export, postgresql_url):
    query = "select i / 4.0 as v, i as w from generate_series(1, 25000) i"
    run = export(postgresql_url, query, format="PARQUET")

    assert read_parquet(run.run()).num_rows == 25000
    assert not [message for _, message in run.logged if message.startswith("starting over")]


def test_columns_of_one_name_are_told_apart(export, sqlite_url):
    table = read_parquet(export(sqlite_url, "select 1 as a, 2 as a, 3 as a", format="PARQUET").run())

    assert table.to_pylist() == [{"a": 1, "a_2": 2, "a_3": 3}]


@pytest.mark.parametrize("kind", ["XLSX", "PARQUET"])
@pytest.mark.parametrize("empty", ["WRITE", "SKIP"])
def test_an_empty_result(export, url, kind, empty):
    run = export(url, "select 1 as a where 1 = 0", format=kind, emptyResult=empty, filename="x")

    if empty == "SKIP":
        with pytest.raises(ValueError, match="not enough values"):
            run.run()
        assert run.left_files == []
    elif kind == "XLSX":
        assert [[text for _, text in row] for row in cells(run.run())] == [["a"]]
    else:
        assert read_parquet(run.run()).column_names == ["a"]


def test_numbers_that_a_sheet_would_round_are_texts(export, sqlite_url):
    query = "select 999999999999999 as a, 1234567890123456789 as b, 9e999 as c, 'x' as d"

    (row,) = cells(export(sqlite_url, query, format="XLSX", header=False).run())

    assert row == [("n", "999999999999999"), ("inlineStr", "1234567890123456789"), ("inlineStr", "Infinity"),
                   ("inlineStr", "x")]  # fmt: skip


def test_a_sheet_that_is_full_fails_the_run(export, sqlite_url, monkeypatch):
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 3)
    query = "select 1 union all select 2 union all select 3"
    assert export(sqlite_url, query, format="XLSX", filename="full").run()

    with pytest.raises(JobError, match="choose CSV or Parquet") as caught:
        export(sqlite_url, f"{query} union all select 4", format="XLSX").run()

    assert caught.value.reason is FailureReason.OUTPUT_LIMIT


def test_a_text_that_no_cell_holds_fails_the_run(export, sqlite_url):
    with pytest.raises(JobError, match=r"32,768 characters, in row 1"):
        export(sqlite_url, "select printf('%32768d', 1) as a", format="XLSX").run()


@pytest.mark.parametrize("kind", ["XLSX", "PARQUET"])
def test_a_cancelled_run_leaves_nothing_behind(export, sqlite_url, kind, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    run = export(sqlite_url, LATE.format(first="1", late="1"), format=kind)
    run.progress = lambda **values: run.cancel() if values.get("rows", 0) > 1000 else None

    with pytest.raises(RunCancelled):
        run.run()

    assert run.left_files == []
    assert list((tmp_path / "temporary").iterdir()) == []
