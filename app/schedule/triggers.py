"""Triggers: when a job is due.

Every trigger answers ``next_after`` and ``previous_before``: strictly after or before an aware time, an aware time in
UTC, or ``None``. ``start`` and ``end`` (aware, kept in UTC) bound it and are both included. ``calendar`` names an
exclusion calendar, which ``simulate`` applies: a trigger alone tells when it would be due.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.schedule.clock_changes import ZonedSchedule, in_zone
from app.schedule.cron import CronExpression
from app.schedule.daily_times import EVERY_WEEKDAY, DailyTimes
from app.schedule.interval_times import ELAPSED_UNITS, interval_times
from app.schedule.zones import LATEST, as_utc, as_wall

ZERO = timedelta(0)
TICK = datetime.resolution


@dataclass(frozen=True, slots=True)
class Trigger(ABC):
    """What the engine, the previews and the charts know of every kind."""

    calendar: str | None = field(default=None, kw_only=True)

    @abstractmethod
    def next_after(self, instant: datetime) -> datetime | None:
        """Answer the first due moment strictly after an aware time."""

    @abstractmethod
    def previous_before(self, instant: datetime) -> datetime | None:
        """Answer the last due moment strictly before an aware time."""

    def moved_from(self, due: datetime) -> datetime | None:
        """Answer the local time (naive) that was meant, for a due moment that a clock change moved; else ``None``."""
        return None

    def fires_after(self, instant: datetime) -> Iterator[datetime]:
        """Yield the due moments strictly after an aware time, in order and perhaps without end."""
        while (due := self.next_after(instant)) is not None:
            yield due
            instant = due

    def _keep_in_utc(self, *names: str) -> None:
        """Two times of one zone compare by their wall clock in Python, which is wrong around clock changes."""
        for name in names:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, as_utc(value))

    def __reduce__(self) -> tuple[Callable[..., "Trigger"], tuple[type["Trigger"], dict[str, Any]]]:
        """Pickle what the trigger was made from, never the tables behind it."""
        made_from = {item.name: getattr(self, item.name) for item in fields(self) if item.init}
        return _remade, (type(self), made_from)


def _remade(kind: type[Trigger], made_from: dict[str, Any]) -> Trigger:
    return kind(**made_from)


def check_bounds(start: datetime | None, end: datetime | None) -> None:
    """:raises ValueError: for an end before the start."""
    if start is not None and end is not None and end < start:
        raise ValueError(f"a trigger cannot end at {end} before it starts at {start}")


@dataclass(frozen=True, slots=True)
class WallTrigger(Trigger):
    """A trigger that follows the clock on the wall of a zone; see ``cron`` for the policies of clock changes."""

    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    gap: str = field(default="next", kw_only=True)
    overlap: str = field(default="interval", kw_only=True)
    _zoned: ZonedSchedule = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep_in_utc("start", "end")
        check_bounds(self.start, self.end)
        object.__setattr__(self, "_zoned", self._in_zone())

    @abstractmethod
    def _in_zone(self) -> ZonedSchedule:
        """Bind the times of the trigger to its zone and policies."""

    def next_after(self, instant: datetime) -> datetime | None:
        if self.start is not None:
            instant = max(as_utc(instant), self.start - TICK)
        due = self._zoned.next_after(instant)
        return None if self.end is not None and due is not None and due > self.end else due

    def previous_before(self, instant: datetime) -> datetime | None:
        if self.end is not None:
            instant = min(as_utc(instant), self.end + TICK)
        due = self._zoned.previous_before(instant)
        return None if self.start is not None and due is not None and due < self.start else due

    def moved_from(self, due: datetime) -> datetime | None:
        return self._zoned.meant_time(due)

    def is_bound_to(self, instant: datetime) -> bool:
        """Whether an instant (UTC) lies between start and end."""
        return (self.start is None or self.start <= instant) and (self.end is None or instant <= self.end)

    def shows_between(self, first: datetime, until: datetime) -> bool:
        """Whether the trigger means a local time (naive) from ``first`` until before ``until``, existing or not."""
        return self._zoned.shows_between(first.replace(tzinfo=UTC), until.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Cron(WallTrigger):
    """A cron expression on the clock of a zone."""

    expression: CronExpression
    zone: ZoneInfo

    def _in_zone(self) -> ZonedSchedule:
        return self.expression.in_zone(self.zone, self.gap, self.overlap)


@dataclass(frozen=True, slots=True)
class CalendarInterval(WallTrigger):
    """Every n seconds, minutes, hours, days, weeks, months or years by the clock on the wall, counted from ``anchor``.

    The anchor is the first fire, and nothing drifts: monthly from the 31st comes back to the 31st. ``month_end`` says
    what a month without the day does: ``clamp`` to its last day, ``skip`` it, or ``spill`` over into the next month (31
    February is 3 March). Days and longer are fixed times in a clock change, shorter units follow elapsed time.
    """

    every: int
    unit: str
    anchor: datetime
    zone: ZoneInfo
    month_end: str = "clamp"

    def _in_zone(self) -> ZonedSchedule:
        self._keep_in_utc("anchor")
        times = interval_times(self.every, self.unit, as_wall(self.anchor, self.zone), self.month_end)
        return in_zone(times, self.zone, self.gap, self.overlap, is_fixed=self.unit not in ELAPSED_UNITS)


@dataclass(frozen=True, slots=True)
class DailyTimeInterval(WallTrigger):
    """Every so often between two times of day: every 72 minutes from 08:00 to 17:30, Monday to Friday.

    Each day begins anew at ``from_time``; ``to_time`` is included, and one before ``from_time`` lies on the next day. A
    window belongs to the day on which it begins. ``weekdays`` count from 0 = Monday.
    """

    every: timedelta
    from_time: time
    to_time: time
    zone: ZoneInfo
    weekdays: frozenset[int] = EVERY_WEEKDAY

    def _in_zone(self) -> ZonedSchedule:
        times = DailyTimes(self.every, self.from_time, self.to_time, self.weekdays)
        return in_zone(times, self.zone, self.gap, self.overlap, is_fixed=False)


@dataclass(frozen=True, slots=True)
class Simple(Trigger):
    """A fixed rate in real time: at ``start`` and every ``every`` after it, whatever the clocks on the wall do.

    ``repeat_count`` counts the fires after the first, as Quartz does; ``None`` repeats for ever.
    """

    every: timedelta
    start: datetime
    repeat_count: int | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        self._keep_in_utc("start", "end")
        check_bounds(self.start, self.end)
        if self.every <= ZERO:
            raise ValueError(f"a fixed rate must be longer than nothing, not {self.every}")
        if self.repeat_count is not None and self.repeat_count < 0:
            raise ValueError(f"repeat_count must be 0 or more, not {self.repeat_count}")

    def next_after(self, instant: datetime) -> datetime | None:
        number = max(0, (as_utc(instant) - self.start) // self.every + 1)
        return self.start + number * self.every if self._within(number) == number else None

    def previous_before(self, instant: datetime) -> datetime | None:
        number = self._within((as_utc(instant) - self.start - TICK) // self.every)
        return self.start + number * self.every if number >= 0 else None

    def count_before(self, instant: datetime) -> int:
        """Count all fires strictly before an aware time."""
        return max(0, self._within((as_utc(instant) - self.start - TICK) // self.every) + 1)

    def number_of(self, moment: datetime) -> int:
        """Count the fires before a moment of this trigger: its first has the number 0."""
        return (moment - self.start) // self.every

    def _within(self, number: int) -> int:
        """Bound the number of a fire (the first is 0) by the last one that repeat count and end allow."""
        if self.repeat_count is not None:
            number = min(number, self.repeat_count)
        return min(number, ((self.end or LATEST) - self.start) // self.every)


@dataclass(frozen=True, slots=True)
class FixedDelay(Trigger):
    """A while after the end of the run before; a delay of 0 runs the job without a pause.

    It depends on runs, so it has no times of its own: ``next_after`` answers ``None``, and whoever sees a run end asks
    ``after_end``.
    """

    delay: timedelta
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        self._keep_in_utc("start", "end")
        check_bounds(self.start, self.end)
        if self.delay < ZERO:
            raise ValueError(f"a delay cannot be negative: {self.delay}")

    @property
    def is_continuous(self) -> bool:
        return self.delay == ZERO

    def after_end(self, finished_at: datetime) -> datetime | None:
        """Answer when to run again, in UTC; ``None`` when that is past ``end``."""
        due = as_utc(finished_at) + self.delay
        if self.start is not None:
            due = max(due, self.start)
        return None if self.end is not None and due > self.end else due

    def next_after(self, instant: datetime) -> None:
        return None

    def previous_before(self, instant: datetime) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Once(Trigger):
    """A single moment."""

    at: datetime

    def __post_init__(self) -> None:
        self._keep_in_utc("at")

    def next_after(self, instant: datetime) -> datetime | None:
        return self.at if as_utc(instant) < self.at else None

    def previous_before(self, instant: datetime) -> datetime | None:
        return self.at if as_utc(instant) > self.at else None


@dataclass(frozen=True, slots=True)
class Unreadable(Trigger):
    """What a stored trigger is when nobody can say what it means: it never fires, and says why."""

    why: str

    def next_after(self, instant: datetime) -> None:
        return None

    def previous_before(self, instant: datetime) -> None:
        return None
