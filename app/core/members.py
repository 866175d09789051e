"""Jobs in queues. A member's own triggers rest: the queue's trigger starts it.

They rest on after it has left its queue, and it is switched off then, as DHIS2 does; switching it on gives them back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.core.models import Job, QueueStep, Trigger
from app.core.statuses import OnFailure


@dataclass(frozen=True)
class Place:
    """Where a job stands in its queue; ``position`` counts from 0."""

    queue: Job
    position: int
    on_failure: OnFailure


def join(job: Job) -> None:
    """Let the job's own triggers rest. It stays on or off."""
    job.triggers_suspended = True
    for trigger in job.triggers:
        trigger.next_fire_at = None


def leave(job: Job, now: datetime, by: str | None) -> None:
    """Switch it off: nothing starts it any more until somebody says so."""
    job.enabled, job.updated_at, job.updated_by = False, now, by


def is_member(session: Session, job: Job) -> bool:
    return bool(job.id) and session.scalar(select(QueueStep.id).where(QueueStep.job_id == job.id)) is not None


def give_back(session: Session, job: Job, *, even_if_off: bool = False) -> None:
    """Wake the triggers of a job that is switched on again and in no queue."""
    if job.triggers_suspended and (job.enabled or even_if_off) and not is_member(session, job):
        job.triggers_suspended = False


def forget(session: Session, job: Job) -> list[Job]:
    """Take a job that is deleted out of its queue. Gives that queue if no step is left in it."""
    step = session.scalar(select(QueueStep).where(QueueStep.job_id == job.id))
    if step is None:
        return []
    queue = session.get_one(Job, step.queue_id)
    queue.steps.remove(step)
    queue.version += 1
    renumber(queue)
    return [] if queue.steps else [queue]


def renumber(queue: Job) -> None:
    for position, step in enumerate(queue.steps):
        step.position = position


def places(session: Session, job_ids: Sequence[int]) -> dict[int, Place]:
    """Where these jobs stand, by job id; without those that are in no queue."""
    query = (
        select(QueueStep.job_id, Job, QueueStep.position, QueueStep.on_failure)
        .join(Job, Job.id == QueueStep.queue_id)
        .where(QueueStep.job_id.in_(job_ids))
        .options(selectinload(Job.triggers).joinedload(Trigger.calendar))
    )
    return {job_id: Place(queue, number, rule) for job_id, queue, number, rule in session.execute(query)}


def why_suspended(session: Session, job: Job) -> str:
    """Say why a job's own triggers do not fire."""
    place = places(session, [job.id]).get(job.id)
    if place is None:
        return "the job has left its queue and was not switched on since: its own triggers are suspended"
    return f"the job is a step of the queue {place.queue.name!r}, which starts it: its own triggers are suspended"
