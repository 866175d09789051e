"""A job's trigger in OpenSpecimen's words, where it has words for it."""

from typing import Any

from app.core.models import Job, Trigger
from app.core.statuses import TriggerKind
from app.core.triggers import calculator, parsed
from app.schedule.cron import CronExpression
from app.schedule.cron_fields import Field, Span
from app.schedule.describe import describe
from app.schedule.dialects import DIALECTS
from app.web.auth import services

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
ON_DEMAND = "ONDEMAND"
NOTHING: dict[str, Any] = {
    "scheduledHour": None,
    "scheduledMinute": None,
    "scheduledDayOfWeek": None,
    "scheduledDayOfMonth": None,
    "hourlyInterval": None,
    "minutelyInterval": None,
}
HOUR = 3600  # seconds


def schedule_of(job: Job) -> dict[str, Any]:
    """The members of a job's detail that say when it runs; ``schedule`` says what the others cannot."""
    only = job.triggers[0] if len(job.triggers) == 1 else None
    repeated = _repeated(only, job.uid) if only else None
    words = "; ".join(describe(calculator(row, job.uid)) for row in job.triggers)
    if repeated is None:
        return {**NOTHING, "repeatSchedule": ON_DEMAND, "schedule": words or None}
    return {**NOTHING, "hourlyInterval": 1, "minutelyInterval": 1, **repeated, "schedule": words}


def _repeated(row: Trigger, seed: str) -> dict[str, Any] | None:
    match row.kind:
        case TriggerKind.CRON:
            return _from_cron(parsed(row.expression or "", row.dialect or "quartz", seed))
        case TriggerKind.SIMPLE:
            return _from_seconds(row, row.every_seconds or 0)
        case TriggerKind.FIXED_DELAY:
            return _minutely(row.delay_seconds or 0)  # theirs, too, counts from the end of a run
    return None


def _from_seconds(row: Trigger, seconds: int) -> dict[str, Any] | None:
    if seconds and seconds % HOUR == 0 and row.start_at:
        minute = row.start_at.astimezone(services().settings.zone).minute
        return {"repeatSchedule": "HOURLY", "hourlyInterval": seconds // HOUR, "scheduledMinute": minute}
    return _minutely(seconds)


def _minutely(seconds: int) -> dict[str, Any] | None:
    minutes, rest = divmod(seconds, 60)
    return {"repeatSchedule": "MINUTELY", "minutelyInterval": minutes} if minutes and not rest else None


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
        hourly = {"repeatSchedule": "HOURLY", "hourlyInterval": interval, "scheduledMinute": minute}
        return hourly if interval and is_any_day else None
    daily = _daily(expression, is_any_day)
    return {**daily, "scheduledHour": hour, "scheduledMinute": minute} if daily else None


def _daily(expression: CronExpression, is_any_day: bool) -> dict[str, Any] | None:
    fields = expression.fields
    day, weekday = _single(fields.day_of_month), _single(fields.day_of_week)
    if is_any_day:
        return {"repeatSchedule": "DAILY"}
    if weekday is not None and _is_any(fields.day_of_month):
        name = WEEKDAYS[DIALECTS[expression.dialect].weekday(weekday)]
        return {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": name}
    if day is not None and _is_any(fields.day_of_week):
        return {"repeatSchedule": "MONTHLY", "scheduledDayOfMonth": day}
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
