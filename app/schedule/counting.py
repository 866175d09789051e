"""How many fires lie in each of many stretches of time."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from app.schedule.calendars import Calendar
from app.schedule.simulate import simulate
from app.schedule.triggers import TICK, Simple, Trigger
from app.schedule.zones import as_utc


def count_between(trigger: Trigger, edges: Sequence[datetime], calendar: Calendar | None = None) -> list[int]:
    """Count the fires from each edge (aware, ascending) until before the next; what ``calendar`` takes out is not one.

    A fixed rate is counted without looking at every fire: it may have millions.
    """
    if isinstance(trigger, Simple) and calendar is None:
        before = [trigger.count_before(edge) for edge in edges]
        return [later - earlier for earlier, later in pairwise(before)]
    counts = [0] * (len(edges) - 1)
    for moment in _moments(trigger, edges, calendar):
        counts[bisect_right(edges, moment) - 1] += 1
    return counts


def _moments(trigger: Trigger, edges: Sequence[datetime], calendar: Calendar | None) -> list[datetime]:
    calendars = {trigger.calendar: calendar} if trigger.calendar and calendar else {}
    fires = simulate({0: trigger}, calendars, as_utc(edges[0]), as_utc(edges[-1]) - TICK)
    return [fire.instant for fire in fires if not fire.is_excluded]


HOUR = timedelta(hours=1)


def clock_hours(instant: datetime, count: int) -> list[datetime]:
    """List the beginnings of the next clock hours after an aware time, in its own zone's clock, as aware UTC times."""
    past_the_hour = timedelta(minutes=instant.minute, seconds=instant.second, microseconds=instant.microsecond)
    begun = as_utc(instant) - past_the_hour
    return [begun + number * HOUR for number in range(1, count + 1)]
