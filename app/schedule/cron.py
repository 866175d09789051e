"""Cron expressions: three dialects, one search, and a choice for clock changes.

``parse(text, dialect)`` reads Quartz (6 or 7 fields, 1 = SUN, one ``?``), Spring (6 fields, 0 and 7 = SUN, day and
weekday must both match) or Unix (5 fields, day or weekday). All dialects also take ``H``, ``H/5``, ``H(0-29)`` and
``H(0-29)/10``: a time hashed from ``seed``, the uid of the job, so that jobs written alike do not start together.

Two policies say what a change of the zone's offset does. "Fixed" are the expressions whose second, minute and hour are
single values or lists of them.

* ``gap``, for a wall time that does not exist: ``"skip"`` it, or let fixed times fire at the ``"next"`` instant.
* ``overlap``, for a wall time that comes twice: fire in the ``"first"`` pass, the ``"second"``, or ``"both"``;
  ``"interval"`` takes the first for fixed times and both for all others, which so follow elapsed time.

With the defaults every fixed time fires exactly once on every day. ``gap="skip", overlap="second"`` is Quartz,
``gap="skip", overlap="both"`` is Spring.
"""

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache

from app.schedule.clock_changes import ZonedSchedule, in_zone
from app.schedule.cron_fields import Fields
from app.schedule.cron_reader import CronSyntaxError
from app.schedule.cron_text import read_fields
from app.schedule.dialects import DIALECTS, Dialect
from app.schedule.month_days import DayChoice, DayRule, DaysOfMonth, Weekdays
from app.schedule.wall_times import WallTimes

__all__ = ["CronExpression", "CronSyntaxError", "parse"]

EVERY_DAY = DaysOfMonth.of(range(1, 32))


class CronExpression:
    """What ``parse`` answers: immutable, equal to every expression that fires at the same times.

    Two expressions with the same wall times still differ when one is fixed and the other is not (``0,30`` and
    ``*/30``), because clock changes treat them differently.
    """

    __slots__ = ("_times", "_zoned", "dialect", "fields", "is_fixed", "seed", "text")

    def __init__(self, text: str, dialect: Dialect, seed: str | None, fields: Fields) -> None:
        self.text = text
        self.dialect = dialect.name
        self.seed = seed
        self.fields = fields
        self.is_fixed = fields.second.is_fixed and fields.minute.is_fixed and fields.hour.is_fixed
        self._times = _wall_times(fields, dialect)
        self._zoned: dict[tuple[tzinfo, str, str], ZonedSchedule] = {}

    @property
    def never_fires(self) -> bool:
        """Whether no date satisfies it, as 30 February."""
        return self._times.is_empty

    def next_after(
        self, instant: datetime, zone: tzinfo, *, gap: str = "next", overlap: str = "interval"
    ) -> datetime | None:
        """Answer the first fire strictly after an aware time, in UTC; ``None`` when there is none until 2199."""
        return self.in_zone(zone, gap, overlap).next_after(instant)

    def previous_before(
        self, instant: datetime, zone: tzinfo, *, gap: str = "next", overlap: str = "interval"
    ) -> datetime | None:
        """Answer the last fire strictly before an aware time, in UTC; ``None`` when there is none since 1970."""
        return self.in_zone(zone, gap, overlap).previous_before(instant)

    def in_zone(self, zone: tzinfo, gap: str = "next", overlap: str = "interval") -> ZonedSchedule:
        """Bind the expression to a zone and its policies; the same binding is answered every time."""
        known = self._zoned.get((zone, gap, overlap))
        return self._bind(zone, gap, overlap) if known is None else known

    def _bind(self, zone: tzinfo, gap: str, overlap: str) -> ZonedSchedule:
        zoned = in_zone(self._times, zone, gap, overlap, is_fixed=self.is_fixed)
        return self._zoned.setdefault((zone, gap, overlap), zoned)

    def matching_until(self, wall: datetime) -> datetime | None:
        """Answer until when the wall times from ``wall`` on match without a break, or ``None`` when it does not match.

        The answer may be too early, at a border of minute, hour or day; it is ``LATEST`` when nothing ends the match.
        """
        return self._times.matching_until(wall)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CronExpression):
            return NotImplemented
        return self.is_fixed == other.is_fixed and self._times.key == other._times.key

    def __hash__(self) -> int:
        return hash((self.is_fixed, self._times.key))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"parse({self.text!r}, {self.dialect!r}" + (")" if self.seed is None else f", seed={self.seed!r})")

    def __reduce__(self) -> tuple[Callable[..., "CronExpression"], tuple[str, str, str | None]]:
        return parse, (self.text, self.dialect, self.seed)


def parse(text: str, dialect: str = "quartz", seed: str | None = None) -> CronExpression:
    """Read an expression of the dialect ``quartz``, ``spring`` or ``unix``.

    :raises CronSyntaxError: with what is wrong, in which field and where.
    :raises ValueError: for an unknown dialect.
    """
    return _parse(text, dialect, seed)


@lru_cache(maxsize=512)
def _parse(text: str, dialect: str, seed: str | None) -> CronExpression:
    if dialect not in DIALECTS:
        raise ValueError(f"no cron dialect {dialect!r}: {', '.join(DIALECTS)}")
    rules = DIALECTS[dialect]
    return CronExpression(text, rules, seed, read_fields(text, rules, seed))


def _wall_times(fields: Fields, dialect: Dialect) -> WallTimes:
    return WallTimes(
        seconds=fields.second.values,
        minutes=fields.minute.values,
        hours=fields.hour.values,
        days=_day_choice(fields, dialect),
        months=fields.month.values,
        years=fields.year.values,
    )


def _day_choice(fields: Fields, dialect: Dialect) -> DayChoice:
    """Combine the day fields; ``?`` leaves all days to the other field."""
    of_month, of_week = fields.day_of_month, fields.day_of_week
    month_rules: list[DayRule] = [DaysOfMonth.of(of_month.values), *of_month.specials]
    week_rules: list[DayRule] = [Weekdays(frozenset(map(dialect.weekday, of_week.values))), *of_week.specials]
    return DayChoice(
        tuple(month_rules) if of_month.elements else (EVERY_DAY,),
        tuple(week_rules) if of_week.elements else (EVERY_DAY,),
        either=dialect.days_combine == "or" and not (of_month.begins_with_star or of_week.begins_with_star),
    )
