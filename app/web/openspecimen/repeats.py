"""From OpenSpecimen's repeat schedules to our triggers. Its clock is the server's."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.statuses import TriggerKind
from app.core.triggers import MAX_SECONDS, TriggerSpec, cron
from app.web.openspecimen.schedules import DAILY, HOURLY, MINUTELY, MONTHLY, ON_DEMAND, SURE_DAYS, WEEKDAYS, WEEKLY
from app.web.openspecimen.schemas import Asked

MINUTE, HOUR, DAY = ("minute", 0, 59), ("hour", 0, 23), ("day_of_month", 1, 31)
RANGES: dict[str, tuple[tuple[str, int, int], ...]] = {
    MINUTELY: (("minutely_interval", 0, MAX_SECONDS // 60),),
    HOURLY: (("hourly_interval", 1, MAX_SECONDS // 3600), MINUTE),
    DAILY: (HOUR, MINUTE),
    WEEKLY: (HOUR, MINUTE),
    MONTHLY: (HOUR, MINUTE, DAY),
    ON_DEMAND: (),
}
"""What each needs: a member, the least and the most."""


def is_complete(asked: Asked) -> bool:
    """Whether everything that the repeat schedule needs is there and in its range."""
    repeat = asked.repeat_schedule or ""
    if repeat == WEEKLY and asked.day_of_week not in WEEKDAYS:
        return False
    return all(_is_within(getattr(asked, name), low, high) for name, low, high in RANGES[repeat])


def _is_within(value: int | None, low: int, high: int) -> bool:
    return value is not None and low <= value <= high


def same(one: Asked, other: Asked, now: datetime) -> bool:
    """Whether both say the same repeat schedule. A beginning that is over makes no difference."""
    return _said(one, now) == _said(other, now)


def _said(asked: Asked, now: datetime) -> tuple[object, ...]:
    repeat = asked.repeat_schedule or ""
    if repeat == ON_DEMAND:
        return (repeat,)
    start = asked.start_at if asked.start_at and asked.start_at > now else None
    day = asked.day_of_week if repeat == WEEKLY else None
    return (repeat, day, start, asked.end_at, *(getattr(asked, name) for name, _, _ in RANGES[repeat]))


def trigger_for(asked: Asked, now: datetime, zone: ZoneInfo) -> TriggerSpec | None:
    """The trigger that does what a complete repeat schedule says; ``None`` on demand."""
    make = MAKERS.get(asked.repeat_schedule or "")
    return make(asked, now, zone) if make else None


def _minutely(asked: Asked, now: datetime, zone: ZoneInfo) -> TriggerSpec:
    """Counted from the end of a run, the first time from now."""
    pause = timedelta(minutes=asked.minutely_interval or 0)
    start = max(asked.start_at or now, now + pause)
    return TriggerSpec(
        TriggerKind.FIXED_DELAY, zone.key, delay_seconds=int(pause.total_seconds()), start_at=start, end_at=asked.end_at
    )


def _hourly(asked: Asked, now: datetime, zone: ZoneInfo) -> TriggerSpec:
    """At the minute of the hour; an interval is counted from the first run."""
    every = timedelta(hours=asked.hourly_interval or 1)
    if every == timedelta(hours=1):
        return _cron(asked, zone, f"0 {asked.minute} * * * ?")
    seconds = int(every.total_seconds())
    first = _first_at_minute(asked, now, every, zone)
    return TriggerSpec(TriggerKind.SIMPLE, zone.key, every_seconds=seconds, start_at=first, end_at=asked.end_at)


def _first_at_minute(asked: Asked, now: datetime, every: timedelta, zone: ZoneInfo) -> datetime:
    """In this hour while the minute is to come, else one interval later; from a later beginning in the hour after."""
    begin = max(asked.start_at or now, now)
    first = begin.astimezone(zone).replace(minute=asked.minute or 0, second=0, microsecond=0).astimezone(UTC)
    if begin > now:
        return first if first >= begin else first + timedelta(hours=1)
    return first if first > now else first + every


def _daily(asked: Asked, now: datetime, zone: ZoneInfo) -> TriggerSpec:
    return _cron(asked, zone, f"0 {asked.minute} {asked.hour} * * ?")


def _weekly(asked: Asked, now: datetime, zone: ZoneInfo) -> TriggerSpec:
    return _cron(asked, zone, f"0 {asked.minute} {asked.hour} ? * {(asked.day_of_week or '')[:3]}")


def _monthly(asked: Asked, now: datetime, zone: ZoneInfo) -> TriggerSpec:
    """A day that a month lacks rolls on into the next, as theirs does."""
    if (asked.day_of_month or 1) <= SURE_DAYS:
        return _cron(asked, zone, f"0 {asked.minute} {asked.hour} {asked.day_of_month} * ?")
    return TriggerSpec(
        TriggerKind.CALENDAR_INTERVAL, zone.key, every_count=1, every_unit="month", month_end="spill",
        start_at=_anchor(asked, now, zone), end_at=asked.end_at,
    )  # fmt: skip


def _anchor(asked: Asked, now: datetime, zone: ZoneInfo) -> datetime:
    """The newest moment of this day and time that is not after the beginning, or the first after a later one."""
    is_later = asked.start_at is not None and asked.start_at > now
    begin = (asked.start_at if asked.start_at and is_later else now).astimezone(zone)
    step = 1 if is_later else -1
    month = begin.year * 12 + begin.month - 1
    while True:
        found = _moment_in(month, asked, zone)
        if found and (found >= begin if is_later else found <= begin):
            return found.astimezone(UTC)
        month += step


def _moment_in(month: int, asked: Asked, zone: ZoneInfo) -> datetime | None:
    """``month`` counts from the year 0; ``None`` where it lacks the day."""
    try:
        day = date(month // 12, month % 12 + 1, asked.day_of_month or 1)
    except ValueError:
        return None
    return datetime.combine(day, time(asked.hour or 0, asked.minute or 0), zone)


def _cron(asked: Asked, zone: ZoneInfo, expression: str) -> TriggerSpec:
    made = cron(expression, zone.key)
    return TriggerSpec(made.kind, zone.key, made.expression, made.dialect, start_at=asked.start_at, end_at=asked.end_at)


MAKERS: dict[str, Callable[[Asked, datetime, ZoneInfo], TriggerSpec]] = {
    MINUTELY: _minutely,
    HOURLY: _hourly,
    DAILY: _daily,
    WEEKLY: _weekly,
    MONTHLY: _monthly,
}
