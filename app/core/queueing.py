"""From a fire that starts to its queued run: the job as it is now, whatever becomes of it later."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, literal, select
from sqlalchemy.orm import Session

from app.core.errors import ConflictError
from app.core.models import Fire, Job, Run
from app.core.statuses import ACTIVE, FireOutcome, Origin, RunStatus


def queue(session: Session, fires: ColumnElement[bool], now: datetime, origin: Origin) -> int:
    """Make a run for each of these fires that starts and has none, copied from its job inside the database.

    Gives the number of runs.
    """
    columns = _columns(now, origin)
    source = (
        select(*columns.values())
        .join(Job, Job.id == Fire.job_id)
        .outerjoin(Run, Run.fire_id == Fire.id)
        .where(fires, Fire.outcome == FireOutcome.STARTED, Run.id.is_(None))
        .order_by(Fire.id)
    )
    made = session.connection().execute(insert(Run.__table__).from_select(list(columns), source))  # type: ignore[arg-type]
    return made.rowcount


def queue_one(session: Session, fire: Fire, now: datetime, origin: Origin, by: str | None) -> Run:
    """Make the run of one fire that somebody asked for."""
    session.flush()
    queue(session, Fire.id == fire.id, now, origin)
    run = session.scalars(select(Run).where(Run.fire_id == fire.id)).one()
    run.requested_by = by
    return run


def refuse_active(session: Session, job: Job) -> None:
    """Raise ``ConflictError`` while a run of the job is queued or going on."""
    if session.scalar(select(Run.id).where(Run.job_id == job.id, Run.status.in_(ACTIVE))):
        raise ConflictError("Job is already running.", code="already_running")


def _columns(now: datetime, origin: Origin) -> dict[str, Any]:
    """The columns of a queued run, in terms of its fire and its job."""
    return {
        "job_id": Job.id,
        "fire_id": Fire.id,
        "job_name": Job.name,
        "job_type": Job.job_type,
        "status": literal(RunStatus.QUEUED, Run.status.type),
        "origin": literal(origin, Run.origin.type),
        "parameters": Job.parameters,
        "timeout_seconds": Job.timeout_seconds,
        "scheduled_for": Fire.scheduled_for,
        "queued_at": literal(now, Run.queued_at.type),
        "attempts": literal(0),
        "last_log": literal(0),
    }
