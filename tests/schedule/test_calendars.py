"""Exclusion calendars of every kind, chains of them, and those that exclude everything."""

import pickle
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schedule.calendars import Annual, CronTimes, Daily, Holidays, Monthly, Periods, Weekly
from app.schedule.cron import parse
from app.schedule.simulate import upcoming
from app.schedule.triggers import Cron, Simple

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)  # a Thursday
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "opens"),
    [
        (Holidays(frozenset({date(2026, 1, 1), date(2026, 1, 2)})), MIDNIGHT + DAY),
        (Weekly(frozenset({3})), MIDNIGHT),
        (Monthly(frozenset({1, 2, 3})), MIDNIGHT + 2 * DAY),
        (Annual(frozenset({(1, 1)})), MIDNIGHT),
        (Daily(time(8), time(17)), NOON + 5 * HOUR),
        (Daily(time(22), time(13)), NOON + HOUR),
        (Daily(time(22), time(6), inverted=True), NOON + 10 * HOUR),
        (CronTimes(parse("* * 8-17 * * ?")), NOON + 6 * HOUR),
        (CronTimes(parse("0 0 12 * * ?")), NOON + SECOND),
        (Periods(((NOON - DAY, NOON + HOUR), (NOON + HOUR, NOON + 2 * HOUR))), NOON + 2 * HOUR),
        (Weekly(frozenset({3}), base=Holidays(frozenset({date(2026, 1, 2)}))), MIDNIGHT + DAY),
        (Holidays(frozenset({date(2026, 1, 2)}), base=Weekly(frozenset({3, 5}))), MIDNIGHT + 2 * DAY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_calendar_excludes_and_knows_when_it_opens(calendar, opens):
    assert calendar.excludes(NOON)
    assert calendar.next_included(NOON) == opens
    assert not calendar.excludes(opens)
    assert calendar.next_included(opens) == opens


@pytest.mark.parametrize(
    "calendar",
    [
        Holidays(frozenset({date(2026, 1, 2)})),
        Weekly(frozenset({4})),
        Monthly(frozenset({31})),
        Annual(frozenset({(2, 29)})),
        Daily(time(0), time(12)),
        Daily(time(12, 0, 1), time(11)),
        Daily(time(12), time(13), inverted=True),
        CronTimes(parse("1 0 12 * * ?")),
        Periods(((NOON - HOUR, NOON), (NOON + SECOND, NOON + HOUR))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_calendar_leaves_the_rest_of_time_alone(calendar):
    assert not calendar.excludes(NOON)
    assert calendar.next_included(NOON) == NOON


@pytest.mark.parametrize(
    "calendar",
    [
        Weekly(frozenset(range(7))),
        Monthly(frozenset(range(1, 32))),
        Daily(time(0), time(0)),
        CronTimes(parse("* * * * * ?")),
        CronTimes(parse("* * * ? * *")),
        Daily(time(8), time(20), base=Daily(time(9), time(10), inverted=True)),
        Weekly(frozenset(range(5)), base=Weekly(frozenset({5, 6}))),
        Annual(frozenset((day.month, day.day) for day in (date(2000, 1, 1) + n * DAY for n in range(366)))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_calendar_that_excludes_everything_says_so(calendar):
    assert calendar.excludes_all_after(NOON)
    assert upcoming(Cron(parse("0 0 9 * * ?"), BERLIN), NOON, 1, calendar) == []


def test_days_are_those_of_the_calendars_zone():
    calendar = Weekly(frozenset({6}), zone=BERLIN)

    assert calendar.excludes(datetime(2026, 1, 3, 23, tzinfo=UTC))  # Sunday 00:00 in Berlin
    assert not calendar.excludes(datetime(2026, 1, 4, 23, tzinfo=UTC))


def test_a_time_of_day_goes_by_the_wall_clock_on_the_day_of_a_change():
    calendar = Daily(time(2), time(3), zone=BERLIN)

    assert calendar.next_included(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == datetime(2026, 10, 25, 2, tzinfo=UTC)
    assert not calendar.excludes(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))  # 02:00 to 03:00 does not exist


def test_a_search_that_finds_nothing_ends_with_its_end():
    steps = []

    class Counted(Cron):
        def next_after(self, instant):
            steps.append(instant)
            return super().next_after(instant)

    nights = Daily(time(22), time(6))
    trigger = Counted(parse("0 0 3 * * ?"), BERLIN)

    assert upcoming(trigger, NOON, 1, nights, end=NOON + 30 * DAY) == []
    assert len(steps) == 31


def test_what_is_excluded_is_left_out_of_the_upcoming_fires():
    trigger = Cron(parse("0 0 9 * * ?"), ZoneInfo("UTC"))
    calendar = Weekly(frozenset({5, 6}), base=Holidays(frozenset({date(2026, 1, 5)})))

    assert [fire.day for fire in upcoming(trigger, NOON, 3, calendar)] == [2, 6, 7]
    assert upcoming(Simple(SECOND, NOON), NOON, 2, Weekly(frozenset({3}))) == [MIDNIGHT, MIDNIGHT + SECOND]


def test_times_outside_of_the_known_years_do_no_harm():
    calendar = Daily(time(8), time(17), zone=BERLIN)

    assert calendar.excludes(datetime(1800, 1, 1, 12, tzinfo=UTC))
    assert calendar.next_included(datetime(2300, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: Weekly(frozenset({7})),
        lambda: Monthly(frozenset({0})),
        lambda: Annual(frozenset({(2, 30)})),
        lambda: Periods(((NOON, NOON - HOUR),)),
    ],
)
def test_nonsense_is_refused(build):
    with pytest.raises(ValueError):
        build()


def test_calendars_are_values():
    calendar = Holidays(frozenset({date(2026, 1, 1)}), zone=BERLIN, base=Weekly(frozenset({6})))

    assert pickle.loads(pickle.dumps(calendar)) == calendar
    assert hash(calendar) == hash(pickle.loads(pickle.dumps(calendar)))


NUMBERS = st.frozensets(st.integers(0, 5), max_size=4)
CALENDARS = st.one_of(
    st.builds(Weekly, NUMBERS),
    st.builds(Monthly, NUMBERS.map(lambda numbers: frozenset(number + 1 for number in numbers))),
    st.builds(Daily, st.times(), st.times(), st.booleans()),
    st.sampled_from(["0 * * * * ?", "* 0-30 * * * ?", "* * 8-17 ? * MON-FRI", "* * * 1-5 * ?"]).map(
        lambda text: CronTimes(parse(text), zone=BERLIN)
    ),
)


@settings(deadline=None, max_examples=100)
@given(CALENDARS, CALENDARS, st.integers(0, 600), st.integers(1, 50))
def test_nothing_is_open_before_the_next_included_time(first, second, days, parts):
    calendar = replace(first, base=second)
    start = NOON + days * DAY + days * 7 * SECOND
    opens = calendar.next_included(start)

    if opens is None:
        opens = start + 400 * DAY
    else:
        assert not calendar.excludes(opens)
    span = (opens - start) / parts
    assert all(calendar.excludes(start + number * span) for number in range(parts) if start + number * span < opens)
