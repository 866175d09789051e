"""simulate: all fires of all triggers, in order and with reasons."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.schedule.calendars import Daily
from app.schedule.cron import parse
from app.schedule.simulate import Fire, simulate, upcoming
from app.schedule.triggers import Cron, Once, Simple

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


MORNINGS = Daily(time(0), time(12))


def test_fires_come_in_the_order_of_time_and_then_of_triggers():
    triggers = {"b": Once(NOON + HOUR), "a": Simple(HOUR, NOON)}

    fires = list(simulate(triggers, {}, NOON, NOON + 2 * HOUR))

    assert [(fire.trigger, (fire.instant - NOON) // HOUR) for fire in fires] == [("a", 0), ("b", 1), ("a", 1), ("a", 2)]


def test_the_limit_counts_all_fires():
    assert len(list(simulate({1: Simple(HOUR, NOON), 2: Simple(HOUR, NOON)}, {}, NOON, NOON + DAY, limit=7))) == 7


def test_excluded_fires_are_told_with_their_calendar():
    trigger = Cron(parse("0 0 11,13 * * ?"), ZoneInfo("UTC"), calendar="mornings")

    fires = list(simulate({1: trigger}, {"mornings": MORNINGS}, NOON, NOON + DAY))

    assert fires == [Fire(1, NOON + HOUR, None), Fire(1, NOON + 23 * HOUR, "calendar:mornings")]
    assert [fire.is_excluded for fire in fires] == [False, True]


def test_a_moved_fire_tells_the_time_that_was_meant():
    fires = list(simulate({1: Cron(parse("0 30 2 * * ?"), BERLIN)}, {}, NOON, NOON + DAY))

    assert fires == [Fire(1, datetime(2026, 3, 29, 1, tzinfo=UTC), "moved:2026-03-29T02:30:00")]
    assert not fires[0].is_excluded


def test_an_unknown_calendar_is_an_error_at_once():
    with pytest.raises(LookupError, match="'holidays'"):
        simulate({1: Once(NOON, calendar="holidays")}, {}, NOON, NOON)


def test_bounds_in_a_zone_are_instants():
    second_pass = datetime(2026, 10, 25, 2, tzinfo=BERLIN, fold=1)

    assert list(simulate({1: Once(second_pass)}, {}, second_pass, second_pass)) == [
        Fire(1, second_pass.astimezone(UTC))
    ]


def test_upcoming_lists_what_is_strictly_later():
    assert upcoming(Simple(HOUR, NOON), NOON, 2) == [NOON + HOUR, NOON + 2 * HOUR]
    assert upcoming(Once(NOON), NOON, 2) == []
