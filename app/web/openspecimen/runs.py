"""/scheduled-jobs/{id}/runs"""

import shlex
from collections.abc import Mapping
from typing import Any

from flask import Response

from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import Job
from app.core.runs import RunFilter
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.downloads import send
from app.web.openspecimen.documents import job_details, run_details
from app.web.openspecimen.errors import FILE_NOT_FOUND, UserError
from app.web.openspecimen.lookups import file_of, job_of, run_of
from app.web.openspecimen.reading import choice_argument, from_argument, number_argument, to_argument, whole_number
from app.web.openspecimen.routes import route
from app.web.openspecimen.statuses import FAILED, IN_PROGRESS, SUCCEEDED, statuses_called

MAX_RESULTS = 100


@route("POST", "/scheduled-jobs/<job_id>/runs")
@allow(Right.RUN)
def start_run(job_id: str) -> Response:
    """Run now, and answer with the job. Nothing new runs for a disabled or a running one, and that is no error."""
    job = job_of(job_id)
    text = _arguments()
    parameters = _parameters(job, text)
    if job.enabled:
        _request(job, parameters, text)
    return bodies.write(job_details([job])[0])


@route("GET", "/scheduled-jobs/<job_id>/runs")
@allow(Right.SEE)
def runs(job_id: str) -> Response:
    """Newest first. An unknown job has no runs."""
    limit = number_argument("maxResults", MAX_RESULTS)
    return bodies.write(run_details(services().runs.list(_wanted(job_id), limit=limit)))


@route("GET", "/scheduled-jobs/<job_id>/runs/<run_id>")
@allow(Right.SEE)
def run(job_id: str, run_id: str) -> Response:
    return bodies.write(run_details([run_of(job_id, run_id)])[0])


@route("GET", "/scheduled-jobs/<job_id>/runs/<run_id>/result-file")
@allow(Right.SEE)
def result_file(job_id: str, run_id: str) -> Response:
    """The file itself; a real server sends a zip, the reference promises a CSV."""
    file = file_of(run_of(job_id, run_id))
    try:
        return send(file)
    except NotFoundError:
        raise UserError(FILE_NOT_FOUND) from None


def _request(job: Job, parameters: Mapping[str, Any], text: str | None) -> None:
    try:
        services().runs.request(job.uid, current_actor().name, parameters=parameters, arguments=text)
    except ConflictError as error:
        if error.code != "already_running":
            raise


def _wanted(job_id: str) -> RunFilter:
    status = choice_argument("status", (IN_PROGRESS, SUCCEEDED, FAILED))
    return RunFilter(
        job_id=whole_number("jobId", job_id),
        statuses=statuses_called(status) if status else (),
        created_from=from_argument("fromDate"),
        created_to=to_argument("toDate"),
    )


def _arguments() -> str | None:
    """The ``args`` of the body; without a body there are none."""
    given = None if bodies.is_empty() else bodies.read_object().get("args")
    if given is not None and not isinstance(given, str):
        raise InvalidError.of("args", "args must be a text of arguments with blanks between them")
    return given


def _parameters(job: Job, text: str | None) -> Mapping[str, Any]:
    """What the arguments replace in the job's parameters. Raises ``InvalidError``."""
    try:
        words = shlex.split(text or "")
    except ValueError as error:
        raise InvalidError.of("args", f"args cannot be read: {error}") from None
    return services().types.get(job.job_type).arguments(job.parameters, words) if words else {}
