"""/api/jobConfigurations/due, /stale, /clean, /errors and /{id}/errors: what will run, what hangs, what failed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request

from app.core.jobs import next_fire
from app.core.models import Job, Run
from app.core.statuses import RunStatus
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2.documents import documents, finished_runs
from app.web.dhis2.errors import QueryError
from app.web.dhis2.listing import whole_number
from app.web.dhis2.routes import route
from app.web.dhis2.times import local

MOST_SECONDS = 10 * 366 * 86400


@route("GET", "/due")
@allow(Right.SEE)
def due() -> Response:
    """Those that start within so many seconds; on demand also those whose run waits already."""
    until = services().clock() + _seconds()
    coming = [(at, job) for job in services().jobs.list(enabled=True) if (at := _next_at(job)) and at <= until]
    waiting = _with_status(RunStatus.QUEUED) if _flag("includeWaiting") else []
    ordered = sorted(coming, key=lambda pair: pair[0])
    return _listed({job.id: job for job in [*waiting, *(job for _, job in ordered)]}.values())


@route("GET", "/stale")
@allow(Right.SEE)
def stale() -> Response:
    """Those that run and of which nothing has been heard for so many seconds."""
    before = services().clock() - _seconds()
    running = _with_status(RunStatus.RUNNING, RunStatus.CANCELLING)
    newest = services().jobs.last_runs(running)
    return _listed(job for job in running if (newest[job.id].heartbeat_at or before) < before)


@route("POST", "/clean")
@allow(Right.EDIT)
def clean() -> Response:
    """Nothing to do: DHIS2 deletes jobs that ran once and were to; one of ours stays until somebody deletes it."""
    whole_number("minutes", 0)
    return Response(status=204)


@route("GET", "/<uid>/errors")
@allow(Right.SEE)
def run_errors_of_job(uid: str) -> Response:
    """Of the newest run that is over; ``{}`` where it did not fail."""
    found = list(_run_errors([services().jobs.get(uid)]))
    return bodies.write(found[0] if found else {})


@route("GET", "/errors")
@allow(Right.SEE)
def run_errors() -> Response:
    """Of the newest run of each job, those that fit the query."""
    job_type, first, last = request.args.get("type", ""), _bound("from"), _bound("to")
    found = _run_errors(services().jobs.list(job_type=job_type.upper()))
    return bodies.write([row for row in found if _fits(row, first, last)])


def _next_at(job: Job) -> datetime | None:
    following = next_fire(job)
    return following.next_fire_at if following else None


def _with_status(*statuses: RunStatus) -> Sequence[Job]:
    jobs = services().jobs.list()
    active = services().jobs.active_runs(jobs)
    return [job for job in jobs if active.get(job.id) in statuses]


def _listed(jobs: Iterable[Job]) -> Response:
    """Whole objects in an array of their own, without what has no value."""
    rows = documents(jobs)
    return bodies.write([{name: value for name, value in row.items() if value is not None} for row in rows])


def _run_errors(jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
    uids = {user.username: user.uid for user in services().users.list()}
    finished = finished_runs(jobs)
    for job in jobs:
        run = finished.get(job.id)
        if run and run.status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
            yield _run_error(job, run, uids.get(run.requested_by or ""))


def _run_error(job: Job, run: Run, user: str | None) -> dict[str, Any]:
    code = run.reason.upper() if run.reason else "EXCEPTION"
    shown = {
        "id": job.uid,
        "type": job.job_type,
        "user": user,
        "created": local(run.queued_at),
        "executed": local(run.started_at),
        "finished": local(run.finished_at),
        "codes": [code],
        "errors": [{"code": code, "id": job.uid, "type": job.job_type, "args": [], "message": run.error or ""}],
        "input": dict(run.parameters) if _flag("includeInput") else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _fits(row: dict[str, Any], first: str, last: str) -> bool:
    at: str = row.get("executed") or row["created"]
    code, wanted = request.args.get("code", "").upper(), (("user", "user"), ("object", "id"))
    return (
        all(request.args.get(name) in (None, "", row.get(member)) for name, member in wanted)
        and (not code or code in row["codes"])
        and at[: len(first)] >= first
        and (not last or at[: len(last)] <= last)
    )


def _bound(name: str) -> str:
    """A wall-clock time of the server, or the beginning of one: texts of this form compare as the times do."""
    text = request.args.get(name, "")
    if text and not re.fullmatch(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?)?)?", text, re.ASCII):
        raise QueryError(f"Value '{text[:100]}' is not valid for query parameter {name}: it must be a date.")
    return text


def _flag(name: str) -> bool:
    return request.args.get(name, "false").lower() == "true"


def _seconds() -> timedelta:
    text = request.args.get("seconds", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) <= MOST_SECONDS):
        raise QueryError(f"Value '{text[:100]}' is not valid for query parameter seconds: it must be a whole number.")
    return timedelta(seconds=int(text))
