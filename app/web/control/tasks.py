"""One task: /api/add, /api/delete, /api/run. A task is a job, named by its integer id."""

import re
import threading

from flask import Response, jsonify

from app.core.errors import CarillonError, InvalidError, NotFoundError
from app.core.models import Job
from app.core.statuses import RunStatus
from app.web.auth import services
from app.web.control.routes import BY, changes

WAITED_FOR = "RUNNER_CALL"
WAIT_SECONDS = 5.0
WAITING = threading.BoundedSemaphore(6)
"""Each one that waits holds a thread of the server, which has 16."""


class CallFailedError(CarillonError):
    """The runner did not take the task."""


@changes("/add/<task_id>", "add job")
def add(task_id: str) -> Response:
    """Replace the task's entries by what its triggers say now, and enable it."""
    services().entries.add(_number(task_id), BY)
    return jsonify(message="Scheduler: task job added!")


@changes("/delete/<task_id>", "delete task jobs")
def delete(task_id: str) -> Response:
    """Take the task's entries away, delayed runs included, and disable it."""
    services().entries.remove(_number(task_id), BY)
    return jsonify(message="Scheduler: task job deleted!")


@changes("/delete", "delete all tasks")
def delete_all() -> Response:
    services().entries.remove_all(BY)
    return jsonify(message="Scheduler: all jobs deleted!")


@changes("/run/<task_id>", "run task")
def run(task_id: str) -> Response:
    """Run now, also a disabled task. A call of the runner tells how it went, if it ends soon."""
    job = _job(task_id)
    run = services().runs.request(job.uid, BY)
    if job.job_type == WAITED_FOR:
        _wait(run.id)
    return jsonify(message="Scheduler: task job started!")


def _wait(run_id: int) -> None:
    """Wait for the end of a run, unless many do so already. Raises ``CallFailedError`` when it did not succeed."""
    if not WAITING.acquire(blocking=False):
        return
    try:
        services().ends.wait(lambda: services().runs.get(run_id).status.is_final, WAIT_SECONDS)
    finally:
        WAITING.release()
    run = services().runs.get(run_id)
    if run.status.is_final and run.status is not RunStatus.SUCCEEDED:
        raise CallFailedError(run.error or f"the run was {run.status}")


@changes("/run/<task_id>/delay/<minutes>", "run task with delay")
def run_later(task_id: str, minutes: str) -> Response:
    """Run so many minutes from now; ``0`` is at once."""
    number = _job(task_id).id
    services().entries.delay(number, _minutes(minutes))
    return jsonify(message="Scheduler: task scheduled!")


def _job(task_id: str) -> Job:
    return services().entries.job(_number(task_id))


def _number(task_id: str) -> int:
    """Raises ``NotFoundError`` for what is no number of a job: any text gets here."""
    if not re.fullmatch(r"[0-9]{1,18}", task_id):
        raise NotFoundError(f"no job with id {task_id!r}")
    return int(task_id)


def _minutes(text: str) -> int:
    """A number with a sign is read, so that the core can say which ones there are."""
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise InvalidError.of("minutes", f"{text[:50]!r} is no whole number of minutes")
    return int(text)
