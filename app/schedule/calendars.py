"""Exclusion calendars: time taken out of triggers.

Each kind answers one question about an instant: until when are you closed? ``None`` is "open now"; a closed calendar
names a later instant at which it is worth asking again, or ``LATEST`` when it never opens. With that a search jumps
from block to block, and a calendar (or a chain of them) that excludes everything says so instead of searching for ever.

Times of day and dates are those of ``zone``; the end of a range is outside of it. A calendar with a ``base`` is open
when both are.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo

from app.schedule.cron import CronExpression
from app.schedule.daily_times import EVERY_WEEKDAY, since_midnight
from app.schedule.zones import DAY, EARLIEST, LATEST, as_utc, timeline_of

LONGEST_CLOSURE = 50 * 366 * DAY
"""Weekdays and dates repeat within 40 years, so what stays closed for longer is closed for ever."""


@dataclass(frozen=True)
class Calendar(ABC):
    """Time taken out of triggers; see the module for what each kind answers."""

    base: "Calendar | None" = field(default=None, kw_only=True)

    @abstractmethod
    def closed_until(self, instant: datetime) -> datetime | None:
        """Answer for this calendar alone, without its base; ``instant`` is UTC."""

    def excludes(self, instant: datetime) -> bool:
        instant = as_utc(instant)
        return any(calendar.closed_until(instant) is not None for calendar in self.chain())

    def next_included(self, instant: datetime) -> datetime | None:
        """Answer the first open instant at or after an aware time, in UTC; ``None`` if it stays closed for 50 years."""
        instant = max(as_utc(instant), EARLIEST)
        horizon = min(instant, LATEST - LONGEST_CLOSURE) + LONGEST_CLOSURE
        links = tuple(self.chain())
        while instant < horizon:
            opens = instant
            for calendar in links:
                opens = calendar.closed_until(opens) or opens
            if opens == instant:
                return instant
            instant = opens
        return None

    def excludes_all_after(self, instant: datetime) -> bool:
        return self.next_included(instant) is None

    def chain(self) -> Iterator["Calendar"]:
        calendar: Calendar | None = self
        while calendar is not None:
            yield calendar
            calendar = calendar.base


@dataclass(frozen=True)
class Periods(Calendar):
    """Stretches of time from instants until instants (aware): maintenance windows, the timed events of an ICS file."""

    periods: tuple[tuple[datetime, datetime], ...]

    def __post_init__(self) -> None:
        """Put them into order and join those that touch."""
        joined: list[tuple[datetime, datetime]] = []
        for start, end in sorted((as_utc(start), as_utc(end)) for start, end in self.periods):
            if end < start:
                raise ValueError(f"a period cannot end at {end} before it starts at {start}")
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        object.__setattr__(self, "periods", tuple(joined))

    def closed_until(self, instant: datetime) -> datetime | None:
        index = bisect_right(self.periods, instant, key=lambda period: period[0]) - 1
        end = self.periods[index][1] if index >= 0 else instant
        return end if instant < end else None


@dataclass(frozen=True)
class WallCalendar(Calendar):
    """A calendar that goes by the clock on the wall of a zone (wall times are labelled UTC, see ``wall_times``)."""

    zone: tzinfo = field(default=UTC, kw_only=True)

    @abstractmethod
    def wall_closed_until(self, wall: datetime) -> datetime | None:
        """Answer as ``closed_until`` does, in wall times."""

    def closed_until(self, instant: datetime) -> datetime | None:
        stretch = timeline_of(self.zone).at(min(max(instant, EARLIEST), LATEST - DAY))
        until = self.wall_closed_until(instant + stretch.offset)
        if until is None or until == LATEST:
            return until
        return min(until - stretch.offset, stretch.end)  # past a clock change the wall shows something else


@dataclass(frozen=True)
class Holidays(WallCalendar):
    """Whole days by date."""

    dates: frozenset[date]

    def wall_closed_until(self, wall: datetime) -> datetime | None:
        return _midnight_after(wall) if wall.date() in self.dates else None


@dataclass(frozen=True)
class Weekly(WallCalendar):
    """Whole days by weekday (0 = Monday)."""

    weekdays: frozenset[int]

    def __post_init__(self) -> None:
        _check("weekdays", self.weekdays, 0, 6)

    def wall_closed_until(self, wall: datetime) -> datetime | None:
        if self.weekdays >= EVERY_WEEKDAY:
            return LATEST
        return _midnight_after(wall) if wall.weekday() in self.weekdays else None


@dataclass(frozen=True)
class Monthly(WallCalendar):
    """Whole days by their number in the month."""

    days: frozenset[int]

    def __post_init__(self) -> None:
        _check("days", self.days, 1, 31)

    def wall_closed_until(self, wall: datetime) -> datetime | None:
        if len(self.days) == 31:
            return LATEST
        return _midnight_after(wall) if wall.day in self.days else None


@dataclass(frozen=True)
class Annual(WallCalendar):
    """Whole days that come every year, as (month, day)."""

    days: frozenset[tuple[int, int]]

    def __post_init__(self) -> None:
        for month, day in self.days:
            date(2000, month, day)  # a leap year; raises ValueError for what is no day

    def wall_closed_until(self, wall: datetime) -> datetime | None:
        if len(self.days) == 366:
            return LATEST
        return _midnight_after(wall) if (wall.month, wall.day) in self.days else None


@dataclass(frozen=True)
class Daily(WallCalendar):
    """A time of day, from ``from_time`` until just before ``to_time``, which may lie on the next day.

    Equal times are the whole day. ``inverted`` takes out all the rest of the day instead.
    """

    from_time: time
    to_time: time
    inverted: bool = False

    def wall_closed_until(self, wall: datetime) -> datetime | None:
        if self.from_time == self.to_time:
            return None if self.inverted else LATEST
        opens = since_midnight(self.from_time)
        length = (since_midnight(self.to_time) - opens) % DAY
        since = (since_midnight(wall) - opens) % DAY
        if self.inverted:
            return wall + (DAY - since) if since >= length else None
        return wall + (length - since) if since < length else None


@dataclass(frozen=True)
class CronTimes(WallCalendar):
    """Every second that a cron expression matches: ``* * 8-17 ? * MON-FRI`` takes out the office hours."""

    expression: CronExpression

    def wall_closed_until(self, wall: datetime) -> datetime | None:
        return self.expression.matching_until(wall)


def _midnight_after(wall: datetime) -> datetime:
    return wall.replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _check(name: str, numbers: Iterable[int], low: int, high: int) -> None:
    wrong = sorted(number for number in numbers if not low <= number <= high)
    if wrong:
        raise ValueError(f"{name} must be from {low} to {high}, not {wrong}")
