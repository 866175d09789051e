"""The table of edge values from every database in every format: read back, and compared with what went in."""

import gzip
import io
import itertools
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest
from backports import zstd

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.csv_text import text_of
from tests.services import package
from tests.sql_export.edge_values import COLUMNS, QUERY, copy_text, edge_rows, spelled_for_sqlite
from tests.sql_export.fake_context import FakeContext
from tests.sql_export.test_run import MANY, cut

Export = Callable[..., FakeContext]
Cell = tuple[str, str] | None  # kind and text

SPACE = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no zones
DAY, MILLISECOND = timedelta(days=1), timedelta(milliseconds=1) / timedelta(days=1)
PLAIN = "FORMAT csv, HEADER"
GERMAN = {"delimiter": ";", "dateFormat": "DMY_DOTS", "decimalMark": "COMMA", "lineEnding": "CRLF", "nullText": "NULL"}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def database(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(request: pytest.FixtureRequest, database: str) -> str:
    found: str = request.getfixturevalue(f"edge_on_{database}")
    return found


def differences(connection: psycopg.Connection[Any], data: bytes, options: str) -> list[Any]:
    """What PostgreSQL reads of a CSV file and has not in its own table, and the other way round."""
    connection.execute("SET TimeZone TO 'UTC'; CREATE TEMPORARY TABLE back (LIKE edge)")
    try:
        with connection.cursor().copy(f"COPY back FROM STDIN ({options})") as copy:
            copy.write(data)
        return connection.execute(
            "(SELECT 'missing', * FROM edge EXCEPT SELECT 'missing', * FROM back)"
            " UNION ALL (SELECT 'too much', * FROM back EXCEPT SELECT 'too much', * FROM edge)"
        ).fetchall()
    finally:
        connection.execute("DROP TABLE back")


@pytest.mark.parametrize(
    ("parameters", "read", "options"),
    [
        ({}, bytes, PLAIN),
        ({"compression": "GZIP"}, gzip.decompress, PLAIN),
        ({"compression": "ZSTD"}, zstd.decompress, PLAIN),
        (
            {"delimiter": ";", "nullText": "NULL", "lineEnding": "CRLF", "header": False},
            bytes,
            "FORMAT csv, DELIMITER ';', NULL 'NULL'",
        ),
        ({"delimiter": "tab", "quoting": "ALL", "nullText": "\\N"}, bytes, f"{PLAIN}, DELIMITER E'\\t', NULL '\\N'"),
        (
            {"encoding": "UTF-16LE", "byteOrderMark": True, "headerNames": {"t": "some text"}},
            lambda data: data.decode("utf-16").encode(),
            PLAIN,
        ),
        ({"byteOrderMark": True, "compression": "ZSTD"}, lambda data: zstd.decompress(data)[3:], PLAIN),
    ],
    ids=["plain", "gzip", "zstd", "semicolons", "tabs and quotes", "UTF-16", "a mark in zstd"],
)
def test_postgresql_reads_back_what_any_database_had(
    export: Export,
    edge_on_postgresql: str,
    postgresql: psycopg.Connection[Any],
    url: str,
    parameters: dict[str, Any],
    read: Callable[[bytes], bytes],
    options: str,
) -> None:
    made = export(url, QUERY, **parameters).run()

    assert differences(postgresql, read(made), options) == []


def test_a_format_that_cannot_be_read_back_alone_loses_nothing(
    export: Export, edge_on_postgresql: str, postgresql: psycopg.Connection[Any], database: str, url: str
) -> None:
    """Dates and decimals of a country are turned back by hand; SQLite has them as texts, which stay as they are."""
    made = export(url, QUERY, **GERMAN).run().decode()

    back = re.sub(r"(?<![^;\r\n])(\d\d)\.(\d\d)\.(\d{4})(?=[; ])", r"\3-\2-\1", made)
    back = re.sub(r"(?<![^;\r\n])(-?\d+),(\d+(?:e[+-]\d+)?|\d*)(?=;)", r"\1.\2", back)

    assert differences(postgresql, back.encode(), f"{PLAIN}, DELIMITER ';', NULL 'NULL'") == []


def typed_rows(database: str) -> list[dict[str, Any]]:
    """As Parquet should have them: with the types of the database."""
    names = ["id", "t", "f", "n", "i", "d", "ts", "tz", "ti", "b"]
    rows = [dict(zip(names, row, strict=True)) for row in edge_rows()]
    if database == "sqlite":
        return [dict(zip(names, spelled_for_sqlite(row), strict=True)) for row in edge_rows()]
    for row in rows:
        row["n"] = None if row["n"] is None else Decimal(row["n"])
        row["tz"] = None if row["tz"] is None else row["tz"].replace(tzinfo=UTC)
        if database == "mariadb":  # whose TIME is a length of time, which neither format has a type for
            row["ti"] = None if row["ti"] is None else copy_text(row["ti"])
    return rows


@pytest.mark.parametrize("packed", ["NONE", "GZIP", "ZSTD"])
def test_parquet_has_every_value_with_its_type(export: Export, database: str, url: str, packed: str) -> None:
    parquet = package("pyarrow.parquet")

    made = export(url, QUERY, format="PARQUET", compression=packed).run()

    assert parquet.read_table(io.BytesIO(made)).to_pylist() == typed_rows(database)


def test_a_workbook_has_every_value(export: Export, database: str, url: str) -> None:
    """Numbers to 15 digits and moments to the millisecond, as a sheet has them; what it has not is text."""
    made = export(url, QUERY, format="XLSX").run()

    header, *rows = sheet(made)
    assert [text for _, text in header] == list(typed_rows(database)[0])
    for found, row in zip(rows, typed_rows(database), strict=True):
        for cell, (name, value) in zip(found, row.items(), strict=True):
            assert stands_for(cell, value), (name, value, cell)


def stands_for(cell: Cell, value: Any) -> bool:
    match value:
        case None:
            return cell is None
        case str():
            return cell == ("inlineStr", value)
        case int() | float() | Decimal() if is_for_a_cell(value):
            return is_number(cell, float(value), abs(float(value)) * 1e-15)
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return is_number(cell, (moment - DAY_0) / DAY, MILLISECOND)
        case date() if value.year >= 1900:
            return is_number(cell, (datetime.combine(value, time()) - DAY_0) / DAY, 0)
        case time():
            return is_number(cell, (datetime.combine(DAY_0, value) - DAY_0) / DAY, MILLISECOND)
    return cell == ("inlineStr", text_of(value))


def is_for_a_cell(value: float | Decimal) -> bool:
    if isinstance(value, float):
        return value == 0 or 2.2251e-308 <= abs(value) < 1e308
    return len(str(abs(value)).replace(".", "")) <= 15


def is_number(cell: Cell, value: float, tolerance: float) -> bool:
    return cell is not None and cell[0] == "n" and abs(float(cell[1]) - value) <= tolerance


def sheet(data: bytes) -> list[list[Cell]]:
    """The cells of the first sheet by place; ``None`` where there is none."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        tree = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    return [row_of(row) for row in tree.iterfind("x:sheetData/x:row", SPACE)]


def row_of(row: ElementTree.Element) -> list[Cell]:
    found: list[Cell] = [None] * len(COLUMNS.split(", "))
    for cell in row.iterfind("x:c", SPACE):
        parts = (part.text or "" for part in cell.iter() if part.tag.endswith(("}v", "}t")))
        text = re.sub("_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), "".join(parts))
        found["ABCDEFGHIJ".index(cell.get("r", "")[0])] = (cell.get("t", "n"), text)
    return found


LATE = (
    "with recursive n (i) as (select 1 union all select i + 1 from n limit 100002)"
    " select i, case when i > 100000 then 'late' end as t, case when i > 100000 then 0.5 else i end as v from n"
)


@pytest.mark.parametrize("packed", ["NONE", "ZSTD"])
def test_a_type_that_shows_itself_after_a_hundred_thousand_rows(export: Export, sqlite_url: str, packed: str) -> None:
    made = export(sqlite_url, LATE, compression=packed).run()

    lines = (zstd.decompress(made) if packed == "ZSTD" else made).decode().splitlines()
    assert len(lines) == 100_003
    assert lines[99_999:] == ["99999,,99999", "100000,,100000", "100001,late,0.5", "100002,late,0.5"]


def test_so_it_does_in_parquet(export: Export, sqlite_url: str) -> None:
    parquet = package("pyarrow.parquet")

    table = parquet.read_table(io.BytesIO(export(sqlite_url, LATE, format="PARQUET").run()))

    assert table.num_rows == 100_002
    assert table.slice(99_999).to_pylist() == [
        {"i": 100_000, "t": None, "v": 100_000.0},
        {"i": 100_001, "t": "late", "v": 0.5},
        {"i": 100_002, "t": "late", "v": 0.5},
    ]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"compression": "GZIP"}, {"compression": "ZSTD"}, {"format": "XLSX"}, {"format": "PARQUET"}],
    ids=["csv", "gzip", "zstd", "xlsx", "parquet"],
)
def test_a_full_disk_is_told_as_such_whatever_the_format(export: Export, url: str, parameters: dict[str, str]) -> None:
    run = export(url, QUERY, **parameters)
    run.open_file = lambda path: FullDisk()

    with pytest.raises(JobError) as raised:
        run.run()

    assert raised.value.reason is FailureReason.DISK_FULL
    assert run.left_files == []


class FullDisk(io.RawIOBase):
    """As the file of a real run when there is no room."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raise JobError("no space left on the disk", FailureReason.DISK_FULL)


@pytest.mark.parametrize("kind", ["XLSX", "PARQUET"])
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_a_connection_that_is_lost_in_the_middle_leaves_no_file(
    export: Export, request: pytest.FixtureRequest, database: str, kind: str
) -> None:
    run = export(request.getfixturevalue(f"{database}_url"), MANY[database], format=kind)
    admin = request.getfixturevalue(database)
    run.check_cancelled = cut_after(5, lambda: cut(database, admin))

    with pytest.raises(JobError, match="lost the connection to the database: "):
        run.run()

    assert run.left_files == []


def cut_after(looks: int, action: Callable[[], None]) -> Callable[[], None]:
    """An export looks once for each batch whether it is cancelled."""
    looked = itertools.count(1)
    return lambda: action() if next(looked) == looks else None
