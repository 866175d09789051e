"""The search for the next and the last wall time that matches a cron expression; no zone is involved.

Nothing walks over seconds, minutes, hours or days: a time of day is three table look-ups, a day the lowest or highest
bit of a month's mask, a month at most twelve masks, and years in which nothing fires are known by ``None``.

A wall time here is a datetime labelled UTC that shows what the clock on the wall shows. The label is a lie that saves
a conversion: an aware instant plus the offset of its zone is its wall time, and the wall time minus it the instant.
"""

from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

from app.schedule.dialects import FIRST_YEAR, LAST_YEAR
from app.schedule.month_days import SHAPES, DayChoice, shapes_of_year
from app.schedule.zones import DAY, LATEST, SECOND

_BEYOND = 99  # later than any second, minute or hour
_BEFORE = -1

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

_Table = tuple[int, ...]
_Time = tuple[int, int, int]
_Date = tuple[int, int, int]


class WallTimes:
    """The wall times that second, minute, hour, day, month and year of an expression leave."""

    def __init__(
        self,
        *,
        seconds: frozenset[int],
        minutes: frozenset[int],
        hours: frozenset[int],
        days: DayChoice,
        months: frozenset[int],
        years: frozenset[int],
    ) -> None:
        self._first_time: _Time = (min(hours), min(minutes), min(seconds))
        self._last_time: _Time = (max(hours), max(minutes), max(seconds))
        self._next_second, self._last_second = _next_table(seconds, 60), _last_table(seconds, 60)
        self._next_minute, self._last_minute = _next_table(minutes, 60), _last_table(minutes, 60)
        self._next_hour, self._last_hour = _next_table(hours, 24), _last_table(hours, 24)
        self._all_seconds, self._all_minutes, self._all_hours = len(seconds) == 60, len(minutes) == 60, len(hours) == 24
        self._years = _YearMasks(days, months, years)

    @cached_property
    def is_empty(self) -> bool:
        """Whether there is no such time at all, as on 30 February."""
        return all(self._years[year] is None for year in sorted(self._years.selected))

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What decides the times: equal keys, equal times."""
        return (self._next_second, self._next_minute, self._next_hour, *self._years.key)

    def after(self, wall: datetime) -> datetime | None:
        """Answer the first match in a second after the one of ``wall``.

        Called for every fire there is: one function without helpers, which saves a third of its time.
        """
        year, month, day, hour, minute = wall.year, wall.month, wall.day, wall.hour, wall.minute
        masks = self._years[year]
        if masks is not None and masks[month] >> day & 1:
            _, first_minute, first_second = self._first_time
            next_hour = self._next_hour[hour]
            if next_hour == hour:
                next_minute = self._next_minute[minute]
                if next_minute == minute:
                    second = self._next_second[wall.second + 1]
                    if second != _BEYOND:
                        return datetime(year, month, day, hour, minute, second, 0, UTC)
                    next_minute = self._next_minute[minute + 1]
                if next_minute != _BEYOND:
                    return datetime(year, month, day, hour, next_minute, first_second, 0, UTC)
                next_hour = self._next_hour[hour + 1]
            if next_hour != _BEYOND:
                return datetime(year, month, day, next_hour, first_minute, first_second, 0, UTC)
        date = self._date_after(year, month, day)
        return None if date is None else _wall(date, self._first_time)

    def before(self, wall: datetime) -> datetime | None:
        """Answer the last match in a second before the one of ``wall``."""
        year, month, day = wall.year, wall.month, wall.day
        masks = self._years[year]
        if masks is not None and masks[month] >> day & 1:
            time = self._time_before(wall.hour, wall.minute, wall.second)
            if time is not None:
                return _wall((year, month, day), time)
        date = self._date_before(year, month, day)
        return None if date is None else _wall(date, self._last_time)

    def matching_until(self, wall: datetime) -> datetime | None:
        """Answer the end of the second, minute, hour or day of ``wall`` that matches as a whole, or ``None``.

        ``LATEST`` when every second of all years matches.
        """
        wall = wall.replace(microsecond=0)
        if self.after(wall - SECOND) != wall:
            return None
        if not self._all_seconds:
            return wall + SECOND
        wall = wall.replace(second=0)
        if not self._all_minutes:
            return wall + MINUTE
        wall = wall.replace(minute=0)
        if not self._all_hours:
            return wall + HOUR
        return LATEST if self._years.are_full else wall.replace(hour=0) + DAY

    def _time_before(self, hour: int, minute: int, second: int) -> _Time | None:
        _, final_minute, final_second = self._last_time
        last_hour = self._last_hour[hour]
        if last_hour == hour:
            last_minute = self._last_minute[minute]
            if last_minute == minute:
                last_second = self._last_second[second - 1]
                if last_second != _BEFORE:
                    return hour, minute, last_second
                last_minute = self._last_minute[minute - 1]
            if last_minute != _BEFORE:
                return hour, last_minute, final_second
            last_hour = self._last_hour[hour - 1]
        return None if last_hour == _BEFORE else (last_hour, final_minute, final_second)

    def _date_after(self, year: int, month: int, day: int) -> _Date | None:
        masks = self._years[year]
        if masks is not None:
            rest = masks[month] >> day + 1
            if rest:
                return year, month, day + (rest & -rest).bit_length()
            for later in range(month + 1, 13):
                mask = masks[later]
                if mask:
                    return year, later, (mask & -mask).bit_length() - 1
        return self._first_date_from(year + 1)

    def _first_date_from(self, year: int) -> _Date | None:
        for later in range(max(year, self._years.first), self._years.last + 1):
            masks = self._years[later]
            if masks is not None:
                month, mask = next((month, mask) for month, mask in enumerate(masks) if mask)
                return later, month, (mask & -mask).bit_length() - 1
        return None

    def _date_before(self, year: int, month: int, day: int) -> _Date | None:
        masks = self._years[year]
        if masks is not None:
            rest = masks[month] & (1 << day) - 1
            if rest:
                return year, month, rest.bit_length() - 1
            for earlier in range(month - 1, 0, -1):
                if masks[earlier]:
                    return year, earlier, masks[earlier].bit_length() - 1
        return self._last_date_until(year - 1)

    def _last_date_until(self, year: int) -> _Date | None:
        for earlier in range(min(year, self._years.last), self._years.first - 1, -1):
            masks = self._years[earlier]
            if masks is not None:
                month = next(month for month in range(12, 0, -1) if masks[month])
                return earlier, month, masks[month].bit_length() - 1
        return None


class _YearMasks(dict[int, _Table | None]):
    """The day masks of a year's months at positions 1 to 12, made on first use; ``None`` where nothing fires."""

    def __init__(self, days: DayChoice, months: frozenset[int], years: frozenset[int]) -> None:
        super().__init__()
        self.selected = years
        self.first, self.last = min(years), max(years)
        self._months = months
        self._days = days
        self._by_shape: list[int | None] = [None] * len(SHAPES)

    def __missing__(self, year: int) -> _Table | None:
        masks: _Table | None = None
        if year in self.selected:
            shapes = enumerate(shapes_of_year(year))
            masks = tuple(self._mask(shape) if month in self._months else 0 for month, shape in shapes)
        self[year] = masks = masks if masks and any(masks) else None
        return masks

    def _mask(self, shape: int) -> int:
        mask = self._by_shape[shape]
        if mask is None:
            mask = self._by_shape[shape] = self._days.days(SHAPES[shape])
        return mask

    @property
    def are_full(self) -> bool:
        """Whether every day of all years is selected."""
        days = all(self._mask(shape) == SHAPES[shape].every_day for shape in range(len(SHAPES)))
        return days and len(self._months) == 12 and len(self.selected) == LAST_YEAR - FIRST_YEAR + 1

    @property
    def key(self) -> tuple[object, ...]:
        return (tuple(self._mask(shape) for shape in range(len(SHAPES))), self._months, self.selected)


def _wall(date: _Date, time: _Time) -> datetime:
    year, month, day = date
    hour, minute, second = time
    return datetime(year, month, day, hour, minute, second, 0, UTC)


@lru_cache(maxsize=1024)
def _next_table(values: frozenset[int], size: int) -> _Table:
    """For each i from 0 to size: the first value that is not before i."""
    table, following = [_BEYOND] * (size + 1), _BEYOND
    for i in range(size - 1, -1, -1):
        if i in values:
            following = i
        table[i] = following
    return tuple(table)


@lru_cache(maxsize=1024)
def _last_table(values: frozenset[int], size: int) -> _Table:
    """For each i below size: the last value that is not after i; the entry for i = -1 stands at the end."""
    table, last = [_BEFORE] * (size + 1), _BEFORE
    for i in range(size):
        if i in values:
            last = i
        table[i] = last
    return tuple(table)
