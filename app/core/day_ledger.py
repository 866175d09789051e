"""What became of the fires of a stretch of time, hour by hour: the ledger, counted."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.models import Fire
from app.core.statuses import FireOutcome


def outcomes_by_hour(session: Session, edges: Sequence[datetime]) -> list[Counter[FireOutcome]]:
    """Count the moments of the ledger by outcome, from each edge (aware, ascending) until before the next.

    A row for many misses in a row counts where it begins.
    """
    query = select(Fire.scheduled_for, Fire.outcome, Fire.count).where(
        Fire.id >= _first_decided(session, edges[0]), Fire.scheduled_for >= edges[0], Fire.scheduled_for < edges[-1]
    )
    found: list[Counter[FireOutcome]] = [Counter() for _ in edges[1:]]
    for moment, outcome, count in session.execute(query):
        found[bisect_right(edges, moment) - 1][outcome] += count
    return found


def _first_decided(session: Session, since: datetime) -> int:
    """The first id of what was decided since then: ids grow with time, and the table has no index over moments."""
    low, high = 0, session.scalar(select(Fire.id).order_by(Fire.id.desc()).limit(1)) or 0
    while low < high:
        middle = (low + high) // 2
        decided = session.execute(
            select(Fire.id, Fire.decided_at).where(Fire.id >= middle).order_by(Fire.id).limit(1)
        ).one()
        if decided.decided_at < since:
            low = decided.id + 1
        else:
            high = middle
    return low
