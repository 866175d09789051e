"""The types of columns that an export records: in the words of the database, or of the values where it has none."""

import pytest

QUERIES = {
    "postgresql": (
        "select 1 as i, 1.5::numeric(9,2) as n, 'x'::varchar(10) as t, null::timestamptz as m",
        ["integer", "numeric(9,2)", "character varying(10)", "timestamp with time zone"],
    ),
    "mariadb": (
        "select 1 as i, cast(1.5 as decimal(9,2)) as n, cast('x' as char(10)) as t",
        ["INT", "DECIMAL", "VARCHAR"],
    ),
    "sqlite": ("select 1 as i, 1.5 as n, 'x' as t, x'00' as b, null as m", ["INTEGER", "REAL", "TEXT", "BLOB", None]),
}  # fmt: skip


@pytest.mark.parametrize("database", QUERIES)
def test_a_file_says_the_types_of_its_columns(request, export, database):
    query, types = QUERIES[database]
    run = export(request.getfixturevalue(f"{database}_url"), query)

    run.run()

    assert list(run.file.types) == types


@pytest.mark.parametrize(
    ("values", "types"),
    [
        ("(1), (2.5)", ["REAL"]),
        ("(1), ('x')", ["INTEGER/TEXT"]),
        ("(null), (null)", [None]),
        ("(null), (x'01')", ["BLOB"]),
    ],
)
def test_sqlite_has_the_types_of_its_values(export, sqlite_url, values, types):
    run = export(sqlite_url, f"select column1 as v from (values {values})")

    run.run()

    assert run.file.types == types


@pytest.mark.parametrize(
    ("late", "types"), [("i", ["INTEGER", "REAL", None]), ("'x'", ["INTEGER/TEXT", "REAL", None])], ids=["same", "late"]
)
def test_large_results_of_sqlite_say_the_same(export, sqlite_url, late, types):
    count = "with recursive n(i) as (select 1 union all select i + 1 from n limit 25000)"
    run = export(sqlite_url, f"{count} select iif(i = 24999, {late}, i) as v, i / 2.0 as r, null as m from n")

    run.run()

    assert run.file.types == types
