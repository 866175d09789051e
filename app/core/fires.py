"""Fires: what came due, decided in bulk.

One transaction per chunk of some hundreds of due triggers: a transaction per trigger needs 5 to 11 s for 10,000 of
them, a few bulk ones some tenths of a second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session, joinedload

from app.core.db import Database
from app.core.decisions import Decision, decide
from app.core.models import Fire, Job, Run, Trigger
from app.core.ports import Clock
from app.core.statuses import ACTIVE, FireOutcome, Origin, RunStatus, TriggerKind
from app.core.triggers import calculator

CHUNK = 500
MOMENTS = 10_000
"""At most this many moments of one trigger are looked at in one chunk; the rest is due again at once."""

Project = Callable[[Session, Sequence[tuple[int, datetime | None]]], None]
"""Writes the new next times, (trigger id, aware UTC or None), to the timer's own list in the same transaction."""


@dataclass(frozen=True)
class Wake:
    """What one look at the clock did. ``next_fire_at`` is when to look again at the latest, ``None`` for never."""

    decided: int
    queued: int
    next_fire_at: datetime | None


@dataclass
class _Due:
    trigger: Trigger
    decisions: list[Decision]
    next_fire_at: datetime | None
    last: datetime


class Fires:
    def __init__(self, db: Database, clock: Clock, project: Project) -> None:
        self.db = db
        self.clock = clock
        self.project = project

    def wake(self) -> Wake:
        """Decide everything that is due now. Runs are queued and durable when this returns."""
        decided = queued = 0
        while True:
            chunk = self._wake_chunk(self.clock())
            decided, queued = decided + chunk[0], queued + chunk[1]
            if not chunk[0]:
                return Wake(decided, queued, self.next_fire_at())

    def next_fire_at(self) -> datetime | None:
        with self.db.reading() as session:
            return session.scalar(select(func.min(Trigger.next_fire_at)))

    def _wake_chunk(self, now: datetime) -> tuple[int, int]:
        with self.db.transaction() as session:
            triggers = _lock_due(session, now)
            if not triggers:
                return 0, 0
            blockers = _blockers(session, [trigger.job_id for trigger in triggers])
            dues = [_look(trigger, now, blockers) for trigger in triggers]
            queued = _write(session, dues, blockers, now)
            _advance(session, dues)
            self.project(session, [(due.trigger.id, due.next_fire_at) for due in dues])
            return len(dues), queued

    def of_job(self, job_id: int, *, before: int | None = None, limit: int = 50) -> Sequence[Fire]:
        """The ledger of a job, newest first; ``before`` is the id of the last row of the page before."""
        query = select(Fire).where(Fire.job_id == job_id).order_by(Fire.id.desc()).limit(limit)
        if before is not None:
            query = query.where(Fire.id < before)
        with self.db.reading() as session:
            return session.scalars(query).all()


def _lock_due(session: Session, now: datetime) -> Sequence[Trigger]:
    query = (
        select(Trigger)
        .where(Trigger.next_fire_at <= now)
        .order_by(Trigger.next_fire_at, Trigger.id)
        .limit(CHUNK)
        .options(joinedload(Trigger.job, innerjoin=True))
        .with_for_update(skip_locked=True, of=Trigger)
    )
    triggers = session.scalars(query).all()
    # A start by hand locks the job's row too: only one of the two can find no active run.
    job_ids = sorted({trigger.job_id for trigger in triggers})
    session.execute(select(Job.id).where(Job.id.in_(job_ids)).order_by(Job.id).with_for_update())
    return triggers


def _blockers(session: Session, job_ids: Sequence[int]) -> dict[int, int | None]:
    """The active run of each job that has one, by job id."""
    query = select(Run.job_id, Run.id).where(Run.job_id.in_(set(job_ids)), Run.status.in_(ACTIVE))
    return dict(session.execute(query).all())


def _look(trigger: Trigger, now: datetime, blockers: dict[int, int | None]) -> _Due:
    moments, next_fire_at = _due_moments(trigger, now)
    threshold = timedelta(seconds=trigger.misfire_threshold_seconds)
    # Where the cap cut the list, newer moments follow: these are all late and the newest of them is no newest.
    cut = next_fire_at is not None and next_fire_at <= now
    decisions = decide(
        trigger.kind, [*moments, now] if cut else moments, now, threshold, blocked=trigger.job_id in blockers
    )
    if cut:
        decisions = decisions[:-1]
    if any(decision.outcome is FireOutcome.STARTED for decision in decisions):
        blockers[trigger.job_id] = None  # another trigger of the same job in this chunk finds it taken
    return _Due(trigger, decisions, next_fire_at, moments[-1])


def _due_moments(trigger: Trigger, now: datetime) -> tuple[list[datetime], datetime | None]:
    """Give the moments from ``next_fire_at`` to now (inclusive), capped, and the first one after them."""
    assert trigger.next_fire_at is not None  # noqa: S101 - it is due
    moments, following = [trigger.next_fire_at], None
    if trigger.kind is TriggerKind.FIXED_DELAY:
        return moments, None  # the end of the run says when the next one is
    pure = calculator(trigger)
    while (following := pure.next_after(moments[-1])) and following <= now and len(moments) < MOMENTS:
        moments.append(following)
    return moments, following


def _write(session: Session, dues: Sequence[_Due], blockers: dict[int, int | None], now: datetime) -> int:
    known = _known(session, dues)
    pairs = [
        (due.trigger, decision)
        for due in dues
        for decision in due.decisions
        if (due.trigger.id, decision.scheduled_for) not in known  # after a step back of the clock
    ]
    if not pairs:
        return 0
    rows = [_fire_row(trigger, decision, blockers, now) for trigger, decision in pairs]
    ids = session.scalars(insert(Fire).returning(Fire.id, sort_by_parameter_order=True), rows).all()
    runs = [
        _run_row(trigger, decision, fire_id, now)
        for (trigger, decision), fire_id in zip(pairs, ids, strict=True)
        if decision.outcome is FireOutcome.STARTED
    ]
    if runs:
        session.execute(insert(Run), runs)
    return len(runs)


def _known(session: Session, dues: Sequence[_Due]) -> set[tuple[int, datetime]]:
    earliest = min(due.decisions[0].scheduled_for for due in dues)
    query = select(Fire.trigger_id, Fire.scheduled_for).where(
        Fire.trigger_id.in_([due.trigger.id for due in dues]), Fire.scheduled_for >= earliest
    )
    return {(trigger_id, moment) for trigger_id, moment in session.execute(query) if trigger_id is not None}


def _fire_row(trigger: Trigger, decision: Decision, blockers: dict[int, int | None], now: datetime) -> dict[str, Any]:
    skipped = decision.outcome is FireOutcome.SKIPPED
    return {
        "job_id": trigger.job_id,
        "trigger_id": trigger.id,
        "scheduled_for": decision.scheduled_for,
        "decided_at": now,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "blocking_run_id": blockers.get(trigger.job_id) if skipped else None,
        "range_to": decision.range_to,
        "count": decision.count,
    }


def _run_row(trigger: Trigger, decision: Decision, fire_id: int, now: datetime) -> dict[str, Any]:
    return run_row(trigger.job, fire_id, decision.scheduled_for, now, Origin.TRIGGER)


def run_row(job: Job, fire_id: int, scheduled_for: datetime, now: datetime, origin: Origin) -> dict[str, Any]:
    """A queued run with the job as it is now: later edits do not change it."""
    return {
        "job_id": job.id,
        "fire_id": fire_id,
        "job_name": job.name,
        "job_type": job.job_type,
        "status": RunStatus.QUEUED,
        "origin": origin,
        "parameters": job.parameters,
        "timeout_seconds": job.timeout_seconds,
        "scheduled_for": scheduled_for,
        "queued_at": now,
        "attempts": 0,
        "last_log": 0,
    }


def _advance(session: Session, dues: Sequence[_Due]) -> None:
    session.connection().execute(
        update(Trigger)
        .where(Trigger.id == bindparam("due_id"))
        .values(next_fire_at=bindparam("next_at"), previous_fire_at=bindparam("last")),
        [{"due_id": due.trigger.id, "next_at": due.next_fire_at, "last": due.last} for due in dues],
    )
