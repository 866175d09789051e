"""Which days of a month a rule picks.

Every day rule of cron depends on two things only: the weekday on which the month begins and its length. That makes
28 month shapes, so a rule is answered by a bit mask per shape (bit 1 = the 1st ... bit 31 = the 31st). Rules that count
also tell the ``needed_length``: in a shorter month they surely find no day.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class MonthShape:
    """A month as day rules see it; weekdays count from 0 = Monday."""

    first_weekday: int
    length: int

    def weekday(self, day: int) -> int:
        return (self.first_weekday + day - 1) % 7

    @property
    def every_day(self) -> int:
        return (1 << self.length + 1) - 2


class DayRule(Protocol):
    def days(self, month: MonthShape) -> int:
        """Answer the mask of the days picked; bits beyond the month's end must be 0."""


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """Plain day numbers."""

    mask: int

    @classmethod
    def of(cls, days: Iterable[int]) -> "DaysOfMonth":
        return cls(_mask(days))

    def days(self, month: MonthShape) -> int:
        return self.mask & month.every_day


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Every occurrence of some weekdays (0 = Monday)."""

    weekdays: frozenset[int]

    def days(self, month: MonthShape) -> int:
        return _mask(day for day in range(1, month.length + 1) if month.weekday(day) in self.weekdays)


@dataclass(frozen=True, slots=True)
class NearestWorkday:
    """``15W``: the Monday-to-Friday day nearest to it, without leaving the month; none in a month without that day.

    ``forward_only`` is Spring's reading of a Sunday at the end of the month: it looks for Monday, finds that it has
    left the month and fires not at all, where Quartz takes the Friday before.
    """

    day: int
    forward_only: bool = False

    @property
    def needed_length(self) -> int:
        return self.day

    def days(self, month: MonthShape) -> int:
        if self.forward_only and self.day == month.length and month.weekday(self.day) == SUNDAY:
            return 0
        return _nearest_workday(self.day, month)


@dataclass(frozen=True, slots=True)
class FromMonthEnd:
    """``L``, ``L-3``, ``LW``, ``L-3W``: counted back from the last day; none when the month is too short."""

    days_before: int = 0
    workday: bool = False

    @property
    def needed_length(self) -> int:
        return self.days_before + 1

    def days(self, month: MonthShape) -> int:
        day = month.length - self.days_before
        if self.workday:
            return _nearest_workday(day, month)
        return 1 << day if day >= 1 else 0


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """``FRIL``: the last one of its kind in the month."""

    weekday: int

    @property
    def needed_length(self) -> int:
        return 0

    def days(self, month: MonthShape) -> int:
        return 1 << month.length - (month.weekday(month.length) - self.weekday) % 7


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """``FRI#3``: the third of its kind; none in a month without a fifth."""

    weekday: int
    nth: int

    @property
    def needed_length(self) -> int:
        return 7 * self.nth - 6

    def days(self, month: MonthShape) -> int:
        day = 1 + (self.weekday - month.first_weekday) % 7 + 7 * (self.nth - 1)
        return 1 << day if day <= month.length else 0


def shortest_of(months: Iterable[int]) -> int:
    """Answer the length of the shortest of some months, February having 28 days."""
    return min(monthrange(2023, month)[1] for month in months)


@lru_cache(maxsize=512)
def shapes_of_year(year: int) -> tuple[int, ...]:
    """Answer the index of each month's shape at positions 1 to 12 (position 0 is unused)."""
    shapes = (monthrange(year, month) for month in range(1, 13))
    return (0, *((length - 28) * 7 + first for first, length in shapes))


SHAPES = tuple(MonthShape(first, length) for length in range(28, 32) for first in range(7))


def _mask(days: Iterable[int]) -> int:
    return sum(1 << day for day in set(days))


def _nearest_workday(day: int, month: MonthShape) -> int:
    if not 1 <= day <= month.length:
        return 0
    if month.weekday(day) == SATURDAY:
        day += -1 if day > 1 else 2
    elif month.weekday(day) == SUNDAY:
        day += 1 if day < month.length else -2
    return 1 << day


@dataclass(frozen=True, slots=True)
class DayChoice:
    """Both day fields together: a day must satisfy one rule of each, or (``either``) one rule of any."""

    of_month: tuple[DayRule, ...]
    of_week: tuple[DayRule, ...]
    either: bool = False

    def days(self, month: MonthShape) -> int:
        by_month = _union(self.of_month, month)
        by_week = _union(self.of_week, month)
        return by_month | by_week if self.either else by_month & by_week


def _union(rules: Iterable[DayRule], month: MonthShape) -> int:
    mask = 0
    for rule in rules:
        mask |= rule.days(month)
    return mask
