"""From a fire that starts to its queued run: the job as it is now, whatever becomes of it later."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from app.core.models import Fire, Job, Run, Trigger
from app.core.statuses import FireOutcome, Origin, RunStatus


def _queued_columns() -> dict[str, Any]:
    """The columns of a queued run, in terms of its fire and its job."""
    now = bindparam("now", type_=Run.queued_at.type)
    return {
        "job_id": Job.id,
        "fire_id": Fire.id,
        "job_name": Job.name,
        "group_name": Job.group,
        "job_type": Job.job_type,
        "status": literal(RunStatus.QUEUED, Run.status.type),
        "origin": bindparam("origin", type_=Run.origin.type),
        "parameters": Job.parameters,
        "timeout_seconds": Job.timeout_seconds,
        "attempt_timeout_seconds": Job.attempt_timeout_seconds,
        "start_deadline_seconds": Job.start_deadline_seconds,
        "turn": -Job.priority,
        "pool": Job.pool,
        "connections": Job.connections,
        "scheduled_for": Fire.scheduled_for,
        "queued_at": now,
        "heartbeat_at": now,
        "lease_until": now,
        "attempts": literal(0),
        "last_log": literal(0),
    }


_QUEUED = _queued_columns()
_QUEUE = insert(Run.__table__).from_select(  # type: ignore[arg-type]
    list(_QUEUED),
    select(*_QUEUED.values())
    .join(Job, Job.id == Fire.job_id)
    .where(Fire.id >= bindparam("first"), Fire.outcome == FireOutcome.STARTED, ~exists().where(Run.fire_id == Fire.id))
    .order_by(Fire.id),
)
_NEWEST_FIRE = select(func.max(Fire.id))


_STARTED = {
    "job_id": Trigger.job_id,
    "trigger_id": Trigger.id,
    "era": Trigger.era,
    "scheduled_for": bindparam("moment", type_=Fire.scheduled_for.type),
    "decided_at": bindparam("now", type_=Fire.decided_at.type),
    "outcome": literal(FireOutcome.STARTED, Fire.outcome.type),
    "count": literal(1),
}
_START = insert(Fire.__table__).from_select(  # type: ignore[arg-type]
    list(_STARTED),
    select(*_STARTED.values()).where(Trigger.id.in_(bindparam("ids", expanding=True))).order_by(Trigger.id),
)


def start(
    session: Session, starting: Mapping[datetime, Sequence[int]], others: Sequence[dict[str, Any]], now: datetime
) -> int:
    """Insert fires, and a queued run for each that starts. Gives the number of runs.

    ``starting`` are the ids of triggers that do nothing but start, by their moment: those of one moment cost one
    statement together. ``others`` are whole rows.
    """
    connection = session.connection()
    starts = bool(starting) or any(row["outcome"] is FireOutcome.STARTED for row in others)
    first = (connection.scalar(_NEWEST_FIRE) or 0) + 1 if starts else 0
    for moment in sorted(starting):
        connection.execute(_START, {"moment": moment, "now": now, "ids": starting[moment]})
    if others:
        connection.execute(insert(Fire.__table__), others)  # type: ignore[arg-type]
    if not starts:
        return 0
    # From the newest fire on: no other fire that starts lies there without its run.
    return connection.execute(_QUEUE, {"now": now, "origin": Origin.TRIGGER, "first": first}).rowcount


def queue_one(session: Session, fire: Fire, now: datetime, origin: Origin, by: str | None) -> Run:
    """Make the run of one fire that somebody asked for; ``fire`` is new or was held, and its job is locked."""
    session.flush()
    source = select(*_QUEUED.values()).join(Job, Job.id == Fire.job_id).where(Fire.id == fire.id)
    made = insert(Run.__table__).from_select(list(_QUEUED), source)  # type: ignore[arg-type]
    session.connection().execute(made, {"now": now, "origin": origin})
    run = session.scalars(select(Run).where(Run.fire_id == fire.id)).one()
    run.requested_by = by
    return run
