"""One chunk of due triggers: lock them, judge their moments, write fires and runs, advance.

Everything goes in a handful of statements for some hundreds of triggers: a transaction per trigger needs 5 to 11 s for
10,000 of them. Rows are read as plain columns and runs are copied from their jobs inside the database, because objects
for each cost more than the rest together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

import app.schedule.calendars
import app.schedule.triggers as schedule
from app.core import calendars, queueing
from app.core.decisions import Decision, decide
from app.core.models import Calendar, Fire, Job, Run, Trigger
from app.core.statuses import ACTIVE, FireOutcome, FireReason, Origin
from app.core.triggers import calculator
from app.schedule.misfire import Verdict, judge, misfire_named

MOMENTS = 10_000
"""At most this many moments of one trigger are judged in one chunk; the rest is due again at once."""

Closed = Mapping[int | None, app.schedule.calendars.Calendar]
"""Exclusion calendars by id."""
Blockers = dict[int, int | None]
"""By job id its active run; ``None`` for one that this chunk starts."""


@dataclass
class Due:
    """A due trigger (its columns and ``job_uid``), what becomes of its moments, and how it goes on."""

    trigger: Row[Any]
    decisions: list[Decision]
    next_fire_at: datetime | None
    anew: schedule.Simple | None  # a misfire let the trigger begin again


def lock(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Take up to ``limit`` due triggers, the earliest first; no other transaction decides them or starts their jobs."""
    columns = [*Trigger.__table__.c, Job.uid.label("job_uid")]
    query = select(*columns).join(Job, Job.id == Trigger.job_id).where(Trigger.next_fire_at <= now)
    query = query.order_by(Trigger.next_fire_at, Trigger.id).limit(limit)
    rows = session.connection().execute(query.with_for_update(skip_locked=True, of=Trigger)).all()
    # A start by hand locks the job's row too: only one of the two can find no active run.
    job_ids = sorted({row.job_id for row in rows})
    session.connection().execute(select(Job.id).where(Job.id.in_(job_ids)).order_by(Job.id).with_for_update())
    return rows


def look(session: Session, rows: Sequence[Row[Any]], now: datetime) -> tuple[list[Due], Blockers]:
    """Judge every moment of these triggers up to now."""
    blockers = _blockers(session, rows)
    closed = _closed(session, rows)
    verdicts: dict[object, Verdict] = {}
    return [_look(row, now, blockers, closed, verdicts) for row in rows], blockers


def _blockers(session: Session, rows: Sequence[Row[Any]]) -> Blockers:
    query = select(Run.job_id, Run.id).where(Run.job_id.in_({row.job_id for row in rows}), Run.status.in_(ACTIVE))
    return dict(session.execute(query).all())


def _closed(session: Session, rows: Sequence[Row[Any]]) -> Closed:
    ids = {row.calendar_id for row in rows if row.calendar_id is not None}
    return {calendar_id: calendars.pure(session, session.get_one(Calendar, calendar_id)) for calendar_id in ids}


def _look(row: Row[Any], now: datetime, blockers: Blockers, closed: Closed, verdicts: dict[object, Verdict]) -> Due:
    pure = calculator(row, row.job_uid)  # type: ignore[arg-type]  # it has the columns of a trigger
    # Triggers that share a time table and a moment share the verdict, too.
    key = (id(pure), row.next_fire_at, row.misfire, row.misfire_threshold_seconds, row.calendar_id)
    verdict = verdicts.get(key)
    if verdict is None:
        verdict = verdicts[key] = _judge(row, pure, now, closed)
    decisions = decide(verdict.fires, blocked=row.job_id in blockers)
    if any(decision.outcome is FireOutcome.STARTED for decision in decisions):
        blockers[row.job_id] = None  # another trigger of the same job in this chunk finds it taken
    return Due(row, decisions, _next_fire(pure, verdict, decisions, now), _begins_anew(pure, verdict))


def _judge(row: Row[Any], pure: schedule.Trigger, now: datetime, closed: Closed) -> Verdict:
    threshold = timedelta(seconds=row.misfire_threshold_seconds)
    calendar = closed.get(row.calendar_id)
    return judge(pure, row.next_fire_at, now, misfire_named(row.misfire), threshold, calendar, MOMENTS)


def _next_fire(
    pure: schedule.Trigger, verdict: Verdict, decisions: Sequence[Decision], now: datetime
) -> datetime | None:
    """A fixed delay waits for the end of the run, or counts from now where nothing runs that could end."""
    if not isinstance(pure, schedule.FixedDelay) or verdict.next_for is not None:
        return verdict.next_for
    waits = any(row.outcome is FireOutcome.STARTED or row.reason is FireReason.OVERLAP for row in decisions)
    return None if waits else pure.after_end(now)


def _begins_anew(pure: schedule.Trigger, verdict: Verdict) -> schedule.Simple | None:
    return verdict.trigger if isinstance(verdict.trigger, schedule.Simple) and verdict.trigger is not pure else None


def write(session: Session, dues: Sequence[Due], blockers: Blockers, now: datetime) -> int:
    """Insert the fires, and a queued run for each that starts. Gives the number of runs."""
    known = _known(session, dues)
    rows = [
        _fire_row(due.trigger, decision, blockers, now)
        for due in dues
        for decision in due.decisions
        if (due.trigger.id, decision.scheduled_for) not in known  # after a step back of the clock
    ]
    if not rows:
        return 0
    session.connection().execute(insert(Fire.__table__), rows)  # type: ignore[arg-type]
    started = {row["trigger_id"] for row in rows if row["outcome"] is FireOutcome.STARTED}
    due = Fire.trigger_id.in_(started) & (Fire.decided_at == now)
    return queueing.queue(session, due, now, Origin.TRIGGER) if started else 0


def _known(session: Session, dues: Sequence[Due]) -> set[tuple[int, datetime]]:
    earliest = min((decision.scheduled_for for due in dues for decision in due.decisions), default=None)
    if earliest is None:
        return set()
    query = select(Fire.trigger_id, Fire.scheduled_for).where(
        Fire.trigger_id.in_([due.trigger.id for due in dues]), Fire.scheduled_for >= earliest
    )
    return {(trigger_id, moment) for trigger_id, moment in session.execute(query) if trigger_id is not None}


def _fire_row(row: Row[Any], decision: Decision, blockers: Blockers, now: datetime) -> dict[str, Any]:
    skipped = decision.outcome is FireOutcome.SKIPPED
    return {
        "job_id": row.job_id,
        "trigger_id": row.id,
        "scheduled_for": decision.scheduled_for,
        "decided_at": now,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "blocking_run_id": blockers.get(row.job_id) if skipped else None,
        "range_to": decision.range_to,
        "count": decision.count,
    }


def advance(session: Session, dues: Sequence[Due], now: datetime) -> None:
    """Set the next moments, in the same transaction as the fires and never before them."""
    statement = update(Trigger.__table__).where(Trigger.id == bindparam("due_id"))  # type: ignore[arg-type]
    session.connection().execute(
        statement.values(next_fire_at=bindparam("next_at"), previous_fire_at=bindparam("last")),
        [{"due_id": due.trigger.id, "next_at": due.next_fire_at, "last": now} for due in dues],
    )
    spent = [due.trigger.id for due in dues if due.trigger.delayed and due.next_fire_at is None]
    if spent:
        session.execute(delete(Trigger).where(Trigger.id.in_(spent)))
    for due in dues:
        if due.anew:
            anew = {"anew_at": due.anew.start, "anew_count": due.anew.repeat_count}
            session.execute(update(Trigger).where(Trigger.id == due.trigger.id).values(anew))
