"""A year of an exclusion calendar, day by day."""

from calendar import Calendar as Weeks
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from app.schedule.calendars import Calendar, CronTimes, Daily
from app.schedule.triggers import TICK

DAY = timedelta(days=1)
FIRST, LAST = 1971, 2198


class State(StrEnum):
    OPEN = "open"
    PART = "part"
    CLOSED = "closed"


@dataclass(frozen=True)
class Day:
    date: date
    state: State


@dataclass(frozen=True)
class Stretch:
    """Days in a row with the same state."""

    first: date
    last: date
    state: State


@dataclass(frozen=True)
class Month:
    first: date
    weeks: Sequence[Sequence[Day | None]]  # from Monday; ``None`` belongs to another month


@dataclass(frozen=True)
class Year:
    number: int
    months: Sequence[Month]
    stretches: Sequence[Stretch]  # of days that are taken out, wholly or in part

    @property
    def closed(self) -> int:
        """How many days are taken out as a whole."""
        return sum((each.last - each.first).days + 1 for each in self.stretches if each.state is State.CLOSED)


def year_of(calendar: Calendar, zone: ZoneInfo, number: int) -> Year:
    days = {day.date: day for day in _days(calendar, zone, number)}
    months = [_month(number, month, days) for month in range(1, 13)]
    return Year(number, months, list(_stretches(days.values())))


def _days(calendar: Calendar, zone: ZoneInfo, number: int) -> Iterator[Day]:
    day = date(number, 1, 1)
    while day.year == number:
        yield Day(day, _state(calendar, zone, _midnight(day, zone), _midnight(day + DAY, zone)))
        day += DAY


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _state(calendar: Calendar, zone: ZoneInfo, start: datetime, end: datetime) -> State:
    opens = calendar.next_included(start)
    if opens is None or opens >= end:
        return State.CLOSED
    return State.PART if any(_closes_within(link, start, end) for link in calendar.chain()) else State.OPEN


def _closes_within(link: Calendar, start: datetime, end: datetime) -> bool:
    """Whether one calendar, without its base, takes out a part of a stretch of about a day."""
    if isinstance(link, Daily):
        return link.from_time != link.to_time or link.inverted is False
    if isinstance(link, CronTimes):
        due = link.expression.next_after(start - TICK, link.zone)
        return due is not None and due < end
    # whole days of another zone touch an edge of ours
    return link.closed_until(start) is not None or link.closed_until(end - TICK) is not None


def _month(year: int, month: int, days: dict[date, Day]) -> Month:
    weeks = Weeks().monthdatescalendar(year, month)
    return Month(
        date(year, month, 1), [[days[day] if day.month == month else None for day in week] for week in weeks]
    )  # fmt: skip


def _stretches(days: Iterable[Day]) -> Iterator[Stretch]:
    for state, group in groupby(days, key=lambda day: day.state):
        row = list(group)
        if state is not State.OPEN:
            yield Stretch(row[0].date, row[-1].date, state)
