"""A job's trigger in OpenSpecimen's words, where it has words for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core.models import Trigger
from app.core.statuses import TriggerKind
from app.core.triggers import calculator, parsed
from app.schedule.cron import CronExpression
from app.schedule.cron_fields import Field, Span
from app.schedule.describe import describe
from app.schedule.dialects import DIALECTS
from app.schedule.triggers import Unreadable
from app.web.openspecimen.reading import milliseconds

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, ON_DEMAND = "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "ONDEMAND"
NOTHING: dict[str, Any] = {
    "scheduledHour": None,
    "scheduledMinute": None,
    "scheduledDayOfWeek": None,
    "scheduledDayOfMonth": None,
    "hourlyInterval": None,
    "minutelyInterval": None,
}
HOUR = 3600  # seconds
SURE_DAYS = 28
"""A day that every month has."""


def schedule_of(rows: Sequence[Trigger], seed: str, created_at: datetime) -> dict[str, Any]:
    """The members of a job's detail that say when it runs; ``schedule`` says what the others cannot.

    ``seed`` is the job's uid. Without a first moment, it begins when it was created.
    """
    only = rows[0] if len(rows) == 1 else None
    repeated = _repeated(only, seed) if only else None
    words = "; ".join(describe(calculator(row, seed)) for row in rows)
    return {
        **NOTHING,
        **({"hourlyInterval": 1, "minutelyInterval": 1, **repeated} if repeated else {"repeatSchedule": ON_DEMAND}),
        "startDate": milliseconds(next((row.start_at for row in rows if row.start_at), created_at)),
        "endDate": milliseconds(next((row.end_at for row in rows if row.end_at), None)),
        "schedule": words or None,
    }


def _repeated(row: Trigger, seed: str) -> dict[str, Any] | None:
    if isinstance(calculator(row, seed), Unreadable):
        return None
    match row.kind:
        case TriggerKind.CRON:
            return _from_cron(parsed(row.expression or "", row.dialect or "quartz", seed))
        case TriggerKind.SIMPLE:
            return _from_seconds(row, row.every_seconds or 0)
        case TriggerKind.FIXED_DELAY:
            return _minutely(row.delay_seconds or 0)  # theirs, too, counts from the end of a run
        case TriggerKind.CALENDAR_INTERVAL:
            return _from_calendar(row)
    return None


def _from_calendar(row: Trigger) -> dict[str, Any] | None:
    """One day, week or month after the other, from a moment on the clock of its zone."""
    start = row.start_at.astimezone(ZoneInfo(row.timezone)) if row.start_at else None
    if start is None or row.every_count != 1 or start.second or start.microsecond:
        return None
    time_of_day = {"scheduledHour": start.hour, "scheduledMinute": start.minute}
    if row.every_unit == "day":
        return {"repeatSchedule": DAILY, **time_of_day}
    if row.every_unit == "week":
        return {"repeatSchedule": WEEKLY, "scheduledDayOfWeek": WEEKDAYS[start.weekday()], **time_of_day}
    if row.every_unit == "month" and (start.day <= SURE_DAYS or row.month_end == "spill"):
        return {"repeatSchedule": MONTHLY, "scheduledDayOfMonth": start.day, **time_of_day}
    return None


def _from_seconds(row: Trigger, seconds: int) -> dict[str, Any] | None:
    if seconds and seconds % HOUR == 0 and row.start_at:
        minute = row.start_at.astimezone(ZoneInfo(row.timezone)).minute
        return {"repeatSchedule": HOURLY, "hourlyInterval": seconds // HOUR, "scheduledMinute": minute}
    return _minutely(seconds) if seconds else None


def _minutely(seconds: int) -> dict[str, Any] | None:
    minutes, rest = divmod(seconds, 60)
    return None if rest else {"repeatSchedule": MINUTELY, "minutelyInterval": minutes}


def _from_cron(expression: CronExpression) -> dict[str, Any] | None:
    fields = expression.fields
    if _single(fields.second) != 0 or not (_is_any(fields.month) and _is_any(fields.year)):
        return None
    minute, hour = _single(fields.minute), _single(fields.hour)
    is_any_day = _is_any(fields.day_of_month) and _is_any(fields.day_of_week)
    if minute is None:
        interval = _interval(fields.minute, 60)
        return _minutely(interval * 60) if interval and is_any_day and _is_any(fields.hour) else None
    if hour is None:
        interval = _interval(fields.hour, 24)
        hourly = {"repeatSchedule": HOURLY, "hourlyInterval": interval, "scheduledMinute": minute}
        return hourly if interval and is_any_day else None
    daily = _daily(expression, is_any_day)
    return {**daily, "scheduledHour": hour, "scheduledMinute": minute} if daily else None


def _daily(expression: CronExpression, is_any_day: bool) -> dict[str, Any] | None:
    fields = expression.fields
    day, weekday = _single(fields.day_of_month), _single(fields.day_of_week)
    if is_any_day:
        return {"repeatSchedule": DAILY}
    if weekday is not None and _is_any(fields.day_of_month):
        name = WEEKDAYS[DIALECTS[expression.dialect].weekday(weekday)]
        return {"repeatSchedule": WEEKLY, "scheduledDayOfWeek": name}
    if day is not None and _is_any(fields.day_of_week):
        return {"repeatSchedule": MONTHLY, "scheduledDayOfMonth": day}
    return None


def _is_any(field: Field) -> bool:
    """``?``, or ``*`` alone."""
    match field.elements:
        case () | (Span(form="star", step=1),):
            return True
    return False


def _single(field: Field) -> int | None:
    return next(iter(field.values)) if len(field.values) == 1 and not field.specials else None


def _interval(field: Field, size: int) -> int | None:
    """n, where the field says every n from 0 on and n goes into its size."""
    step = size // (len(field.values) or size)
    return step if field.values == frozenset(range(0, size, step)) and size % step == 0 else None
