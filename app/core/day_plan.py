"""How many fires lie ahead, hour by hour: the calculator's answer, counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import app.schedule.triggers as schedule
from app.core.models import Trigger
from app.core.triggers import calculator
from app.schedule.calendars import Calendar
from app.schedule.counting import clock_hours, count_between

DAY, HOURS = timedelta(days=1), 24


@dataclass(frozen=True)
class Hour:
    """A clock hour, or a part of one, and the number of fires in it; UTC, ``until`` is not included."""

    start: datetime
    until: datetime
    count: int


@dataclass(frozen=True)
class _Timetable:
    """What triggers can have in common: thousands of jobs share a few of them."""

    pure: schedule.Trigger
    calendar: str | None
    since: datetime


def day_plan(triggers: Sequence[Trigger], calendars: Mapping[str, Calendar], now: datetime) -> list[Hour]:
    """Count the fires of the next 24 hours: the rest of this clock hour, 23 whole ones, the beginning of the last.

    The clock is that of ``now``'s zone. ``triggers`` have their job and calendar; ``calendars`` are those by name.
    """
    edges = [now.astimezone(UTC), *clock_hours(now, HOURS), now.astimezone(UTC) + DAY + schedule.TICK]
    totals = [0] * (HOURS + 1)
    for timetable, alike in Counter(_timetables(triggers, edges[0])).items():
        calendar = calendars[timetable.calendar] if timetable.calendar else None
        for number, count in enumerate(_counts(timetable, edges, calendar)):
            totals[number] += alike * count
    return [Hour(*edge, count) for edge, count in zip(pairwise(edges), totals, strict=True)]


def _timetables(triggers: Sequence[Trigger], now: datetime) -> list[_Timetable]:
    found = []
    for row in triggers:
        if row.next_fire_at is not None:
            pure, calendar = calculator(row, row.job.uid), row.calendar.name if row.calendar else None
            if calendar:
                pure = replace(pure, calendar=calendar)
            found.append(_Timetable(pure, calendar, max(row.next_fire_at, now)))
    return found


def _counts(timetable: _Timetable, edges: Sequence[datetime], calendar: Calendar | None) -> list[int]:
    """A fixed delay has one fire that is known; the others depend on when runs end."""
    pure = timetable.pure
    if isinstance(pure, schedule.FixedDelay):
        pure = schedule.Once(timetable.since)
    since = [max(edge, timetable.since) for edge in edges]
    return count_between(pure, since, calendar)
