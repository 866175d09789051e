"""Times that a trigger means and that the clocks leave out."""

from dataclasses import replace
from datetime import datetime
from itertools import takewhile

from app.schedule.changes import next_change
from app.schedule.triggers import Trigger, WallTrigger


def left_out(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    """List the instants (UTC), strictly between two, at which a trigger does not fire only by its policy ``skip``.

    Each is the end of a gap in which the trigger means at least one local time.
    """
    if not isinstance(trigger, WallTrigger) or trigger.gap != "skip" or not _has_gap(trigger, after, until):
        return []
    fires = set(takewhile(lambda moment: moment < until, trigger.fires_after(after)))
    moved = takewhile(lambda moment: moment < until, replace(trigger, gap="next").fires_after(after))
    return [moment for moment in moved if moment not in fires]


def _has_gap(trigger: WallTrigger, after: datetime, until: datetime) -> bool:
    change = next_change(trigger.zone, after)  # type: ignore[attr-defined]  # every kind has its zone
    while change is not None and change.at <= until:
        if change.is_gap:
            return True
        change = next_change(trigger.zone, change.at)  # type: ignore[attr-defined]
    return False
