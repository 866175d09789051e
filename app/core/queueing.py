"""From a fire that starts to its queued run: the job as it is now, whatever becomes of it later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from app.core.models import Fire, Job, Run
from app.core.statuses import FireOutcome, Origin, RunStatus


def _queued_columns() -> dict[str, Any]:
    """The columns of a queued run, in terms of its fire and its job."""
    now = bindparam("now", type_=Run.queued_at.type)
    return {
        "job_id": Job.id,
        "fire_id": Fire.id,
        "job_name": Job.name,
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


def insert_fires(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Insert fires. Gives the id from which on they lie; no other's fire that starts lies there without its run."""
    connection = session.connection()
    newest = connection.scalar(_NEWEST_FIRE) or 0
    connection.execute(insert(Fire.__table__), rows)  # type: ignore[arg-type]
    return newest + 1


def queue(session: Session, first_fire_id: int, now: datetime, origin: Origin) -> int:
    """Make a run for each fire from this id on that starts and has none, copied from its job inside the database.

    Gives the number of runs.
    """
    values = {"now": now, "origin": origin, "first": first_fire_id}
    return session.connection().execute(_QUEUE, values).rowcount


def queue_one(session: Session, fire: Fire, now: datetime, origin: Origin, by: str | None) -> Run:
    """Make the run of one fire that somebody asked for; ``fire`` is new or was held, and its job is locked."""
    session.flush()
    source = select(*_QUEUED.values()).join(Job, Job.id == Fire.job_id).where(Fire.id == fire.id)
    made = insert(Run.__table__).from_select(list(_QUEUED), source)  # type: ignore[arg-type]
    session.connection().execute(made, {"now": now, "origin": origin})
    run = session.scalars(select(Run).where(Run.fire_id == fire.id)).one()
    run.requested_by = by
    return run
