"""/api/scheduler: jobs and queues in one list, and the jobs that can be put into a queue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from app.core.jobs import next_fire
from app.core.models import Job
from app.core.statuses import RunStatus
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2 import queue_members
from app.web.dhis2.documents import Document, batches
from app.web.dhis2.routes import SCHEDULER, route
from app.web.dhis2.schedules import FIXED_DELAY, schedule_of
from app.web.dhis2.statuses import status_word
from app.web.dhis2.times import local

NEVER = datetime.max.replace(tzinfo=UTC)
RUNNING = "RUNNING"


@route("GET", resource=SCHEDULER)
@allow(Right.SEE)
def scheduler() -> Response:
    """All jobs and queues; the next one that is due comes first unless they are ordered by name."""
    queues = services().queues.list()
    active = _active([step.job for queue in queues for step in queue.steps])
    found = [(next_of(queue), _queue(queue, active)) for queue in queues]
    members = {step.job_id for queue in queues for step in queue.steps}
    found += _singles(job for job in services().jobs.list() if job.id not in members)
    return bodies.write([entry for _, entry in sorted(found, key=_by_name if _wants_names() else _by_time)])


@route("GET", "/queueable", resource=SCHEDULER)
@allow(Right.SEE)
def queueable() -> Response:
    """People's jobs in no queue, but those that begin anew after their own end. A queue's name changes nothing."""
    jobs = services().jobs.list(system=False)
    free = [job for job in jobs if schedule_of(job.triggers)["schedulingType"] != FIXED_DELAY]
    placed = {job_id for batch in batches(free) for job_id in services().jobs.places(batch)}
    return bodies.write([entry for _, entry in _singles(job for job in free if job.id not in placed)])


def _wants_names() -> bool:
    return request.args.get("order", "").partition(":")[0] == "name"


def _by_name(found: tuple[datetime | None, Document]) -> Any:
    return found[1]["name"].lower()


def _by_time(found: tuple[datetime | None, Document]) -> Any:
    return found[0] or NEVER, found[1]["name"].lower()


def next_of(owner: Job) -> datetime | None:
    following = next_fire(owner)
    return following.next_fire_at if following else None


def _active(jobs: Iterable[Job]) -> dict[int, RunStatus]:
    return {job_id: status for batch in batches(jobs) for job_id, status in services().jobs.active_runs(batch).items()}


def _singles(jobs: Iterable[Job]) -> list[tuple[datetime | None, Document]]:
    found = []
    for batch in batches(jobs):
        active = services().jobs.active_runs(batch)
        found += [(next_of(job), _single(job, active)) for job in batch]
    return found


def _single(job: Job, active: Mapping[int, RunStatus]) -> Document:
    schedule, following = queue_members.schedule(job, None), local(next_of(job))
    status = status_word(active.get(job.id), enabled=job.enabled)
    step = _step(job, schedule, following, status)
    entry = _entry(job.name, job.job_type, schedule, following, status, job.enabled, [step])
    return entry | {"configurable": not job.is_system}


def _queue(queue: Job, active: Mapping[int, RunStatus]) -> Document:
    """All that the first of its jobs says is the queue's."""
    schedule, following = schedule_of(queue.triggers), local(next_of(queue))
    jobs = [step.job for step in queue.steps]
    enabled = queue.enabled and jobs[0].enabled
    words = [status_word(active.get(job.id), enabled=job.enabled and queue.enabled) for job in jobs]
    status = RUNNING if RUNNING in words else words[0]
    steps = [
        _step(job, schedule if first else {}, following if first else None, word)
        for job, word, first in zip(jobs, words, [True] + [False] * len(jobs), strict=False)
    ]
    return _entry(queue.name, "Sequence", schedule, following, status, enabled, steps)


def _entry(
    name: str,
    kind: str,
    schedule: Mapping[str, Any],
    following: str | None,
    status: str,
    enabled: bool,
    sequence: Sequence[Document],
) -> Document:
    return _given(
        name=name,
        type=kind,
        cronExpression=schedule["cronExpression"],
        delay=schedule["delay"],
        nextExecutionTime=following,
        status=status,
        enabled=enabled,
        configurable=True,
        sequence=sequence,
    )


def _step(job: Job, schedule: Mapping[str, Any], following: str | None, status: str) -> Document:
    return _given(
        id=job.uid,
        name=job.name,
        type=job.job_type,
        cronExpression=schedule.get("cronExpression"),
        delay=schedule.get("delay"),
        nextExecutionTime=following,
        status=status,
    )


def _given(**members: Any) -> Document:
    return {name: value for name, value in members.items() if value is not None}
