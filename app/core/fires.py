"""Fires: what came due, decided in bulk.

One transaction per chunk of some hundreds of due triggers: a transaction per trigger needs 5 to 11 s for 10,000 of
them, a few bulk ones some tenths of a second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session, joinedload

import app.schedule.calendars
import app.schedule.triggers as schedule
from app.core import calendars
from app.core.db import Database
from app.core.decisions import Decision, decide
from app.core.models import Calendar, Fire, Job, Run, Trigger
from app.core.ports import Clock
from app.core.statuses import ACTIVE, FireOutcome, FireReason, Origin, RunStatus
from app.core.triggers import calculator
from app.schedule.misfire import Verdict, judge, misfire_named

CHUNK = 500
MOMENTS = 10_000
"""At most this many moments of one trigger are looked at in one chunk; the rest is due again at once."""

Project = Callable[[Session, Sequence[tuple[int, datetime | None]]], None]
"""Writes the new next times, (trigger id, aware UTC or None), to the timer's own list in the same transaction."""


Calendars = Mapping[int | None, app.schedule.calendars.Calendar]


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
    anew: schedule.Simple | None  # a misfire let the trigger begin again


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
            closed = _closed(session, triggers)
            dues = [_look(trigger, now, blockers, closed) for trigger in triggers]
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


def _look(trigger: Trigger, now: datetime, blockers: dict[int, int | None], closed: Calendars) -> _Due:
    assert trigger.next_fire_at is not None  # noqa: S101 - it is due
    pure = calculator(trigger, trigger.job.uid)
    verdict = judge(
        pure,
        trigger.next_fire_at,
        now,
        misfire_named(trigger.misfire),
        timedelta(seconds=trigger.misfire_threshold_seconds),
        closed.get(trigger.calendar_id),
        MOMENTS,
    )
    decisions = decide(verdict.fires, blocked=trigger.job_id in blockers)
    if any(decision.outcome is FireOutcome.STARTED for decision in decisions):
        blockers[trigger.job_id] = None  # another trigger of the same job in this chunk finds it taken
    return _Due(trigger, decisions, _next_fire(pure, verdict, decisions, now), now, _begins_anew(pure, verdict))


def _next_fire(
    pure: schedule.Trigger, verdict: Verdict, decisions: Sequence[Decision], now: datetime
) -> datetime | None:
    """A fixed delay waits for the end of the run, or counts from now where nothing runs that could end."""
    if not isinstance(pure, schedule.FixedDelay) or verdict.next_for is not None:
        return verdict.next_for
    waits = any(
        decision.outcome is FireOutcome.STARTED or decision.reason is FireReason.OVERLAP for decision in decisions
    )
    return None if waits else pure.after_end(now)


def _begins_anew(pure: schedule.Trigger, verdict: Verdict) -> schedule.Simple | None:
    return verdict.trigger if isinstance(verdict.trigger, schedule.Simple) and verdict.trigger is not pure else None


def _closed(session: Session, triggers: Sequence[Trigger]) -> Calendars:
    """The exclusion calendars of these triggers, by id."""
    ids = {trigger.calendar_id for trigger in triggers if trigger.calendar_id is not None}
    return {calendar_id: calendars.pure(session, session.get_one(Calendar, calendar_id)) for calendar_id in ids}


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
    earliest = min((row.scheduled_for for due in dues for row in due.decisions), default=None)
    if earliest is None:
        return set()
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
    for due in dues:
        if due.anew:
            due.trigger.anew_at, due.trigger.anew_count = due.anew.start, due.anew.repeat_count
