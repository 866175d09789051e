"""Whether one more run of a job may be queued, by its overlap rule, and what becomes of those before it."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import recording
from app.core.decisions import Occupied
from app.core.errors import ConflictError
from app.core.models import IS_ACTIVE, IS_GOING_ON, Instance, Job, Run
from app.core.statuses import OverlapRule, RunStatus

REPLACED = "a newer run of the same job"
"""Who cancelled a run, where nobody did."""


def admit(session: Session, job: Job, now: datetime) -> None:
    """Let one more run of a job (locked) in. Raises ``ConflictError`` when there is no room, or while it is asleep."""
    if session.scalar(select(Instance.asleep_since)) is not None:
        raise ConflictError("Carillon is asleep: nothing starts until an administrator wakes it.", code="asleep")
    active = session.scalar(select(func.count()).where(Run.job_id == job.id, IS_ACTIVE)) or 0
    if Occupied(job.overlap, job.overlap_limit, active).admit() is not None:
        if job.overlap is OverlapRule.QUEUE:
            raise ConflictError("Job is already running, and no more of its runs may wait.", code="queue_full")
        raise ConflictError("Job is already running.", code="already_running")
    if job.overlap is OverlapRule.CANCEL_PREVIOUS and active:
        cancel_previous(session, job.id, now)


def cancel_previous(session: Session, job_id: int, now: datetime) -> None:
    """Cancel what waits, and ask for the end of what is going on; the next run begins when that is really gone."""
    recording.cancel_queued(session, Run.job_id == job_id, now, REPLACED)
    going = update(Run).where(IS_GOING_ON, Run.job_id == job_id, Run.status == RunStatus.RUNNING)
    session.execute(going.values(status=RunStatus.CANCELLING, cancelled_by=REPLACED, cancelled_at=now))
