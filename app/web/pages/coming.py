"""When jobs start next, less what their calendars take out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from app.core.jobs import next_fire
from app.core.models import Job, Trigger
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, calculator
from app.schedule.calendars import Calendar
from app.schedule.misfire import knows_misfire
from app.schedule.simulate import upcoming
from app.schedule.triggers import TICK, Unreadable
from app.web.auth import services

NEXT_FIRES = 5
FAR_AHEAD = timedelta(days=5 * 366)  # a list looks no further for a moment that a calendar leaves
TOLD_BY_THE_ROW = (TriggerKind.FIXED_DELAY, TriggerKind.ONCE)
"""Kinds with one moment to come at the most, or whose moments depend on runs."""


@dataclass(frozen=True)
class Start:
    """One of the next starts; with ``excluded_by`` (a calendar's name) it is left out."""

    at: datetime
    timezone: str
    note: str | None = None
    excluded_by: str | None = None


def coming(job: Job, limit: int = NEXT_FIRES) -> Sequence[Start]:
    """The next starts of all triggers, soonest first, and between them those that are left out."""
    if not job.enabled or job.triggers_suspended:
        return []
    told = [row for row in job.triggers if row.kind in TOLD_BY_THE_ROW]
    specs = [_spec(row) for row in job.triggers if row.kind not in TOLD_BY_THE_ROW and _is_readable(row, job.uid)]
    seen = services().previews.preview(specs, count=limit, seed=job.uid)
    starts = [Start(fire.at, specs[fire.trigger].timezone, fire.note, fire.excluded_by) for fire in seen.fires]
    starts += [Start(row.next_fire_at, row.timezone) for row in told if row.next_fire_at]
    return _first(sorted(starts, key=lambda start: start.at), limit)


def _is_readable(row: Trigger, seed: str) -> bool:
    """Whether a stored trigger means anything; a companion may have written it."""
    pure = calculator(row, seed)
    return not isinstance(pure, Unreadable) and knows_misfire(pure, row.misfire)


def _spec(row: Trigger) -> TriggerSpec:
    """A fixed rate may have begun anew after a misfire: then it counts from there."""
    spec = TriggerSpec.of(row)
    return replace(spec, start_at=row.anew_at, repeat_count=row.anew_count) if row.anew_at else spec


def _first(starts: Sequence[Start], limit: int) -> Sequence[Start]:
    """Up to the last of ``limit`` real starts; those that are left out come on top."""
    real = [number for number, start in enumerate(starts) if not start.excluded_by]
    return starts[: real[limit - 1] + 1] if len(real) >= limit else starts


def next_start(job: Job, closed: Callable[[str], Calendar]) -> datetime | None:
    """The next start as a list shows it: what the engine has written down, unless a calendar is in the way.

    ``closed`` gives a calendar by its name; ask ``calendars_of_this_page`` for one that remembers.
    """
    if not any(row.calendar_id for row in job.triggers):
        soonest = next_fire(job)
        return soonest.next_fire_at if soonest else None
    return min((moment for row in job.triggers if (moment := _next_of(row, job.uid, closed))), default=None)


def _next_of(row: Trigger, seed: str, closed: Callable[[str], Calendar]) -> datetime | None:
    if row.next_fire_at is None or row.calendar is None:
        return row.next_fire_at
    calendar = closed(row.calendar.name)
    if not calendar.excludes(row.next_fire_at):
        return row.next_fire_at
    after, end = row.next_fire_at - TICK, row.next_fire_at + FAR_AHEAD
    return next(iter(upcoming(calculator(row, seed), after, 1, calendar, end=end)), None)


def calendars_of_this_page() -> Callable[[str], Calendar]:
    return cache(services().calendars.pure)
