"""The next clock changes, and what they will do to the jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import app.schedule.triggers as schedule
from app.core.models import Job, Trigger
from app.core.triggers import calculator
from app.schedule.changes import Change, Effect, effect_of, next_change
from app.schedule.describe import describe, describe_effect
from app.schedule.triggers import TICK


@dataclass(frozen=True)
class TouchedTrigger:
    """A trigger for which a clock change is no day like others."""

    job: Job
    trigger: Trigger
    words: str  # when it fires
    effect: Effect
    effect_words: str  # what becomes of it
    fires: tuple[datetime, ...]  # UTC, in the hours that are left out or come twice; at most 100


@dataclass(frozen=True)
class ZoneChange:
    """The next change of one zone; ``change`` is ``None`` where the clocks stay for the next two years."""

    zone: ZoneInfo
    change: Change | None
    touched: tuple[TouchedTrigger, ...]
    triggers: int  # of enabled jobs in this zone, touched or not


def clock_changes(jobs: Sequence[Job], now: datetime, locale: str = "en") -> list[ZoneChange]:
    """Answer for every zone in which these jobs have triggers: the nearest change first, zones without one last."""
    found = [_zone_change(ZoneInfo(name), rows, now, locale) for name, rows in _by_zone(jobs).items()]
    return sorted(found, key=lambda zone: (zone.change is None, zone.change.at if zone.change else now, zone.zone.key))


def _by_zone(jobs: Sequence[Job]) -> Mapping[str, list[tuple[Job, Trigger]]]:
    zones: dict[str, list[tuple[Job, Trigger]]] = {}
    for job in jobs:
        for row in job.triggers:
            if not isinstance(calculator(row, job.uid), schedule.Unreadable):
                zones.setdefault(row.timezone, []).append((job, row))
    return zones


def _zone_change(zone: ZoneInfo, rows: Sequence[tuple[Job, Trigger]], now: datetime, locale: str) -> ZoneChange:
    change = next_change(zone, now)
    if change is None:
        return ZoneChange(zone, None, (), len(rows))
    touched = [_touched(change, zone, job, row, locale) for job, row in rows]
    return ZoneChange(zone, change, tuple(item for item in touched if item is not None), len(rows))


def _touched(change: Change, zone: ZoneInfo, job: Job, row: Trigger, locale: str) -> TouchedTrigger | None:
    pure = calculator(row, job.uid)
    touched = effect_of(change, pure)
    if touched.effect is Effect.NONE or (touched.effect is Effect.SKIPPED and not is_missed(pure, change)):
        return None
    effect_words = describe_effect(touched, zone, locale)
    return TouchedTrigger(job, row, describe(pure, locale), touched.effect, effect_words, touched.fires)


def is_missed(pure: schedule.Trigger, change: Change) -> bool:
    """Whether more than the hour itself goes by without a fire: one that follows elapsed time loses nothing."""
    last, following = pure.previous_before(change.at), pure.next_after(change.at - TICK)
    return last is None or following is None or following - last > change.after - change.before
