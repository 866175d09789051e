"""Which fires of the next days a change of definitions adds or removes, by the calculator that the engine asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from app.core.errors import InvalidError
from app.core.previews import MOST_FIRES, preview
from app.core.triggers import TriggerSpec
from app.schedule.calendars import Calendar

AHEAD = timedelta(days=7)
MOST_JOBS = 500
SHOWN = 5
Timed = Mapping[str, tuple[str, Sequence[TriggerSpec]]]


@dataclass(frozen=True)
class FireChange:
    """Moments in UTC up to ``until``: how many, and the first. Of what fires very often only a part is looked at."""

    name: str
    added: int
    removed: int
    first_added: Sequence[datetime]
    first_removed: Sequence[datetime]
    until: datetime


def fire_changes(
    before: Timed, after: Timed, closed_before: Mapping[str, Calendar], closed_after: Mapping[str, Calendar],
    now: datetime,
) -> list[FireChange]:  # fmt: skip
    """Of the jobs whose triggers, or whose calendars, are others than before; at most of ``MOST_JOBS``."""
    found = []
    changed = (uid for uid in {**before, **after} if _differs(uid, before, after, closed_before, closed_after))
    for uid in islice(changed, MOST_JOBS):
        name = (after.get(uid) or before[uid])[0]
        old, until_old = _moments(before.get(uid), closed_before, uid, now)
        new, until_new = _moments(after.get(uid), closed_after, uid, now)
        until = min(until_old, until_new)
        added, removed = (sorted(at for at in moments if at <= until) for moments in (new - old, old - new))
        if added or removed:
            found.append(FireChange(name, len(added), len(removed), added[:SHOWN], removed[:SHOWN], until))
    return found


def _differs(
    uid: str, before: Timed, after: Timed, closed_before: Mapping[str, Calendar], closed_after: Mapping[str, Calendar]
) -> bool:
    old, new = before.get(uid), after.get(uid)
    if old is None or new is None or list(old[1]) != list(new[1]):
        return True
    names = {spec.calendar for spec in new[1] if spec.calendar}
    return any(closed_before.get(name) != closed_after.get(name) for name in names)


def _moments(
    timed: tuple[str, Sequence[TriggerSpec]] | None, closed: Mapping[str, Calendar], uid: str, now: datetime
) -> tuple[set[datetime], datetime]:
    """The moments of the next days, and up to when they are all of them."""
    moments, until = set[datetime](), now + AHEAD
    for spec in timed[1] if timed else ():
        try:
            fires = preview([spec], closed, now, count=MOST_FIRES, seed=uid).fires
        except InvalidError:  # a once that is past, say: it is there, and fires no more
            continue
        coming = [fire.at for fire in fires if fire.excluded_by is None]
        if len(coming) >= MOST_FIRES:
            until = min(until, coming[-1])
        moments.update(coming)
    return moments, until
