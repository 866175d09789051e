"""A job's triggers: from what people ask for, to rows, to the calculator of ``app.schedule``."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import app.schedule.triggers as schedule
from app.core.calendars import WEEKDAYS
from app.core.errors import FieldError
from app.core.models import Trigger
from app.core.statuses import TriggerKind
from app.schedule.cron import CronExpression, CronSyntaxError, parse
from app.schedule.misfire import instructions_for

ANY_SEED = "any"
"""For an expression whose ``H`` is only checked."""
SPREAD = re.compile(r"\bH\b", re.IGNORECASE)
MAX_SECONDS = 10 * 366 * 86400
MAX_COUNT = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GAPS = ("next", "skip")
OVERLAPS = ("interval", "first", "second", "both")
UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
MONTH_ENDS = ("clamp", "skip", "spill")

Problem = tuple[str, str, str]  # field, message, code


@dataclass(frozen=True)
class TriggerSpec:
    """What somebody asks for. Which fields count depends on the kind, see the columns of ``models.Trigger``.

    ``start_at`` is the anchor of a simple trigger and of a calendar interval (empty: now), the moment of a once.
    ``calendar`` is the name of an exclusion calendar, ``misfire`` one of Quartz's instructions or ``ask``.
    ``catch_up_cap``: of late moments that are to be made up for one by one, at most so many are, the newest.
    """

    kind: TriggerKind
    timezone: str
    expression: str | None = None
    dialect: str | None = None
    every_seconds: int | None = None
    delay_seconds: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    repeat_count: int | None = None
    every_count: int | None = None
    every_unit: str | None = None
    month_end: str | None = None
    from_time: str | None = None
    to_time: str | None = None
    weekdays: str | None = None
    gap: str = "next"
    overlap: str = "interval"
    misfire: str = "smart"
    misfire_threshold_seconds: int = 60
    catch_up_cap: int | None = None
    calendar: str | None = None

    @classmethod
    def of(cls, row: Trigger) -> "TriggerSpec":
        """What a stored trigger says; its calendar must be loaded."""
        return dataclasses.replace(cls.of_columns(row), calendar=row.calendar.name if row.calendar else None)

    @classmethod
    def of_columns(cls, row: Trigger) -> "TriggerSpec":
        """The same without its calendar; a plain row of the table will do."""
        return cls(**{name: getattr(row, name) for name in COLUMNS})

    def row(self, now: datetime) -> Trigger:
        """A new row without its calendar."""
        fields = {name: getattr(self, name) for name in COLUMNS}
        if self.kind in ANCHORED:
            fields["start_at"] = self.start_at or now
        return Trigger(**fields)

    def says_the_same(self, row: Trigger) -> bool:
        """Whether a stored trigger needs no change; an anchor that is left open stays what it is."""
        there = TriggerSpec.of(row)
        if self.start_at is None and self.kind in ANCHORED:
            there = dataclasses.replace(there, start_at=None)
        return self == there


COLUMNS = tuple(name for name in TriggerSpec.__dataclass_fields__ if name != "calendar")
ANCHORED = (TriggerKind.SIMPLE, TriggerKind.CALENDAR_INTERVAL)


def cron(expression: str, timezone: str) -> TriggerSpec:
    """A cron trigger, read as Quartz and, only where Quartz refuses it, as Spring. Raises ``CronSyntaxError``."""
    return TriggerSpec(TriggerKind.CRON, timezone, expression=expression, dialect=read_cron(expression).dialect)


def read_cron(expression: str) -> CronExpression:
    """Read an expression as Quartz, else as Spring. Raises the ``CronSyntaxError`` of the one that read further."""
    return parsed(expression, dialect_of(expression), ANY_SEED)


def dialect_of(expression: str) -> str:
    """Quartz, else Spring; of an expression that neither takes, the one that reads further, for its words."""
    positions = {}
    for dialect in ("quartz", "spring"):
        try:
            parsed(expression, dialect, ANY_SEED)
        except CronSyntaxError as error:
            positions[dialect] = error.position
        else:
            return dialect
    return max(positions, key=lambda dialect: positions[dialect])


@lru_cache(maxsize=4096)
def parsed(expression: str, dialect: str, seed: str | None = None) -> CronExpression:
    """``seed`` (the job's uid) spreads ``H`` in an expression; it is asked for only where there is one."""
    return parse(expression, dialect, seed=seed)


# What can be wrong


def problems(specs: Sequence[TriggerSpec], now: datetime) -> list[FieldError]:
    """Say all that is wrong with a job's triggers; fields are named ``triggers.<n>.<name>``."""
    return [error for number, spec in enumerate(specs) for error in problems_of(spec, now, number)]


def problems_of(spec: TriggerSpec, now: datetime, number: int) -> list[FieldError]:
    """The same for the one at this place among them."""
    return [FieldError(f"triggers.{number}.{field}", message, code) for field, message, code in _problems(spec, now)]


def _problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    found = [*_zone_problems(spec), *CHECKS[spec.kind](spec, now)]
    found += _choice_problems(spec, "gap", GAPS) + _choice_problems(spec, "overlap", OVERLAPS)
    found += _seconds_problems("misfire_threshold_seconds", spec.misfire_threshold_seconds, 0)
    if spec.catch_up_cap is not None and not 0 <= spec.catch_up_cap <= MAX_COUNT:
        found.append(("catch_up_cap", f"must be from 0 to {MAX_COUNT}", "invalid"))
    if spec.start_at and spec.end_at and spec.end_at < spec.start_at:
        found.append(("end_at", "the end lies before the start", "invalid"))
    return found or _misfire_problems(spec, now)


def _zone_problems(spec: TriggerSpec) -> list[Problem]:
    try:
        ZoneInfo(spec.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [("timezone", f"{spec.timezone!r} is no time zone", "invalid")]
    return []


def _cron_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    if not spec.expression:
        return [("expression", "a cron expression is required", "required")]
    try:
        parsed(spec.expression, spec.dialect or "quartz", ANY_SEED)
    except CronSyntaxError as error:
        return [("expression", str(error), "cron")]
    except ValueError as error:
        return [("dialect", str(error), "invalid")]
    return []


def _simple_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    found = _seconds_problems("every_seconds", spec.every_seconds, 1)
    if spec.repeat_count is not None and not 0 <= spec.repeat_count <= MAX_COUNT:
        found.append(("repeat_count", f"must be from 0 to {MAX_COUNT}", "invalid"))
    return found


def _delay_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    return _seconds_problems("delay_seconds", spec.delay_seconds, 0)


def _once_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    if spec.start_at is None or spec.start_at <= now:
        return [("start_at", "the moment must lie in the future", "invalid")]
    return []


def _calendar_interval_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    found = _choice_problems(spec, "every_unit", UNITS)
    if spec.month_end is not None:
        found += _choice_problems(spec, "month_end", MONTH_ENDS)
    if spec.every_count is None or not 1 <= spec.every_count <= MAX_COUNT:
        found.append(("every_count", f"must be from 1 to {MAX_COUNT}", "invalid"))
    return found


def _daily_interval_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    found = _seconds_problems("every_seconds", spec.every_seconds, 1)
    for name in ("from_time", "to_time"):
        try:
            _time_of_day(getattr(spec, name))
        except ValueError:
            found.append((name, f"{getattr(spec, name)!r} is no time of day (an example: 08:00)", "invalid"))
    unknown = [day for day in _days(spec.weekdays) if day not in WEEKDAYS]
    if unknown:
        found.append(("weekdays", f"{unknown[0]!r} is none of: {', '.join(WEEKDAYS)}", "invalid"))
    return found


CHECKS: dict[TriggerKind, Callable[[TriggerSpec, datetime], list[Problem]]] = {
    TriggerKind.CRON: _cron_problems,
    TriggerKind.SIMPLE: _simple_problems,
    TriggerKind.FIXED_DELAY: _delay_problems,
    TriggerKind.CALENDAR_INTERVAL: _calendar_interval_problems,
    TriggerKind.DAILY_INTERVAL: _daily_interval_problems,
    TriggerKind.ONCE: _once_problems,
}


def _choice_problems(spec: TriggerSpec, field: str, choices: Sequence[str]) -> list[Problem]:
    if getattr(spec, field) in choices:
        return []
    return [(field, f"{getattr(spec, field)!r} is none of: {', '.join(choices)}", "invalid")]


def _seconds_problems(field: str, value: int | None, minimum: int) -> list[Problem]:
    if value is None:
        return [(field, "a number of seconds is required", "required")]
    if not minimum <= value <= MAX_SECONDS:
        return [(field, f"must be from {minimum} to {MAX_SECONDS} seconds, but was {value}", "invalid")]
    return []


def _misfire_problems(spec: TriggerSpec, now: datetime) -> list[Problem]:
    """Asked last: only a trigger that is right otherwise has a calculator to ask."""
    try:
        known = [instruction.value for instruction in instructions_for(strict_calculator(spec.row(now)))]
    except ValueError as error:
        return [("kind", str(error), "invalid")]
    if spec.misfire in known:
        return []
    message = f"{spec.misfire!r} is no instruction for this kind of trigger; there are: {', '.join(known)}"
    return [("misfire", message, "invalid")]


# The calculator


def calculator(row: Trigger, seed: str | None = None) -> schedule.Trigger:
    """Give the pure trigger that knows when this one fires; ``seed`` is the job's uid. For a spec use its ``row``.

    A row that somebody wrote by hand may be wrong: it gives a trigger that never fires and says why.
    """
    try:
        return strict_calculator(row, seed)
    except (ValueError, LookupError, TypeError, AssertionError, OverflowError, OSError) as error:
        wrong = problems_of(TriggerSpec.of_columns(row), row.start_at or EPOCH, 0)
        return schedule.Unreadable(wrong[0].message if wrong else str(error))


def strict_calculator(row: Trigger, seed: str | None = None) -> schedule.Trigger:
    """The same, but raises ``ValueError`` and its like for what is wrong."""
    return CALCULATORS[row.kind](row, ZoneInfo(row.timezone), seed)


def _cron(row: Trigger, zone: ZoneInfo, seed: str | None) -> schedule.Trigger:
    text = row.expression or ""
    needed = (seed or "") if SPREAD.search(text) else None
    return _cron_trigger(text, row.dialect or "quartz", needed, zone, row.start_at, row.end_at, row.gap, row.overlap)


@lru_cache(maxsize=4096)
def _cron_trigger(
    text: str, dialect: str, seed: str | None, zone: ZoneInfo, start: datetime | None, end: datetime | None, gap: str,
    overlap: str,
) -> schedule.Trigger:  # fmt: skip
    """Many jobs share a time table: it is made once, and one answer serves all that are due together."""
    return schedule.Cron(parsed(text, dialect, seed), zone, start=start, end=end, gap=gap, overlap=overlap)


def _simple(row: Trigger, zone: ZoneInfo, seed: str | None) -> schedule.Trigger:
    assert row.start_at is not None  # noqa: S101 - rows of this kind always have their anchor
    start, count = (row.anew_at, row.anew_count) if row.anew_at else (row.start_at, row.repeat_count)
    return schedule.Simple(timedelta(seconds=row.every_seconds or 1), start, count, row.end_at)


def _fixed_delay(row: Trigger, zone: ZoneInfo, seed: str | None) -> schedule.Trigger:
    return schedule.FixedDelay(timedelta(seconds=row.delay_seconds or 0), row.start_at, row.end_at)


def _calendar_interval(row: Trigger, zone: ZoneInfo, seed: str | None) -> schedule.Trigger:
    assert row.start_at is not None  # noqa: S101 - rows of this kind always have their anchor
    return schedule.CalendarInterval(
        row.every_count or 1, row.every_unit or "day", row.start_at, zone, row.month_end or "clamp",
        end=row.end_at, gap=row.gap, overlap=row.overlap,
    )  # fmt: skip


def _daily_interval(row: Trigger, zone: ZoneInfo, seed: str | None) -> schedule.Trigger:
    days = frozenset(WEEKDAYS.index(day) for day in _days(row.weekdays)) or frozenset(range(7))
    every, bounds = timedelta(seconds=row.every_seconds or 1), (_time_of_day(row.from_time), _time_of_day(row.to_time))
    return schedule.DailyTimeInterval(
        every, *bounds, zone, days, start=row.start_at, end=row.end_at, gap=row.gap, overlap=row.overlap
    )


def _once(row: Trigger, zone: ZoneInfo, seed: str | None) -> schedule.Trigger:
    assert row.start_at is not None  # noqa: S101 - checked when it was made
    return schedule.Once(row.start_at)


CALCULATORS: dict[TriggerKind, Callable[[Trigger, ZoneInfo, str | None], schedule.Trigger]] = {
    TriggerKind.CRON: _cron,
    TriggerKind.SIMPLE: _simple,
    TriggerKind.FIXED_DELAY: _fixed_delay,
    TriggerKind.CALENDAR_INTERVAL: _calendar_interval,
    TriggerKind.DAILY_INTERVAL: _daily_interval,
    TriggerKind.ONCE: _once,
}


def _time_of_day(text: str | None) -> time:
    return time.fromisoformat(text or "")


def _days(text: str | None) -> list[str]:
    return [day.strip().upper() for day in (text or "").split(",") if day.strip()]


def first_fire(row: Trigger, now: datetime, seed: str | None = None) -> datetime | None:
    """Say when a trigger that is switched on at ``now`` fires first.

    A moment that is already past today waits for its next turn; a fixed delay with nothing to wait for begins at once.
    """
    pure = calculator(row, seed)
    if isinstance(pure, schedule.FixedDelay):
        return max(now, pure.start) if pure.start else now
    just_before = now - timedelta(microseconds=1)  # one that is anchored now has its first fire now
    return pure.next_after(just_before if row.kind in ANCHORED else now)
