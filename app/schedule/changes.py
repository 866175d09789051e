"""The next clock change of a zone, and what it does to a trigger."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import takewhile

from app.schedule.triggers import TICK, Simple, Trigger, WallTrigger
from app.schedule.zones import DAY, LATEST, as_utc, timeline_of

LOOK_AHEAD = 800 * DAY
MOST_FIRES = 100


@dataclass(frozen=True, slots=True)
class Change:
    """A zone gets another offset at the instant ``at`` (UTC)."""

    zone: tzinfo
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        """Whether wall times are left out; else they come twice."""
        return self.after > self.before

    @property
    def affected(self) -> tuple[datetime, datetime]:
        """The wall times (naive; from, until just before) that are left out or come twice."""
        clocks = sorted(((self.at + self.before).replace(tzinfo=None), (self.at + self.after).replace(tzinfo=None)))
        return clocks[0], clocks[1]


class Effect(StrEnum):
    """What a change does to a trigger."""

    NONE = "none"
    MOVED = "moved"  # a time that is left out fires at the end of the gap
    SKIPPED = "skipped"  # a time that is left out does not fire
    ONCE = "once"  # a time that comes twice fires once
    TWICE = "twice"  # a time that comes twice fires twice
    SHIFTED = "shifted"  # real time goes on: the local times are others from now on


@dataclass(frozen=True, slots=True)
class Touched:
    """The effect of a change, with the fires (UTC, at most 100) in the hours that it left out or repeated."""

    effect: Effect
    fires: tuple[datetime, ...]


def next_change(zone: tzinfo, after: datetime) -> Change | None:
    """Answer the first change strictly after a time, ``None`` when there is none within about two years."""
    timeline = timeline_of(zone)
    start = as_utc(after)
    stretch = timeline.at(start)
    while stretch.end < min(start + LOOK_AHEAD, LATEST):
        if stretch.after != stretch.offset:
            return Change(zone, stretch.end, stretch.offset, stretch.after)
        stretch = timeline.at(stretch.end)
    return None


def effect_of(change: Change, trigger: Trigger) -> Touched:
    """Say what becomes of a trigger's times in a change of its zone."""
    if isinstance(trigger, Simple):
        return Touched(Effect.SHIFTED if trigger.next_after(change.at) else Effect.NONE, ())
    if not isinstance(trigger, WallTrigger) or not trigger.is_bound_to(change.at):
        return Touched(Effect.NONE, ())
    return _in_gap(change, trigger) if change.is_gap else _in_overlap(change, trigger)


def _in_gap(change: Change, trigger: WallTrigger) -> Touched:
    if trigger.moved_from(change.at) is not None and trigger.next_after(change.at - TICK) == change.at:
        return Touched(Effect.MOVED, (change.at,))
    is_skipped = trigger.shows_between(*change.affected)
    return Touched(Effect.SKIPPED if is_skipped else Effect.NONE, ())


def _in_overlap(change: Change, trigger: WallTrigger) -> Touched:
    length = change.before - change.after
    due = trigger.fires_after(change.at - length - TICK)
    fires = list(takewhile(lambda moment: moment < change.at + length, due))
    passes = {moment < change.at for moment in fires}
    effect = {0: Effect.NONE, 1: Effect.ONCE, 2: Effect.TWICE}[len(passes)]
    return Touched(effect, tuple(fires[:MOST_FIRES]))
