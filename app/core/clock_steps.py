"""What follows when the clock was put: nothing runs twice, and nothing that is left out goes without a reason.

Forward: late moments are decided by the misfire rules, and name the step as the reason. Back by up to three hours (a
clock that was wrong was put right): what follows the wall, a cron say, is held until the clock has passed what is
decided already; a fixed rate and a fixed delay go on in real time. Back by more: every schedule starts afresh, in a new
era.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, text, update
from sqlalchemy.orm import Session, joinedload

import app.schedule.triggers as schedule
from app.core import due
from app.core.clock_watch import TOLERANCE, ClockWatch, Step
from app.core.db import Database
from app.core.fires import Project
from app.core.models import IS_QUEUED, Fire, Instance, Outage, Run, Trigger
from app.core.outages import said
from app.core.statuses import FireOutcome, FireReason, OutageKind, TriggerKind
from app.core.triggers import calculator, first_fire

log = logging.getLogger(__name__)

FAR = timedelta(hours=3)
IN_REAL_TIME = (TriggerKind.SIMPLE, TriggerKind.FIXED_DELAY)
HELD = (text("fire.outcome = 'held'"), Fire.reason == FireReason.CLOCK_BACK)  # the outcome as the index says it


class ClockSteps:
    def __init__(self, db: Database, watch: ClockWatch, project: Project) -> None:
        self.db = db
        self.watch = watch
        self.project = project
        self._pending: list[Step] = []

    def begin(self, now: datetime) -> None:
        """After a start: a clock that shows less than when the time was last kept was put back meanwhile."""
        with self.db.reading() as session:
            last = session.scalar(select(Instance.ticked_at))
        if last is not None and last - now > TOLERANCE:
            self._note(Step(last, now))
            self._take()

    def attend(self) -> None:
        """Look at the clock. Its steps are durable before anything is decided by the new time."""
        step = self.watch.look()
        if step:
            self._note(step)
        self._take()

    def _note(self, step: Step) -> None:
        way = "forward" if step.is_forward else "back"
        log.warning("the clock was put %s by %s, from %s to %s", way, step.size, said(step.before), said(step.after))
        self._pending.append(step)

    def _take(self) -> None:
        while self._pending:
            with self.db.transaction() as session:
                take(session, self._pending[0], self.project)
            self._pending.pop(0)

    def tidy(self) -> None:
        """Let go of held moments that will not come: their triggers were changed meanwhile."""
        waits = exists().where(
            Trigger.id == Fire.trigger_id, Trigger.era == Fire.era, Trigger.next_fire_at == Fire.scheduled_for
        )
        with self.db.reading() as session:
            stale = session.scalars(select(Fire.id).where(*HELD, ~waits)).all()
        if stale:
            with self.db.transaction() as session:
                session.execute(delete(Fire).where(Fire.id.in_(stale), *HELD, ~waits))


def take(session: Session, step: Step, project: Project) -> None:
    """Write a step down and let all triggers follow it; a second time it changes nothing."""
    kind = OutageKind.CLOCK_JUMP if step.is_forward else OutageKind.CLOCK_BACK
    began_at, ended_at = sorted((step.before, step.after))
    same = (Outage.kind == kind, Outage.began_at == began_at, Outage.ended_at == ended_at)
    if session.scalar(select(Outage.id).where(*same)):
        return
    session.add(Outage(kind=kind, began_at=began_at, ended_at=ended_at))
    session.execute(update(Instance).values(ticked_at=step.after))
    if not step.is_forward:
        changed = list(_go_on_in_real_time(session, step))
        if step.size > FAR:
            changed += _begin_eras(session, step)
        else:
            _hold(session, step)
        _retry_in_real_time(session, step)
        session.flush()
        if changed:
            project(session, [(row.id, row.next_fire_at) for row in changed])


def _triggers(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Trigger]:
    query = select(Trigger).options(joinedload(Trigger.job)).where(*conditions).order_by(Trigger.id)
    return session.scalars(query.with_for_update(of=Trigger)).all()


# In real time


def _go_on_in_real_time(session: Session, step: Step) -> Iterator[Trigger]:
    """Those that have begun; a first moment is an appointment by the clock on the wall."""
    begun = Trigger.decided_to.is_not(None) | Trigger.previous_fire_at.is_not(None)
    for row in _triggers(session, Trigger.kind.in_(IN_REAL_TIME), begun):
        pure = calculator(row, row.job.uid)
        if isinstance(pure, schedule.Simple) and row.next_fire_at is not None:
            row.anew_count = None if pure.repeat_count is None else pure.repeat_count - pure.number_of(row.next_fire_at)
            row.anew_at = row.next_fire_at - step.size
        row.era, row.decided_to = row.era + 1, None
        row.next_fire_at = row.next_fire_at - step.size if row.next_fire_at else None
        row.previous_fire_at = row.previous_fire_at - step.size if row.previous_fire_at else None
        yield row


def _retry_in_real_time(session: Session, step: Step) -> None:
    for run in session.scalars(select(Run).where(IS_QUEUED, Run.begin_after.is_not(None))):
        run.begin_after = run.begin_after - step.size if run.begin_after else None


# By the clock on the wall


def _hold(session: Session, step: Step) -> None:
    """The next moment of each trigger that has to wait until the clock comes by again has its row at once."""
    known = exists().where(
        Fire.trigger_id == Trigger.id, Fire.era == Trigger.era, Fire.scheduled_for == Trigger.next_fire_at
    )
    query = select(Trigger.id, Trigger.job_id, Trigger.era, Trigger.next_fire_at).where(
        Trigger.kind.not_in(IN_REAL_TIME), Trigger.decided_to > step.after, Trigger.next_fire_at.is_not(None), ~known
    )
    detail = f"from {said(step.before)} to {said(step.after)}; what is decided already does not come again"
    held = {"decided_at": step.after, "outcome": FireOutcome.HELD, "reason": FireReason.CLOCK_BACK, "detail": detail}
    rows: list[dict[str, Any]] = [
        {"trigger_id": row.id, "job_id": row.job_id, "era": row.era, "scheduled_for": row.next_fire_at, **held}
        for row in session.execute(query)
    ]
    if rows:
        session.connection().execute(insert(Fire.__table__), rows)  # type: ignore[arg-type]


def _begin_eras(session: Session, step: Step) -> Iterator[Trigger]:
    """What was due until the step and is not decided goes into the ledger; then each schedule starts afresh."""
    session.execute(delete(Fire).where(*HELD))
    rows = _triggers(session, Trigger.kind.not_in(IN_REAL_TIME))
    for row in rows:
        if row.next_fire_at is not None and row.next_fire_at <= step.before:
            due.leave_out(session, row.job_id, [row.id], FireReason.CLOCK_BACK, step.before)
    for row in rows:
        row.era, row.decided_to, row.previous_fire_at = row.era + 1, None, None
        if row.next_fire_at is not None and row.kind is not TriggerKind.ONCE:
            row.next_fire_at = first_fire(row, step.after, row.job.uid)
        yield row
