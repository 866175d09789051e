"""Reading cron expressions: what each dialect accepts, and errors that help."""

import pickle
from datetime import UTC, datetime
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from app.schedule.cron import CronSyntaxError, parse

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ZONE_UTC = ZoneInfo("UTC")


def next_times(text, dialect="quartz", count=3, seed=None, after=NEW_YEAR):
    expression = parse(text, dialect, seed=seed)
    found = []
    for _ in range(count):
        after = expression.next_after(after, ZONE_UTC)
        found.append(f"{after:%Y-%m-%d %H:%M:%S}".removesuffix(":00"))
    return found


@pytest.mark.parametrize(
    ("text", "dialect", "field", "position", "words"),
    [
        ("0 0 3 ? * MONDAY", "quartz", "day-of-week", 10, "did you mean MON?"),
        ("0 0 3 ? * tues", "quartz", "day-of-week", 10, "did you mean TUE?"),
        ("0 0 3 1 SEPT ?", "quartz", "month", 8, "did you mean SEP?"),
        ("0 0 3 ? * MOM", "quartz", "day-of-week", 10, "did you mean MON?"),
        ("0 0 24 * * ?", "quartz", "hour", 4, "24 is not between 0 and 23; did you mean 0?"),
        ("0 0 25 * * ?", "quartz", "hour", 4, "25 is not between 0 and 23"),
        ("0 0 3 ? * 0", "quartz", "day-of-week", 10, "did you mean SUN?"),
        ("0 0 3 * * MON", "quartz", "day-of-week", 6, "did you mean '0 0 3 ? * MON'?"),
        ("0 0 3 1 * *", "quartz", "day-of-week", 10, "did you mean '0 0 3 1 * ?'?"),
        ("0 0 3 1 * MON", "quartz", "day-of-week", 10, "the spring dialect takes both"),
        ("0 0 3 ? * ?", "quartz", "day-of-week", 10, "did you mean '0 0 3 ? * *'?"),
        ("*/5 * * * *", "quartz", None, 11, "did you mean '0 */5 * * * ?'?"),
        ("0 3 * * MON", "quartz", None, 11, "did you mean '0 0 3 ? * MON'?"),
        ("0 3 * * MON", "spring", None, 11, "did you mean '0 0 3 * * MON'?"),
        ("0 0 3 ? * MON", "unix", None, 10, "did you mean '0 3 * * MON'?"),
        ("@daily", "quartz", None, 0, "spring and unix know @daily"),
        ("@reboot", "unix", None, 0, "it knows @yearly"),
        ("", "quartz", None, 0, "empty"),
        ("   ", "unix", None, 0, "empty"),
        ("0 0 3 ? * MON,", "quartz", "day-of-week", 14, "a value is missing"),
        ("0 0 3 ? * ,MON", "quartz", "day-of-week", 10, "a value is missing"),
        ("*5 * * * * ?", "quartz", "second", 0, "did you mean '*/5'?"),
        ("0 0 3 15? * ?", "quartz", "day-of-month", 8, "'?' stands alone"),
        ("0 0x10 3 * * ?", "quartz", "minute", 2, "cannot read '0X10'"),
        ("0 0 1..5 * * ?", "quartz", "hour", 5, "unexpected '.'"),
        ("0 0 1;2 * * ?", "quartz", "hour", 5, "unexpected ';'"),
        ("0 0-5-9 * * * ?", "quartz", "minute", 5, "unexpected '-'"),
        ("0 0 3 * * ? 99", "quartz", "year", 12, "99 is not between 1970 and 2199"),
        ("0 0 3 * * ? 2030-2026", "quartz", "year", 12, "cannot run backwards"),
        ("0 0 3 * * ? * *", "quartz", None, 14, "6 or 7 fields, here are 8"),
        ("0 */0 * * * ?", "quartz", "minute", 4, "never moves on"),
        ("0 1-5/70 * * * ?", "quartz", "minute", 6, "at most 59"),
        ("0 0 0 0W * ?", "quartz", "day-of-month", 6, "0 is not between 1 and 31"),
        ("0 0 L * * ?", "quartz", "hour", 4, "belongs into day-of-month"),
        ("0 0 0 ? L MON", "quartz", "month", 8, "belongs into day-of-month"),
        ("0 0 0 L * *", "unix", None, 10, "5 fields"),
        ("0 0 L * *", "unix", "day-of-month", 4, "quartz and spring have"),
        ("0 0 0 ? * MON-FRI#2", "quartz", "day-of-week", 13, "unexpected '-'"),
        ("0 0 0 MON * ?", "quartz", "day-of-month", 6, "MON is a weekday"),
        ("0 0 0 ? MON *", "quartz", "month", 8, "MON is a weekday"),
        ("H 0 0 * * ?", "quartz", "second", 0, "no job is known"),
        ("/5 * * * * *", "spring", "second", 0, "a value is missing"),
        ("/5 * * * *", "unix", "minute", 0, "a value is missing"),
        ("0 0 0 * * ä", "spring", None, 10, "unexpected character 'ä'"),
        ("0 0 0 * * ?\n", "quartz", None, 11, "unexpected character"),
        ("0 " * 1001, "quartz", None, 2000, "longer than 2000"),
    ],
)  # fmt: skip
def test_an_error_says_what_is_wrong_and_where(text, dialect, field, position, words):
    with pytest.raises(CronSyntaxError) as caught:
        parse(text, dialect)

    assert (caught.value.field, caught.value.position) == (field, position)
    assert words in caught.value.message


def test_an_error_survives_pickling():
    with pytest.raises(CronSyntaxError) as caught:
        parse("0 0 25 * * ?")

    copy = pickle.loads(pickle.dumps(caught.value))

    assert str(copy) == "hour: 25 is not between 0 and 23"
    assert (copy.field, copy.position) == ("hour", 4)


def test_an_unknown_dialect_is_no_syntax_error():
    with pytest.raises(ValueError, match="no cron dialect 'vixie'"):
        parse("* * * * *", "vixie")


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        # a step after a name applies, which Quartz forgets
        ("0 0 0 ? * MON-FRI/2", "quartz", ["2026-01-02 00:00", "2026-01-05 00:00", "2026-01-07 00:00"]),
        ("0 0 0 1 JAN-JUN/2 ?", "quartz", ["2026-03-01 00:00", "2026-05-01 00:00", "2027-01-01 00:00"]),
        # 1 is Sunday in Quartz, Monday elsewhere
        ("0 0 0 ? * 1", "quartz", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
        ("0 0 0 ? * 1", "spring", ["2026-01-05 00:00", "2026-01-12 00:00", "2026-01-19 00:00"]),
        ("0 0 * * 1", "unix", ["2026-01-05 00:00", "2026-01-12 00:00", "2026-01-19 00:00"]),
        ("0 0 0 ? * 6#3", "quartz", ["2026-01-16 00:00", "2026-02-20 00:00", "2026-03-20 00:00"]),
        ("0 0 0 ? * 6#3", "spring", ["2026-01-17 00:00", "2026-02-21 00:00", "2026-03-21 00:00"]),
        ("0 0 0 ? * L", "quartz", ["2026-01-03 00:00", "2026-01-10 00:00", "2026-01-17 00:00"]),
        # lists of L and W
        ("0 0 0 1W,15,LW * ?", "quartz", ["2026-01-15 00:00", "2026-01-30 00:00", "2026-02-02 00:00"]),
        ("0 0 0 L-1,L * ?", "quartz", ["2026-01-30 00:00", "2026-01-31 00:00", "2026-02-27 00:00"]),
        # Unix: either day, unless one of the fields begins with a star
        ("0 0 13 * FRI", "unix", ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]),
        ("0 0 */13 * FRI", "unix", ["2026-02-27 00:00", "2026-03-27 00:00", "2026-05-01 00:00"]),
        ("0 0 * * 5-7", "unix", ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00"]),
        ("0 0 * * FRI-SUN", "unix", ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00"]),
        ("0 0 * * SUN-SUN", "unix", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
        ("0 0 * * */2", "unix", ["2026-01-03 00:00", "2026-01-04 00:00", "2026-01-06 00:00"]),
        ("@weekly", "unix", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
        ("@Hourly", "spring", ["2026-01-01 01:00", "2026-01-01 02:00", "2026-01-01 03:00"]),
        ("*/20 * * * *", "unix", ["2026-01-01 00:20", "2026-01-01 00:40", "2026-01-01 01:00"]),
        ("\t0 0\t0 1 1 ? 2199 ", "quartz", ["2199-01-01 00:00"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_dialect_is_read_in_its_own_way(text, dialect, expected):
    assert next_times(text, dialect, len(expected)) == expected


def test_expressions_are_equal_by_meaning():
    assert (
        parse("0 0 3 ? * MON") == parse("0 0 3 ? * 2") == parse("0 0 3 * * MON", "spring") == parse("0 3 * * 1", "unix")
    )
    assert hash(parse("0 0 3 ? * MON")) == hash(parse("0 3 * * mon", "unix"))
    assert parse("0 0 3 ? * MON") != parse("0 0 3 ? * TUE")
    assert str(parse("0 0 3 ? * 2")) == "0 0 3 ? * 2"


def test_a_list_and_a_step_with_the_same_times_differ_in_clock_changes():
    assert parse("0 0,30 * * * ?") == parse("0 0/30 * * * ?")
    assert parse("0 0 0,12 * * ?") != parse("0 0 */12 * * ?")


def test_pickling_keeps_the_text_only():
    expression = parse("0 H 3 * * ?", seed="job-1")
    expression.next_after(NEW_YEAR, ZONE_UTC)

    copy = pickle.loads(pickle.dumps(expression))

    assert (copy, copy.text, copy.dialect, copy.seed) == (expression, "0 H 3 * * ?", "quartz", "job-1")
    assert len(pickle.dumps(expression)) < 120


@pytest.mark.parametrize("text", ["0 0 0 30 2 ?", "0 0 0 31 4,6,9,11 ?", "0 0 0 29 2 ? 2023", "0 0 0 L-30 2 ?"])
def test_an_expression_that_can_never_fire_is_valid_and_says_so(text):
    expression = parse(text)

    assert expression.never_fires
    assert expression.next_after(NEW_YEAR, ZONE_UTC) is None
    assert expression.previous_before(NEW_YEAR, ZONE_UTC) is None
    assert not parse("0 0 0 29 2 ?").never_fires


def test_h_is_stable_for_a_job_and_spreads_jobs():
    minutes = {parse("0 H 3 * * ?", seed=f"job-{number}").fields.minute.values for number in range(50)}

    assert parse("0 H 3 * * ?", seed="job-1") == parse("0 H 3 * * ?", seed="job-1")
    assert len(minutes) > 25


def test_h_with_range_and_step_stays_inside():
    for number in range(100):
        fields = parse("H(10-19) H/20 H(1-5)/2 H H H", "spring", seed=f"job-{number}").fields
        [second] = fields.second.values
        minutes = sorted(fields.minute.values)
        assert 10 <= second <= 19
        assert [minute - minutes[0] for minute in minutes] == [0, 20, 40]
        assert fields.hour.values <= {1, 2, 3, 4, 5}
        assert max(fields.day_of_month.values) <= 28


@pytest.mark.parametrize(
    "text",
    [
        "*," * 994 + "* * * * * ?",
        "0 0 0 ? * * " + "1970-2199," * 190 + "*",
        "0 0 0 " + "L-1W," * 395 + "L * ?",
        "9" * 1988 + " * * * * ?",
        "0 0/" + "9" * 1980 + " * * * ?",
        "H(" * 900 + " * * * * ?",
        "0 0 0 29 2 ? 2199",
        "0 0 0 30 2 ? *",
    ],
    ids=lambda text: text[:20],
)
def test_the_most_costly_texts_are_read_and_searched_in_no_time(text):
    began = perf_counter()
    try:
        parse(text, seed="job").next_after(NEW_YEAR, ZONE_UTC)
    except CronSyntaxError as error:
        assert len(str(error)) < 200  # noqa: PT017
    assert perf_counter() - began < 0.5
