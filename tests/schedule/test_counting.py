"""Counting fires in stretches of time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schedule.calendars import Weekly
from app.schedule.counting import clock_hours, count_between
from app.schedule.cron import parse
from app.schedule.simulate import simulate
from app.schedule.triggers import TICK, Cron, Simple

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
PARIS = ZoneInfo("Europe/Paris")
minutes = st.integers(-3000, 3000)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@given(
    start=minutes,
    every=st.integers(1, 500),
    repeat_count=st.none() | st.integers(0, 5),
    length=st.none() | st.integers(0, 3000),
    edges=st.lists(minutes, min_size=2, max_size=6).map(sorted),
)
def test_a_fixed_rate_is_counted_as_it_would_fire(
    start: int, every: int, repeat_count: int | None, length: int | None, edges: list[int]
) -> None:
    end = at(start + length) if length is not None else None
    trigger = Simple(timedelta(minutes=every), at(start), repeat_count, end)
    moments = [at(edge) for edge in edges]

    counted = count_between(trigger, moments)

    looked_at = [
        sum(1 for _ in simulate({1: trigger}, {}, first, until - TICK)) if first < until else 0
        for first, until in pairwise(moments)
    ]
    assert counted == looked_at


def test_an_edge_belongs_to_what_begins_there() -> None:
    hourly = Cron(parse("0 0 * * * ?", "quartz"), PARIS)

    assert count_between(hourly, [at(0), at(60), at(60), at(180), at(181)]) == [1, 0, 2, 1]


@pytest.mark.parametrize("trigger", [Simple(timedelta(hours=1), NOON), Cron(parse("0 0 * * * ?", "quartz"), PARIS)])
def test_what_a_calendar_takes_out_is_not_counted(trigger: Cron | Simple) -> None:
    closed = replace(trigger, calendar="Mondays")
    mondays = Weekly(frozenset({0}), zone=PARIS)

    assert count_between(closed, [at(0), at(11 * 60), at(13 * 60)], mondays) == [0, 2]


@pytest.mark.parametrize(
    ("zone", "first"),
    [("UTC", at(60)), ("Europe/Paris", at(60)), ("Asia/Kolkata", at(30)), ("Asia/Kathmandu", at(15))],
)
def test_hours_begin_by_the_clock_of_the_zone(zone: str, first: datetime) -> None:
    assert clock_hours(NOON.astimezone(ZoneInfo(zone)), 2) == [first, first + timedelta(hours=1)]
