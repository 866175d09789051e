"""Values of binds, with their types, in the three kinds of database."""

from datetime import UTC, datetime

import pytest

from app.core.job_types import JobError
from app.core.statuses import FailureReason


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (-1, "-1"), (2**40, "1099511627776"), (1.5, "1.5"), ("x", "x"), (None, ""), ("", '""'), ("1,", '"1,"')],
)
def test_values_keep_their_type(any_url, export, value, text):
    made = export(any_url, "select :v as v", parameters={"v": value}, header=False).run().decode()

    assert made == f"{text}\n"


def test_negative_numbers_make_no_comment(any_url, export):
    assert export(any_url, "select 5-:n as n", parameters={"n": -1}, header=False).run() == b"6\n"


def test_a_boolean_is_what_the_database_has_for_it(any_url, export):
    made = export(any_url, "select :v as v", parameters={"v": True}, header=False).run()

    assert made == (b"t\n" if any_url.startswith("postgresql") else b"1\n")


@pytest.mark.parametrize("previous", [None, datetime(2026, 3, 1, 3, 0, tzinfo=UTC)])
def test_the_two_moments_are_always_there(any_url, export, previous):
    run = export(any_url, "select :scheduled_for as s, :previous_success as p", header=False)
    run.previous_success = previous

    made = run.run().decode().replace("+00", "")

    assert made == f"2026-03-02 03:00:00,{'2026-03-01 03:00:00' if previous else ''}\n"


@pytest.mark.parametrize(
    ("database", "moment"),
    [
        ("postgresql", "timestamptz '2026-03-02 02:59:59+00'"),
        ("mariadb", "timestamp'2026-03-02 02:59:59'"),
        ("sqlite", "datetime('2026-03-02 02:59:59')"),
    ],
)
def test_moments_compare_with_those_of_their_database(request, export, database, moment):
    url = request.getfixturevalue(f"{database}_url")

    made = export(url, f"select {moment} < :scheduled_for as early", header=False).run()

    assert made in (b"t\n", b"1\n")


def test_the_first_run_can_say_what_it_takes_for_the_previous_one(export, postgresql_url):
    query = "select coalesce(:previous_success, '-infinity'), :previous_success - interval '1 day'"

    assert export(postgresql_url, query, header=False).run() == b"-infinity,\n"


def test_a_postgresql_text_takes_the_type_of_its_surroundings(export, postgresql_url):
    query = """select date '2026-01-02' > :since and :n = any (array[1, 2])
        and (:none is null or :none = 3) and 'a' like :like"""
    values = {"since": "2026-01-01", "n": 2, "none": None, "like": "%"}

    assert export(postgresql_url, query, parameters=values, header=False).run() == b"t\n"


def test_what_only_looks_like_a_bind_is_left_alone(export, postgresql_url):
    query = """select ':a', "x:b", $$:c$$, 1::int, (array[1,2,3])[1:2] /* :d */ from (select 2 as "x:b") x -- :e"""

    assert export(postgresql_url, query, header=False).run() == b':a,2,:c,1,"{1,2}"\n'


def test_percent_signs_and_colons_reach_mariadb_unchanged(export, mariadb_url):
    query = r"select '%', '%s', ':a', '\:b', '::c', 7 % :n, 'a\\:d', @x := 1"

    made = export(mariadb_url, query, parameters={"n": 4}, header=False).run()

    assert made == b"%,%s,:a,:b,::c,3,a\\:d,1\n"


def test_a_bind_without_a_value_fails_with_its_name(any_url, export):
    with pytest.raises(JobError, match=r"no value for the bind :nope, :other") as caught:
        export(any_url, "select :nope, :other", parameters={"x": 1}).run()
    assert caught.value.reason is FailureReason.CONFIG
