"""Wall times at equal distances from an anchor, in units of the calendar."""

from calendar import monthrange
from datetime import datetime, timedelta

from app.schedule.zones import LATEST, SECOND

MONTH_ENDS = ("clamp", "skip", "spill")

_STEADY = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS = {"month": 1, "year": 12}
_LONGEST, _MOST_MONTHS = timedelta(days=365 * 200), 12 * 200

UNITS = (*_STEADY, *_MONTHS)
ELAPSED_UNITS = ("second", "minute", "hour")
"""Shorter than a day: they follow elapsed time in a clock change."""


def interval_times(every: int, unit: str, anchor: datetime, month_end: str) -> "SteadyTimes | MonthlyTimes":
    """Answer the wall times at the anchor and every ``every`` units after it.

    :raises ValueError: for an unknown unit or month end, and for an interval that is not from 1 unit to 200 years.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, not {unit!r}")
    if month_end not in MONTH_ENDS:
        raise ValueError(f"month_end must be one of {', '.join(MONTH_ENDS)}, not {month_end!r}")
    most = _LONGEST // _STEADY[unit] if unit in _STEADY else _MOST_MONTHS // _MONTHS[unit]
    if not 1 <= every <= most:
        raise ValueError(f"an interval must be from 1 to {most} {unit}s, not {every}")
    anchor = anchor.replace(microsecond=0)
    if unit in _STEADY:
        return SteadyTimes(every * _STEADY[unit], anchor)
    return MonthlyTimes(every * _MONTHS[unit], anchor, month_end)


class SteadyTimes:
    """Seconds to weeks, which all have one length on the wall."""

    def __init__(self, step: timedelta, anchor: datetime) -> None:
        self._step = step
        self._anchor = anchor

    def after(self, wall: datetime) -> datetime | None:
        number = max(0, (wall - self._anchor) // self._step + 1)
        distance = number * self._step
        return self._anchor + distance if distance < LATEST - self._anchor else None

    def before(self, wall: datetime) -> datetime | None:
        number = (wall.replace(microsecond=0) - SECOND - self._anchor) // self._step
        return self._anchor + number * self._step if number >= 0 else None


class MonthlyTimes:
    """Months and years: the day of the anchor, or what ``month_end`` makes of it where a month lacks it."""

    def __init__(self, months: int, anchor: datetime, month_end: str) -> None:
        self._months = months
        self._anchor = anchor
        self._month_end = month_end

    def after(self, wall: datetime) -> datetime | None:
        number = max(0, self._number_at(wall) - 1)  # a spilled day lies in the month after its own
        while self._month(number) < (LATEST.year, 1):
            found = self._time(number)
            if found is not None and found > wall:
                return found
            number += 1
        return None

    def before(self, wall: datetime) -> datetime | None:
        wall = wall.replace(microsecond=0)
        for number in range(self._number_at(wall), -1, -1):
            found = self._time(number)
            if found is not None and found < wall:
                return found
        return None

    def _number_at(self, wall: datetime) -> int:
        """Number the last interval that begins in the month of ``wall`` or before; negative before the anchor."""
        distance = (wall.year - self._anchor.year) * 12 + wall.month - self._anchor.month
        return distance // self._months

    def _month(self, number: int) -> tuple[int, int]:
        months = self._anchor.year * 12 + self._anchor.month - 1 + number * self._months
        return months // 12, months % 12 + 1

    def _time(self, number: int) -> datetime | None:
        year, month = self._month(number)
        day, length = self._anchor.day, monthrange(year, month)[1]
        if day <= length:
            return self._anchor.replace(year=year, month=month)
        if self._month_end == "skip":
            return None
        last = self._anchor.replace(year=year, month=month, day=length)
        return last if self._month_end == "clamp" else last + timedelta(days=day - length)
