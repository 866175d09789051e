"""Fires: what came due and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import due
from app.core.claiming import Claimed
from app.core.db import Database
from app.core.models import Fire
from app.core.ports import Clock

CHUNK = 500
"""Triggers per transaction: a start by hand waits for one of them at most."""

Project = Callable[[Session, Sequence[tuple[int, datetime | None]]], None]
"""Writes the new next times, (trigger id, aware UTC or None), to the timer's own list in the same transaction."""


Claim = Callable[[Session], Sequence[Claimed]]
Begin = Callable[[Sequence[Claimed], int], None]


@dataclass(frozen=True)
class _Chunk:
    decided: int
    queued: int
    claimed: Sequence[Claimed]


@dataclass(frozen=True)
class Wake:
    """What one look at the clock did. ``next_fire_at`` is when to look again at the latest, ``None`` for never."""

    decided: int
    queued: int
    next_fire_at: datetime | None


class Fires:
    def __init__(self, db: Database, clock: Clock, project: Project) -> None:
        self.db = db
        self.clock = clock
        self.project = project

    def wake(self, claim: Claim = lambda session: (), begin: Begin = lambda claimed, queued: None) -> Wake:
        """Decide everything that is due now. Runs are queued and durable when this returns.

        ``claim`` may take some of a chunk's runs in its transaction, so that they need not wait for another one;
        ``begin`` gets those after the commit, and how many were queued in all.
        """
        decided = queued = 0
        while True:
            chunk = self._wake_chunk(self.clock(), claim)
            decided, queued = decided + chunk.decided, queued + chunk.queued
            if chunk.queued:
                begin(chunk.claimed, chunk.queued)
            if chunk.decided < CHUNK:
                next_fire_at = self.next_fire_at()
                if next_fire_at is None or next_fire_at > self.clock():
                    return Wake(decided, queued, next_fire_at)

    def next_fire_at(self) -> datetime | None:
        with self.db.reading() as session:
            return session.scalar(due.NEXT_FIRE_AT)

    def _wake_chunk(self, now: datetime, claim: Claim) -> _Chunk:
        with self.db.transaction() as session:
            rows = due.lock(session, now, CHUNK)
            if not rows:
                return _Chunk(0, 0, ())
            dues, jobs = due.look(session, rows, now)
            queued = due.write(session, dues, jobs, now)
            due.advance(session, dues, now)
            self.project(session, [(each.trigger.id, each.next_fire_at) for each in dues])
            return _Chunk(len(dues), queued, claim(session) if queued else ())

    def of_job(self, job_id: int, *, before: int | None = None, limit: int = 50) -> Sequence[Fire]:
        """The ledger of a job, newest first; ``before`` is the id of the last row of the page before."""
        query = select(Fire).where(Fire.job_id == job_id).order_by(Fire.id.desc()).limit(limit)
        if before is not None:
            query = query.where(Fire.id < before)
        with self.db.reading() as session:
            return session.scalars(query).all()
