"""Calendar intervals and daily time intervals."""

import pickle
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.schedule.simulate import upcoming
from app.schedule.triggers import CalendarInterval, DailyTimeInterval

BERLIN = ZoneInfo("Europe/Berlin")
ZONE_UTC = ZoneInfo("UTC")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def local(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def shown(moments, zone=BERLIN, pattern="%Y-%m-%d %H:%M"):
    return [f"{moment.astimezone(zone):{pattern}}" for moment in moments]


@pytest.mark.parametrize(
    ("every", "unit", "month_end", "expected"),
    [
        (1, "month", "clamp", ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        (1, "month", "skip", ["01-31", "03-31", "05-31", "07-31", "08-31"]),
        (1, "month", "spill", ["01-31", "03-03", "03-31", "05-01", "05-31"]),
        (3, "month", "clamp", ["01-31", "04-30", "07-31", "10-31", "01-31"]),
        (2, "week", "clamp", ["01-31", "02-14", "02-28", "03-14", "03-28"]),
        (10, "day", "clamp", ["01-31", "02-10", "02-20", "03-02", "03-12"]),
        (1, "year", "clamp", ["01-31"] * 5),
    ],
)
def test_a_calendar_interval_counts_from_its_anchor_without_drift(every, unit, month_end, expected):
    anchor = local("2026-01-31 10:00")
    trigger = CalendarInterval(every, unit, anchor, BERLIN, month_end)

    fires = upcoming(trigger, anchor - DAY, 5)

    assert shown(fires, pattern="%m-%d") == expected
    assert {fire.astimezone(BERLIN).hour for fire in fires} == {10}


def test_a_yearly_interval_from_a_leap_day():
    anchor = local("2024-02-29 00:00")

    def years(month_end):
        trigger = CalendarInterval(1, "year", anchor, BERLIN, month_end)
        return shown(upcoming(trigger, anchor, 4), pattern="%Y-%m-%d")

    assert years("clamp") == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    assert years("skip") == ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]
    assert years("spill") == ["2025-03-01", "2026-03-01", "2027-03-01", "2028-02-29"]


def test_days_keep_their_time_over_a_clock_change_and_hours_their_distance():
    daily = CalendarInterval(1, "day", local("2026-03-27 02:30"), BERLIN)
    hourly = CalendarInterval(1, "hour", local("2026-10-25 00:30"), BERLIN)

    assert shown(upcoming(daily, local("2026-03-27 12:00"), 3)) == [
        "2026-03-28 02:30",
        "2026-03-29 03:00",
        "2026-03-30 02:30",
    ]
    assert shown(upcoming(hourly, local("2026-10-25 01:00"), 4), pattern="%H:%M%z") == [
        "01:30+0200",
        "02:30+0200",
        "02:30+0100",
        "03:30+0100",
    ]


def test_a_daily_interval_begins_anew_each_day():
    office = DailyTimeInterval(72 * MINUTE, time(8), time(17, 30), ZONE_UTC, weekdays=frozenset(range(5)))

    friday_and_monday = upcoming(office, datetime(2026, 1, 2, 15, tzinfo=UTC), 4)

    assert shown(friday_and_monday, UTC) == [
        "2026-01-02 15:12",
        "2026-01-02 16:24",
        "2026-01-05 08:00",
        "2026-01-05 09:12",
    ]


def test_the_end_of_the_window_is_included():
    trigger = DailyTimeInterval(HOUR, time(8), time(10), ZONE_UTC)

    assert shown(upcoming(trigger, datetime(2026, 1, 1, tzinfo=UTC), 4), UTC, "%H") == ["08", "09", "10", "08"]


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins():
    trigger = DailyTimeInterval(2 * HOUR, time(22), time(3), ZONE_UTC, weekdays=frozenset({4}))

    assert shown(upcoming(trigger, datetime(2026, 1, 1, tzinfo=UTC), 4), UTC, "%a %d %H") == [
        "Fri 02 22",
        "Sat 03 00",
        "Sat 03 02",
        "Fri 09 22",
    ]


@pytest.mark.parametrize(
    "build",
    [
        lambda: CalendarInterval(0, "day", local("2026-01-01"), BERLIN),
        lambda: CalendarInterval(10**12, "second", local("2026-01-01"), BERLIN),
        lambda: CalendarInterval(1, "decade", local("2026-01-01"), BERLIN),
        lambda: CalendarInterval(1, "month", local("2026-01-01"), BERLIN, "round"),
        lambda: CalendarInterval(1, "day", datetime(2026, 1, 1), BERLIN),  # noqa: DTZ001
        lambda: DailyTimeInterval(timedelta(0), time(8), time(9), BERLIN),
        lambda: DailyTimeInterval(2 * DAY, time(8), time(9), BERLIN),
        lambda: DailyTimeInterval(timedelta(seconds=1.5), time(8), time(9), BERLIN),
        lambda: DailyTimeInterval(HOUR, time(8, microsecond=1), time(9), BERLIN),
        lambda: DailyTimeInterval(HOUR, time(8), time(9), BERLIN, weekdays=frozenset()),
        lambda: DailyTimeInterval(HOUR, time(8), time(9), BERLIN, weekdays=frozenset({7})),
    ],
)
def test_nonsense_is_refused(build):
    with pytest.raises(ValueError):
        build()


@pytest.mark.parametrize(
    "trigger",
    [
        CalendarInterval(1, "month", local("2026-01-31 10:00"), BERLIN, end=local("2030-01-01 00:00")),
        DailyTimeInterval(HOUR, time(8), time(9), BERLIN, start=local("2026-01-31 10:00"), calendar="holidays"),
    ],
)
def test_triggers_are_values(trigger):
    copy = pickle.loads(pickle.dumps(trigger))

    assert copy == trigger
    assert copy.next_after(local("2027-01-01")) == trigger.next_after(local("2027-01-01"))


def test_the_far_end_of_time_is_an_end():
    trigger = CalendarInterval(200, "year", local("2100-01-01 00:00"), BERLIN)

    assert trigger.next_after(local("2150-01-01")) is None
    assert trigger.previous_before(local("2150-01-01")) == local("2100-01-01 00:00").astimezone(UTC)
    assert trigger.previous_before(local("2100-01-01")) is None


ANCHORS = st.datetimes(datetime(2019, 1, 1), datetime(2024, 12, 31)).map(lambda moment: moment.replace(microsecond=0))  # noqa: DTZ001
INTERVALS = st.builds(
    CalendarInterval,
    st.integers(1, 40),
    st.sampled_from(["hour", "day", "week", "month", "year"]),
    ANCHORS.map(lambda moment: moment.replace(tzinfo=BERLIN)),
    st.just(BERLIN),
    st.sampled_from(["clamp", "skip", "spill"]),
)
TIMES = st.times().map(lambda at: at.replace(microsecond=0))
WINDOWS = st.builds(
    DailyTimeInterval,
    st.integers(600, 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    TIMES,
    TIMES,
    st.just(BERLIN),
    st.frozensets(st.integers(0, 6), min_size=1),
)


@settings(deadline=None, max_examples=100)
@given(INTERVALS | WINDOWS, st.datetimes(datetime(2018, 6, 1), datetime(2026, 1, 1)))  # noqa: DTZ001
def test_previous_and_next_are_inverse_and_strict(trigger, start):
    fires = [start.replace(tzinfo=UTC), *upcoming(trigger, start.replace(tzinfo=UTC), 5)]

    assert fires == sorted(set(fires))
    assert [trigger.previous_before(fire) for fire in fires[2:]] == fires[1:-1]


@settings(deadline=None, max_examples=60)
@given(WINDOWS, st.dates(date(2019, 1, 1), date(2026, 1, 1)))
def test_a_daily_interval_finds_all_that_its_definition_lists(trigger, day):
    """All windows of some days, built from the definition in UTC, where nothing is left out or comes twice."""
    trigger = DailyTimeInterval(trigger.every, trigger.from_time, trigger.to_time, ZONE_UTC, trigger.weekdays)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    listed = []
    for number in range(-1, 9):
        listed += window(trigger, midnight + number * DAY)

    expected = [moment for moment in listed if midnight <= moment < midnight + 8 * DAY]
    found = upcoming(trigger, midnight - MINUTE, len(expected) + 1)
    assert [fire for fire in found if midnight <= fire < midnight + 8 * DAY] == expected


def window(trigger, midnight):
    if midnight.weekday() not in trigger.weekdays:
        return []
    opens = datetime.combine(midnight, trigger.from_time, UTC)
    closes = datetime.combine(midnight + (trigger.to_time < trigger.from_time) * DAY, trigger.to_time, UTC)
    return [opens + number * trigger.every for number in range((closes - opens) // trigger.every + 1)]
