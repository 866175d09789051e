"""A job's triggers: from what people ask for, to rows, to the calculator of ``app.schedule``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import app.schedule.triggers as schedule
from app.core.errors import FieldError
from app.core.models import Trigger
from app.core.statuses import TriggerKind
from app.schedule.cron import CronExpression, CronSyntaxError, parse

MAX_SECONDS = 10 * 366 * 86400


@dataclass(frozen=True)
class TriggerSpec:
    """What somebody asks for. ``start_at`` is the anchor of a simple trigger, the moment of a once."""

    kind: TriggerKind
    timezone: str
    expression: str | None = None
    dialect: str | None = None
    every_seconds: int | None = None
    delay_seconds: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None

    @classmethod
    def of(cls, row: Trigger) -> "TriggerSpec":
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    def row(self, now: datetime) -> Trigger:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        if self.kind is TriggerKind.SIMPLE:
            fields["start_at"] = self.start_at or now
        return Trigger(**fields)


def cron(expression: str, timezone: str) -> TriggerSpec:
    """A cron trigger, read as Quartz and, only where Quartz refuses it, as Spring. Raises ``CronSyntaxError``."""
    return TriggerSpec(TriggerKind.CRON, timezone, expression=expression, dialect=read_cron(expression).dialect)


def read_cron(expression: str) -> CronExpression:
    """Read an expression as Quartz, else as Spring. Raises the ``CronSyntaxError`` of the one that read further."""
    try:
        return parsed(expression, "quartz")
    except CronSyntaxError as quartz:
        try:
            return parsed(expression, "spring")
        except CronSyntaxError as spring:
            raise (spring if spring.position > quartz.position else quartz) from None


@lru_cache(maxsize=10_000)
def parsed(expression: str, dialect: str) -> CronExpression:
    return parse(expression, dialect)


def problems(specs: Sequence[TriggerSpec], now: datetime) -> list[FieldError]:
    """Say all that is wrong with a job's triggers; fields are named ``triggers.<n>.<name>``."""
    return [
        FieldError(f"triggers.{number}.{field}", message, code)
        for number, spec in enumerate(specs)
        for field, message, code in _problems(spec, now)
    ]


def _problems(spec: TriggerSpec, now: datetime) -> list[tuple[str, str, str]]:
    found = []
    try:
        ZoneInfo(spec.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.append(("timezone", f"{spec.timezone!r} is no time zone", "invalid"))
    match spec.kind:
        case TriggerKind.CRON:
            found += _cron_problems(spec)
        case TriggerKind.SIMPLE:
            found += _seconds_problems("every_seconds", spec.every_seconds, 1)
        case TriggerKind.FIXED_DELAY:
            found += _seconds_problems("delay_seconds", spec.delay_seconds, 0)
        case TriggerKind.ONCE:
            if spec.start_at is None or spec.start_at <= now:
                found.append(("start_at", "the moment must lie in the future", "invalid"))
    return found


def _cron_problems(spec: TriggerSpec) -> list[tuple[str, str, str]]:
    if not spec.expression:
        return [("expression", "a cron expression is required", "required")]
    try:
        parsed(spec.expression, spec.dialect or "quartz")
    except CronSyntaxError as error:
        return [("expression", str(error), "cron")]
    return []


def _seconds_problems(field: str, value: int | None, minimum: int) -> list[tuple[str, str, str]]:
    if value is None:
        return [(field, "a number of seconds is required", "required")]
    if not minimum <= value <= MAX_SECONDS:
        return [(field, f"must be from {minimum} to {MAX_SECONDS} seconds, but was {value}", "invalid")]
    return []


def calculator(spec: TriggerSpec | Trigger) -> schedule.Trigger:
    """Give the pure trigger that knows when this one fires."""
    zone = ZoneInfo(spec.timezone)
    match spec.kind:
        case TriggerKind.CRON:
            expression = parsed(spec.expression or "", spec.dialect or "quartz")
            return schedule.Cron(expression, zone, start=spec.start_at, end=spec.end_at)
        case TriggerKind.SIMPLE:
            assert spec.start_at is not None  # noqa: S101 - rows of this kind always have their anchor
            return schedule.Simple(timedelta(seconds=spec.every_seconds or 1), spec.start_at, end=spec.end_at)
        case TriggerKind.FIXED_DELAY:
            return schedule.FixedDelay(timedelta(seconds=spec.delay_seconds or 0))
        case TriggerKind.ONCE:
            assert spec.start_at is not None  # noqa: S101 - checked when it was made
            return schedule.Once(spec.start_at)


def first_fire(row: Trigger, now: datetime) -> datetime | None:
    """Say when a trigger that is switched on at ``now`` fires first.

    A moment that is already past today waits for its next turn; a fixed delay with nothing to wait for begins at once.
    """
    if row.kind is TriggerKind.FIXED_DELAY:
        return now
    just_before = now - timedelta(microseconds=1)  # a simple trigger made now has its first fire now
    return calculator(row).next_after(just_before if row.kind is TriggerKind.SIMPLE else now)
