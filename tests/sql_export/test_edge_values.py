"""One table of awkward values through every database, compared with the bytes of psql's \\copy."""

import math
import os
import shutil
import struct
import subprocess
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from app.job_types.sql_export.csv_text import CsvFormat, RowEncoder
from app.job_types.sql_export.float_text import float_text, float_texts
from tests import services
from tests.sql_export.edge_values import COLUMNS, QUERY, edge_rows


def psql_copy(url: str, query: str, options: str = "CSV HEADER") -> bytes:
    psql = shutil.which("psql") or services.missing("psql (Debian: apt-get install postgresql-client)")
    command = [psql, url, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", f"\\copy ({query}) TO STDOUT {options}"]
    environment = {**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"}
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ("CSV HEADER", {}),
        ("CSV", {"header": False}),
        ("CSV HEADER DELIMITER ';' NULL 'NULL'", {"delimiter": ";", "nullText": "NULL"}),
        ("CSV HEADER DELIMITER E'\\t' NULL '\\N'", {"delimiter": "tab", "nullText": "\\N"}),
        ("CSV HEADER DELIMITER '.' NULL '0'", {"delimiter": ".", "nullText": "0"}),
        ("CSV HEADER DELIMITER '1' NULL '-'", {"delimiter": "1", "nullText": "-"}),
    ],
)
def test_every_database_gives_the_bytes_of_copy(request, export, edge_on_postgresql, database, options, parameters):
    url = request.getfixturevalue(f"edge_on_{database}")
    run = export(url, QUERY, **parameters)

    made = run.run()

    assert made.split(b"\n") == psql_copy(edge_on_postgresql, QUERY, options).split(b"\n")
    assert run.file.rows == len(edge_rows())
    assert list(run.file.columns) == COLUMNS.split(", ")


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
def test_crlf_ends_records_and_leaves_fields_alone(request, export, edge_on_postgresql, database):
    url = request.getfixturevalue(f"edge_on_{database}")

    made = export(url, "SELECT id, t FROM edge ORDER BY id", lineEnding="CRLF").run()

    marked = psql_copy(edge_on_postgresql, "SELECT id, t, '|end' AS x FROM edge ORDER BY id")
    assert made == marked.replace(b",x\n", b"\r\n").replace(b",|end\n", b"\r\n")


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
def test_a_single_column_quotes_a_lone_backslash_dot(request, export, edge_on_postgresql, database):
    url = request.getfixturevalue(f"edge_on_{database}")
    query = "SELECT t FROM edge ORDER BY id"

    assert export(url, query).run() == psql_copy(edge_on_postgresql, query)


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
def test_an_empty_result_is_its_header(request, export, edge_on_postgresql, database):
    run = export(
        request.getfixturevalue(f"edge_on_{database}"),
        'SELECT id, t AS "a,b" FROM edge WHERE 1 = 0'.replace('"', "`" if database == "mariadb" else '"'),
    )

    assert run.run() == b'id,"a,b"\n'
    assert run.file.rows == 0


def test_types_of_postgresql_alone_are_as_psql_writes_them(export, postgresql_url):
    query = """SELECT true AS yes, false, 'NaN'::float8, 'Infinity'::float4, '-Infinity'::float8, 1.1::float4,
        'NaN'::numeric, 1e-20::numeric, '1 day 02:03:04.5'::interval, '{"a": [1, null]}'::jsonb,
        ARRAY['a,b', NULL, ''],
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '10:00+05:30'::timetz, 'infinity'::timestamptz,
        '0044-03-15 BC'::date, '-0'::float8, 'x'::"char", '10.0.0.0/8'::cidr, '[1,5)'::int4range, ROW(1, 'a b', NULL)"""

    assert export(postgresql_url, query).run() == psql_copy(postgresql_url, query)


def test_python_values_are_spelled_as_copy_spells_them(postgresql_url):
    values = [
        True, False, Decimal("1E+3"), Decimal("0E-8"), Decimal("-0.10"),
        float("nan"), float("inf"), -float("inf"), -0.0,
        datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 1, 1, 1, 0, 0, 120, tzinfo=UTC),
        time(1, 2, 3, 500000, tzinfo=timezone(timedelta(hours=5, minutes=30))), time(1, 2, tzinfo=UTC),
        timedelta(hours=26, seconds=1, microseconds=500), -timedelta(minutes=90), timedelta(0),
        UUID(int=5), b"\x00a", {"a": [1, None], "ü": "x"}, [1, "a"],
    ]  # fmt: skip
    expected = psql_copy(
        postgresql_url,
        """SELECT true, false, 1000::numeric, 0.00000000::numeric, -0.10::numeric, 'NaN'::float8, 'Infinity'::float8,
        '-Infinity'::float8, '-0'::float8, '2026-01-01 01:00+02'::timestamptz,
        '2026-01-01 01:00:00.00012+00'::timestamptz,
        '01:02:03.5+05:30'::timetz, '01:02+00'::timetz, '26:00:01.0005'::interval, '-01:30'::interval, '0'::interval,
        '00000000-0000-0000-0000-000000000005'::uuid, '\\x0061'::bytea, '{"a": [1, null], "ü": "x"}'::jsonb,
        '[1, "a"]'::jsonb""",
        "CSV",
    )

    assert RowEncoder(CsvFormat(), len(values)).encode([values]) == expected


def test_any_float_has_the_digits_of_postgresql(postgresql):
    random = Random(20260302)
    values = [struct.unpack("d", random.randbytes(8))[0] for _ in range(10_000)]
    values += [
        float(f"{random.randrange(10 ** random.randrange(1, 18))}e{random.randrange(-30, 45)}") for _ in range(10_000)
    ]
    values += [2.0**exponent for exponent in range(-1074, 1024)]
    values = [value for value in values if not math.isnan(value)]

    with postgresql.cursor().copy("COPY (SELECT v FROM unnest(%s::float8[]) v) TO STDOUT", [values]) as copy:
        expected = b"".join(copy).decode().split()

    assert [float_text(value) for value in values] == expected
    assert float_texts(values) == expected
    small = [value for value in values if abs(value) < 1e15]
    assert float_texts(small) == [float_text(value) for value in small]


def test_columns_may_change_their_type_at_any_row(export, sqlite, sqlite_url):
    sqlite.execute("CREATE TABLE mixed (v)")
    sqlite.execute("BEGIN")
    sqlite.executemany(
        "INSERT INTO mixed VALUES (?)", [(None,)] * 5000 + [(1,)] * 5000 + [(1.5,), ("a,b",), (b"x",), (2**62,)]
    )

    sqlite.execute("COMMIT")

    made = export(sqlite_url, "SELECT v FROM mixed ORDER BY rowid").run().split(b"\n")

    assert made[5001] == b"1"
    assert made[-5:] == [b"1.5", b'"a,b"', b"\\x78", b"4611686018427387904", b""]
    assert len(made) == 1 + 5000 + 5000 + 4 + 1
