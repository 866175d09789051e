"""Job configurations as DHIS2 writes them. What has no value is ``None`` here and left out when sent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from app.core.errors import NotFoundError
from app.core.jobs import next_fire
from app.core.members import Place
from app.core.models import Job, Run
from app.core.statuses import RunStatus
from app.web.auth import Right, current_actor, services
from app.web.dhis2 import queue_members
from app.web.dhis2.routes import address_of
from app.web.dhis2.schedules import schedule_of
from app.web.dhis2.spellings import in_all
from app.web.dhis2.statuses import NOT_STARTED, job_status, last_executed_status
from app.web.dhis2.times import duration, local
from app.web.trigger_schema import shown

Document = dict[str, Any]
GOING_ON = (RunStatus.RUNNING, RunStatus.CANCELLING)
BATCH = 500  # jobs; a statement takes only so many binds


@dataclass(frozen=True)
class _Surroundings:
    """What is looked up once for many jobs."""

    newest: Mapping[int, Run]  # by job id
    finished: Mapping[int, Run]  # by job id
    places: Mapping[int, Place]  # in queues, by job id
    left_out: Mapping[int, datetime]  # when its queue ended before its turn, by job id
    uids: Mapping[str, str]  # by user name
    access: Mapping[str, bool]


def document(job: Job) -> Document:
    return documents([job])[0]


def documents(jobs: Iterable[Job]) -> list[Document]:
    uids, access = {user.username: user.uid for user in services().users.list()}, _access()
    written: list[Document] = []
    for batch in batches(jobs):
        newest, places = services().jobs.last_runs(batch), services().jobs.places(batch)
        left_out = services().queues.left_out(batch)
        around = _Surroundings(newest, _finished(batch, newest), places, left_out, uids, access)
        written += [_document(job, around) for job in batch]
    return written


def batches(jobs: Iterable[Job]) -> Iterator[Sequence[Job]]:
    rest = iter(jobs)
    while batch := list(islice(rest, BATCH)):
        yield batch


def finished_runs(jobs: Sequence[Job]) -> dict[int, Run]:
    """The newest run that is over of each job, by job id."""
    return _finished(jobs, services().jobs.last_runs(jobs))


def _finished(jobs: Sequence[Job], newest: Mapping[int, Run]) -> dict[int, Run]:
    """The same: only where the newest of all is not over, another look is needed."""
    found = {}
    for job in jobs:
        run = newest.get(job.id)
        if run and not run.status.is_final and job.last_run_id:
            run = _kept(job.last_run_id)
        if run and run.status.is_final:
            found[job.id] = run
    return found


def _kept(run_id: int) -> Run | None:
    """A run that may be gone by now: of housekeeping only the newest stays."""
    try:
        return services().runs.get(run_id)
    except NotFoundError:
        return None


def _document(job: Job, around: _Surroundings) -> Document:
    following = next_fire(job)
    return {
        "lastUpdated": local(job.updated_at),
        "id": job.uid,
        "href": address_of(job),
        "created": local(job.created_at),
        "name": job.name,
        "jobStatus": job_status(job, around.newest.get(job.id)),
        "displayName": job.name,
        "enabled": job.enabled,
        "externalAccess": False,
        "jobType": job.job_type,
        "nextExecutionTime": local(following.next_fire_at if following else None),
        **schedule_of(job.triggers),
        "jobParameters": {name: value for name, value in in_all(job).items() if value is not None} or None,
        "favorite": False,
        "configurable": not job.is_system,
        "access": around.access,
        "lastUpdatedBy": _user(job.updated_by, around),
        "createdBy": _user(job.created_by, around),
        "favorites": [],
        "translations": [],
        "userGroupAccesses": [],
        "attributeValues": [],
        "userAccesses": [],
        **_execution(around.newest.get(job.id), around.finished.get(job.id), around.left_out.get(job.id)),
        "jobId": job.id,
        "group": job.group,
        "description": job.description or None,
        "triggers": [shown(row) for row in job.triggers],
        "queueName": None,
        "queuePosition": None,
        **queue_members.shown(job, around.places.get(job.id), around.newest.get(job.id)),
    }


def _access() -> dict[str, bool]:
    may_edit = current_actor().may(Right.EDIT)
    return {
        "read": True,
        "update": may_edit,
        "externalize": may_edit,
        "delete": may_edit,
        "write": may_edit,
        "manage": may_edit,
    }


def _user(name: str | None, around: _Surroundings) -> dict[str, str] | None:
    uid = around.uids.get(name) if name else None
    return {"id": uid} if uid else None


def _execution(newest: Run | None, finished: Run | None, left_out: datetime | None) -> Document:
    if left_out and not (newest and newest.queued_at > left_out):
        return {"lastExecuted": local(left_out), "lastExecutedStatus": NOT_STARTED, "lastFinished": local(left_out)}
    started = next((run.started_at for run in (newest, finished) if run and run.started_at), None)
    seconds = finished.duration_seconds if finished and finished is newest else None
    return {
        "lastExecuted": local(started),
        "lastExecutedStatus": last_executed_status(finished),
        "lastFinished": local(finished.finished_at if finished else None),
        "lastAlive": local(newest.heartbeat_at) if newest and newest.status in GOING_ON else None,
        "lastRuntimeExecution": None if seconds is None else duration(seconds),
    }
