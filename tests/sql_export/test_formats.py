"""What a file looks like when the job wants it otherwise than COPY writes it; the same from every database."""

import codecs
import csv
import io

import pytest

from app.core.job_types import JobError
from app.core.statuses import FailureReason

ROW = {
    "postgresql": """select date '2026-12-31' as d, timestamp '2026-12-31 10:00:00.5' as ts, 1.50::numeric as n,
        -0.25::float8 as f, 7 as i, '=1+1' as t, '-5' as s, null as z, '' as e, 'say "hi"; 1.5' as q""",
    "mariadb": """select date '2026-12-31' as d, timestamp '2026-12-31 10:00:00.5' as ts, 1.50 as n,
        -0.25e0 as f, 7 as i, '=1+1' as t, '-5' as s, null as z, '' as e, 'say "hi"; 1.5' as q""",
    "sqlite": """select '31.12.2026' as d, '31.12.2026 10:00:00.5' as ts, '1,50' as n,
        -0.25 as f, 7 as i, '=1+1' as t, '-5' as s, null as z, '' as e, 'say "hi"; 1.5' as q""",
}
GERMAN = {"dateFormat": "DMY_DOTS", "decimalMark": "COMMA", "delimiter": ";"}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def database(request):
    return request.param


@pytest.fixture
def url(request, database):
    return request.getfixturevalue(f"{database}_url")


def test_dates_and_decimals_as_a_country_writes_them(export, url, database):
    made = export(url, ROW[database], header=False, **GERMAN).run()

    assert made == b'31.12.2026;31.12.2026 10:00:00.5;1,50;-0,25;7;=1+1;-5;;"";"say ""hi""; 1.5"\n'


def test_quotes_around_everything_but_null(export, url, database):
    made = export(url, ROW[database], quoting="ALL", **GERMAN).run()

    assert made == (
        b'"d";"ts";"n";"f";"i";"t";"s";"z";"e";"q"\n'
        b'"31.12.2026";"31.12.2026 10:00:00.5";"1,50";"-0,25";"7";"=1+1";"-5";;"";"say ""hi""; 1.5"\n'
    )


def test_texts_that_would_be_formulas_become_texts(export, url, database):
    query = {
        "postgresql": "select * from (values (1, '=1+1'), (2, '+x'), (3, '-5'), (4, '@a'), (5, E'\\tb'), (6, E'\\rc'),"
        " (7, '-1,5e3'), (8, '-'), (9, 'a=1'), (10, '')) v (i, t)",
        "mariadb": "select 1 as i, '=1+1' as t union all select 2, '+x' union all select 3, '-5' union all"
        " select 4, '@a' union all select 5, '\\tb' union all select 6, '\\rc' union all select 7, '-1,5e3'"
        " union all select 8, '-' union all select 9, 'a=1' union all select 10, ''",
        "sqlite": "select 1 as i, '=1+1' as t union all select 2, '+x' union all select 3, '-5' union all"
        " select 4, '@a' union all select 5, char(9) || 'b' union all select 6, char(13) || 'c' union all"
        " select 7, '-1,5e3' union all select 8, '-' union all select 9, 'a=1' union all select 10, ''",
    }[database]

    made = export(url, query, formulaGuard=True, header=False).run()

    cells = [row[1] for row in csv.reader(io.StringIO(made.decode(), newline=""))]
    assert cells == ["'=1+1", "'+x", "-5", "'@a", "'\tb", "'\rc", "-1,5e3", "'-", "a=1", ""]


def test_numbers_are_no_formulas(export, url, database):
    assert export(url, "select -1 as a, -0.5 as b", formulaGuard=True, header=False).run() == b"-1,-0.5\n"


def test_names_in_the_header(export, url):
    made = export(url, "select 1 as a, 2 as b", headerNames={"a": "Facility, name", "x": "unused"}).run()

    assert made == b'"Facility, name",b\n1,2\n'


@pytest.mark.parametrize(
    ("encoding", "mark", "expected"),
    [
        ("UTF-8", False, "a\nZürich\n".encode()),
        ("UTF-8", True, codecs.BOM_UTF8 + "a\nZürich\n".encode()),
        ("UTF-16LE", True, codecs.BOM_UTF16_LE + "a\nZürich\n".encode("utf-16-le")),
        ("UTF-16LE", False, "a\nZürich\n".encode("utf-16-le")),
        ("WINDOWS-1252", False, b"a\nZ\xfcrich\n"),
        ("ISO-8859-15", False, b"a\nZ\xfcrich\n"),
    ],
)
def test_encodings(export, sqlite_url, encoding, mark, expected):
    assert export(sqlite_url, "select 'Zürich' as a", encoding=encoding, byteOrderMark=mark).run() == expected


def test_a_character_that_an_encoding_has_not_fails_the_run(export, sqlite_url):
    run = export(sqlite_url, "select 'x' as a union all select 'now 日本'", encoding="ISO-8859-1")

    with pytest.raises(JobError) as caught:
        run.run()

    assert str(caught.value) == (
        "'日' (U+65E5), after 'now ', cannot be written in ISO-8859-1: choose UTF-8, or replace it in the query"
    )
    assert caught.value.reason is FailureReason.CONFIG
    assert run.left_files == []


NOTHING = "select 1 as a where 1 = 0"


def test_an_empty_result_is_a_header_unless_the_job_says_otherwise(export, sqlite_url):
    assert export(sqlite_url, NOTHING).run() == b"a\n"


def test_an_empty_result_may_be_no_file(export, url):
    run = export(url, NOTHING, emptyResult="SKIP")

    with pytest.raises(ValueError, match="not enough values"):
        run.run()

    assert run.left_files == []
    assert run.logged[-1] == ("info", "the query found no row: no file is kept")


def test_an_empty_result_may_be_an_error(export, url):
    run = export(url, NOTHING, emptyResult="FAIL")

    with pytest.raises(JobError, match="wants at least one"):
        run.run()

    assert run.left_files == []


@pytest.mark.parametrize("empty", ["WRITE", "SKIP", "FAIL"])
def test_one_row_is_enough(export, url, empty):
    assert export(url, "select 1 as a", emptyResult=empty).run() == b"a\n1\n"


def test_moments_of_postgresql_keep_what_has_no_other_form(export, postgresql_url):
    query = """select 'infinity'::date, '-infinity'::timestamp, '0044-03-15 BC'::date,
        timestamptz '12345-01-01 00:00+00',
        timestamptz '2026-01-31 23:00:00.25-02', date '0900-01-02', 'NaN'::float8, 1e15::float8, 1.5e-7::float8"""

    made = export(postgresql_url, query, header=False, dateFormat="MDY_SLASHES", decimalMark="COMMA").run()

    assert made == (
        b"infinity,-infinity,0044-03-15 BC,12345-01-01 00:00:00+00,02/01/2026 01:00:00.25+00,01/02/0900,NaN,1e+15,"
        b'"1,5e-07"\n'
    )


def test_the_place_of_an_error_is_the_users_in_a_wrapped_query(export, postgresql_url):
    with pytest.raises(JobError, match="division by zero"):
        export(postgresql_url, "select 1 / (3 - i) from generate_series(1, 5) i", decimalMark="COMMA").run()
    with pytest.raises(JobError, match="line 1, column 8 of the query"):
        export(postgresql_url, "select nope", decimalMark="COMMA").run()


def test_the_order_of_a_wrapped_query_is_its_own(export, postgresql_url):
    query = "select i / 2.0 as h from generate_series(1, 5) i order by i desc"

    made = export(postgresql_url, query, header=False, decimalMark="COMMA", delimiter=";").run()

    assert [line[:3] for line in made.split()] == [b"2,5", b"2,0", b"1,5", b"1,0", b"0,5"]
