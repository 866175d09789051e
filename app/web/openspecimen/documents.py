"""Jobs and runs as OpenSpecimen writes them. Moments are milliseconds since 1970."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.jobs import next_fire
from app.core.models import Job, Run, User
from app.core.statuses import Origin, Role
from app.web.auth import services
from app.web.openspecimen.reading import milliseconds
from app.web.openspecimen.schedules import schedule_of
from app.web.openspecimen.schemas import ACTIVE, DISABLED
from app.web.openspecimen.statuses import STATUSES, message_of
from app.web.trigger_schema import shown

Document = dict[str, Any]
Users = Mapping[str, User]

DOMAIN = "openspecimen"
SYSTEM: Document = {"firstName": "$system", "lastName": "$system", "loginName": "$system", "domain": DOMAIN}
QUERY_TYPE = "SQL_EXPORT"
"""The job type that is shown as a saved query."""


def job_details(jobs: Sequence[Job]) -> list[Document]:
    users, last_runs = _users(), services().jobs.last_runs(jobs)
    return [_job(job, last_runs.get(job.id), users) for job in jobs]


def run_details(runs: Sequence[Run]) -> list[Document]:
    users = _users()
    return [_run(run, users) for run in runs]


def type_of(job: Job) -> str:
    return "QUERY" if job.job_type == QUERY_TYPE else "INTERNAL"


def _job(job: Job, last_run: Run | None, users: Users) -> Document:
    following = next_fire(job)
    names = _argument_names(job)
    return {
        "id": job.id,
        "name": job.name,
        "createdBy": user(job.created_by, users),
        **schedule_of(job.triggers, job.uid, job.created_at),
        "nextRunOn": milliseconds(following.next_fire_at if following else None),
        "activityStatus": ACTIVE if job.enabled else DISABLED,
        "type": type_of(job),
        "taskImplFqn": job.job_type,
        "command": None,
        "fixedArgs": None,
        "savedQuery": {"id": job.id, "title": job.name} if type_of(job) == "QUERY" else None,
        "runAs": None,
        "recipients": [],
        "sharedWith": [],
        "isActiveJob": job.enabled,
        "lastRunOn": milliseconds((last_run.started_at or last_run.queued_at) if last_run else None),
        "rtArgsProvided": bool(names),
        "rtArgsHelpText": " ".join(names) or None,
        "jobParameters": job.parameters,
        "triggers": [shown(row) for row in job.triggers],
    }


def _run(run: Run, users: Users) -> Document:
    return {
        "id": run.id,
        "jobId": run.job_id,
        "jobName": run.job_name,
        "createdAt": milliseconds(run.queued_at),
        "startedAt": milliseconds(run.started_at),
        "finishedAt": milliseconds(run.finished_at),
        "status": STATUSES[run.status],
        "logFilePath": run.files[0].name if run.files and run.status.is_final else None,
        "message": message_of(run),
        "runBy": user(run.requested_by, users) if run.origin is Origin.MANUAL else SYSTEM,
        "rtArgs": run.arguments,
    }


def user(name: str | None, users: Users) -> Document | None:
    found = users.get(name) if name else None
    if found is None:
        return {"loginName": name, "domain": DOMAIN} if name else None
    return {
        "id": found.id,
        "firstName": found.username,
        "lastName": "",
        "loginName": found.username,
        "domain": DOMAIN,
        "admin": found.role is Role.ADMINISTRATOR,
        "instituteAdmin": False,
    }


def _users() -> Users:
    return {user.username: user for user in services().users.list()}


def _argument_names(job: Job) -> Sequence[str]:
    types = services().types
    return types.get(job.job_type).argument_names(job.parameters) if job.job_type in types else ()
