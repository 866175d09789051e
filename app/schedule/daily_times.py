"""Wall times at equal distances inside a window of the day, on some weekdays."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from app.schedule.zones import DAY, SECOND

EVERY_WEEKDAY = frozenset(range(7))
_ZERO = timedelta(0)


class DailyTimes:
    """Every ``every`` from ``from_time`` to ``to_time``, begun anew on each day of ``weekdays`` (0 = Monday).

    A window whose end is before its beginning ends on the next day; it belongs to the day on which it begins.

    :raises ValueError: for a step that is not a whole number of seconds up to a day, for times of day with fractions,
        and for weekdays that are none.
    """

    def __init__(self, every: timedelta, from_time: time, to_time: time, weekdays: frozenset[int]) -> None:
        if not SECOND <= every <= DAY or every % SECOND:
            raise ValueError(f"the interval must be whole seconds from 1 second to a day, not {every}")
        if from_time.microsecond or to_time.microsecond:
            raise ValueError(f"times of day must be whole seconds, not {from_time} and {to_time}")
        if not weekdays or not weekdays <= EVERY_WEEKDAY:
            raise ValueError(f"weekdays must be some of 0 (Monday) to 6 (Sunday), not {sorted(weekdays)}")
        self._every = every
        self._opens = since_midnight(from_time)
        self._length = (since_midnight(to_time) - self._opens) % DAY
        self._weekdays = weekdays

    def after(self, wall: datetime) -> datetime | None:
        """Answer the first one in a second after the one of ``wall``, as ``WallSchedule`` asks for."""
        for opens in self._windows(wall, 1):
            number = max(0, (wall - opens) // self._every + 1)
            if number * self._every <= self._length:
                return opens + number * self._every
        return None

    def before(self, wall: datetime) -> datetime | None:
        wall = wall.replace(microsecond=0)
        for opens in self._windows(wall, -1):
            last = min(wall - SECOND - opens, self._length)
            if last >= _ZERO:
                return opens + last // self._every * self._every
        return None

    def _windows(self, wall: datetime, direction: int) -> Iterator[datetime]:
        """Yield the openings that can matter around a time: from yesterday's, a week and a day far."""
        midnight = datetime(wall.year, wall.month, wall.day, tzinfo=UTC)
        for days in range(-1, 9) if direction > 0 else range(0, -10, -1):
            day = midnight + days * DAY
            if day.weekday() in self._weekdays:
                yield day + self._opens


def since_midnight(of_day: time | datetime) -> timedelta:
    return timedelta(0, of_day.hour * 3600 + of_day.minute * 60 + of_day.second, of_day.microsecond)
