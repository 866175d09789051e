"""Triggers of every kind: when they are due, strictly after and strictly before."""

import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.schedule.cron import parse
from app.schedule.triggers import Cron, FixedDelay, Once, Simple

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


def test_cron_is_due_between_start_and_end_both_included():
    trigger = Cron(parse("0 0 12 * * ?"), ZoneInfo("UTC"), start=NOON, end=NOON + DAY)

    assert list(trigger.fires_after(NOON - 100 * DAY)) == [NOON, NOON + DAY]
    assert trigger.previous_before(NOON + 100 * DAY) == NOON + DAY
    assert trigger.previous_before(NOON) is None


def test_cron_follows_the_clock_of_its_zone_and_simple_real_time():
    cron = Cron(parse("0 0 13 * * ?"), BERLIN)
    simple = Simple(DAY, start=NOON)

    assert cron.next_after(NOON) == NOON + 23 * HOUR  # 29 March has 23 hours in Berlin
    assert simple.next_after(NOON) == NOON + 24 * HOUR


def test_cron_tells_which_time_a_clock_change_moved():
    trigger = Cron(parse("0 30 2 * * ?"), BERLIN)

    moved, ordinary, _ = (trigger.next_after(NOON + days * DAY) for days in range(3))

    assert trigger.moved_from(moved) == datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001
    assert trigger.moved_from(ordinary) is None
    both = Cron(parse("0 0,30 2,3 * * ?"), BERLIN)
    assert both.moved_from(both.next_after(NOON)) is None  # 03:00 is due by itself


@pytest.mark.parametrize(
    ("options", "expected_hours"),
    [
        ({}, [0, 2, 4, 6]),
        ({"repeat_count": 0}, [0]),
        ({"repeat_count": 2}, [0, 2, 4]),
        ({"end": NOON + 4 * HOUR}, [0, 2, 4]),
        ({"end": NOON + 4 * HOUR - SECOND}, [0, 2]),
        ({"end": NOON + 4 * HOUR, "repeat_count": 1}, [0, 2]),
    ],
)
def test_simple_counts_from_its_start(options, expected_hours):
    trigger = Simple(2 * HOUR, NOON, **options)
    expected = [NOON + hours * HOUR for hours in expected_hours]
    fires = trigger.fires_after(NOON - 5 * DAY)

    assert [next(fires) for _ in expected] == expected
    if options:
        assert next(fires, None) is None
        assert trigger.previous_before(NOON + 100 * DAY) == expected[-1]
    assert trigger.previous_before(NOON) is None
    assert trigger.previous_before(NOON + SECOND) == NOON


def test_simple_stays_with_real_time_over_a_clock_change_of_the_given_zone():
    start = datetime(2026, 3, 28, 12, tzinfo=BERLIN)

    assert Simple(DAY, start).next_after(start) == start.astimezone(UTC) + DAY


def test_fixed_delay_counts_from_the_end_of_the_run():
    trigger = FixedDelay(HOUR, end=NOON + 3 * HOUR)

    assert trigger.after_end(NOON) == NOON + HOUR
    assert trigger.after_end(NOON + 2 * HOUR) == NOON + 3 * HOUR
    assert trigger.after_end(NOON + 3 * HOUR) is None
    assert trigger.next_after(NOON) is None
    assert trigger.previous_before(NOON) is None


def test_a_fixed_delay_of_nothing_is_continuous():
    assert FixedDelay(timedelta(0)).is_continuous
    assert FixedDelay(timedelta(0)).after_end(NOON) == NOON


def test_once_is_due_once():
    trigger = Once(NOON)

    assert list(trigger.fires_after(NOON - DAY)) == [NOON]
    assert trigger.next_after(NOON) is None
    assert trigger.previous_before(NOON) is None
    assert trigger.previous_before(NOON + SECOND) == NOON


@pytest.mark.parametrize(
    "build",
    [
        lambda: Simple(timedelta(0), NOON),
        lambda: Simple(-HOUR, NOON),
        lambda: Simple(HOUR, NOON, repeat_count=-1),
        lambda: Simple(HOUR, NOON, end=NOON - HOUR),
        lambda: Simple(HOUR, datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: FixedDelay(-HOUR),
        lambda: Once(datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: Cron(parse("0 0 0 * * ?"), BERLIN, start=NOON, end=NOON - HOUR),
        lambda: Cron(parse("0 0 0 * * ?"), BERLIN, gap="later"),
    ],
)
def test_nonsense_is_refused(build):
    with pytest.raises(ValueError):
        build()


@pytest.mark.parametrize(
    "trigger",
    [Cron(parse("0 0 12 * * ?"), BERLIN, start=NOON), Simple(HOUR, NOON), FixedDelay(HOUR), Once(NOON, calendar="x")],
    ids=lambda trigger: type(trigger).__name__,
)
def test_triggers_are_values(trigger):
    copy = pickle.loads(pickle.dumps(trigger))

    assert copy == trigger
    assert hash(copy) == hash(trigger)
