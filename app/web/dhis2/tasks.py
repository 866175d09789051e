"""/api/system/tasks: what running and completed jobs say, as notifications, the newest first."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response

from app.core.models import Run
from app.core.runs import RunFilter
from app.core.statuses import RunStatus
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2.routes import APIS, route
from app.web.dhis2.scheduling import type_named
from app.web.dhis2.times import local

tasks = partial(route, resource=[f"{api}/system/tasks" for api in APIS])

NEWEST = 500
"""Lines of a run; the whole log is at our own API."""
LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR"}


@tasks("GET", "/<name>")
@allow(Right.SEE)
def notifications_of_type(name: str) -> Response:
    """By the id of a job: of those of the type that are running, and of the one that has ended last."""
    job_type = type_named(name)
    runs = [*services().progress.completed([job_type]), *services().progress.going_on([job_type])]
    uids = services().jobs.uids(run.job_id for run in runs)
    return bodies.write({uids[run.job_id]: _notifications(run) for run in runs})


@tasks("GET", "/<name>/<uid>")
@allow(Right.SEE)
def notifications_of_job(name: str, uid: str) -> Response:
    """Of its newest run: each start begins afresh."""
    found = services().jobs.get(uid)
    runs = services().runs.list(RunFilter(job_id=found.id), limit=1) if found.job_type == type_named(name) else []
    return bodies.write([notice for run in runs for notice in _notifications(run)])


def _notifications(run: Run) -> Sequence[dict[str, Any]]:
    lines = services().runs.log_lines(run.id, after=max(0, run.last_log - NEWEST), limit=NEWEST)
    said = [_notification(run, line.number, LEVELS.get(line.level, "INFO"), line.at, line.message) for line in lines]
    if run.status.is_final:
        level, words = (
            "INFO" if run.status is RunStatus.SUCCEEDED else "ERROR",
            run.error or f"{run.job_name}: {run.status}",
        )
        said.append(_notification(run, 0, level, run.finished_at, words, done=True))
    return said[::-1]


def _notification(
    run: Run, number: int, level: str, at: datetime | None, message: str, *, done: bool = False
) -> dict[str, Any]:
    uid = "n" + hashlib.sha256(f"{run.id} {number}".encode()).hexdigest()[:10]
    return {
        "uid": uid,
        "level": level,
        "category": run.job_type,
        "time": local(at),
        "message": message,
        "completed": done,
        "id": uid,
    }
