"""/api/scheduling: what is running and what ran last, by type of job, with its processes, stages and items."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flask import Response

from app.core.models import Run
from app.core.runs import RunFilter
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.dhis2.errors import QueryError
from app.web.dhis2.processes import by_object, errors, infos, processes
from app.web.dhis2.routes import SCHEDULING, api_version, route

scheduling = partial(route, resource=SCHEDULING)

OBJECTS_SINCE = 41
"""From this version on the answer for one type is an object with the errors beside the processes, before an array."""


@scheduling("GET", "/running/types")
@allow(Right.SEE)
def running_types() -> Response:
    return bodies.write(sorted({run.job_type for run in services().progress.going_on(_all_types())}))


@scheduling("GET", "/running")
@allow(Right.SEE)
def running() -> Response:
    return bodies.write(_without_nothing(infos(services().progress.going_on(_all_types()))))


@scheduling("GET", "/running/<name>")
@allow(Right.SEE)
def running_of_type(name: str) -> Response:
    return _progress(services().progress.going_on([type_named(name)]))


@scheduling("GET", "/completed/types")
@allow(Right.SEE)
def completed_types() -> Response:
    return bodies.write([run.job_type for run in services().progress.completed(_all_types())])


@scheduling("GET", "/completed")
@allow(Right.SEE)
def completed() -> Response:
    return bodies.write(_without_nothing(infos(services().progress.completed(_all_types()))))


@scheduling("GET", "/completed/<name>")
@allow(Right.SEE)
def completed_of_type(name: str) -> Response:
    return _progress(services().progress.completed([type_named(name)]))


@scheduling("POST", "/cancel/<name>")
@allow(Right.EDIT)
def cancel(name: str) -> Response:
    """Cancel what is running of the type; that nothing does is no error."""
    services().runs.cancel_type(type_named(name), current_actor().name)
    return Response(status=204)


@route("GET", "/<uid>/progress")
@allow(Right.SEE)
def progress_of_job(uid: str) -> Response:
    """The newest run of one job, whatever the version."""
    return _with_errors(_newest(uid))


@route("GET", "/<uid>/progress/errors")
@allow(Right.SEE)
def errors_of_job(uid: str) -> Response:
    return bodies.write(errors(_newest(uid)))


def _newest(uid: str) -> Sequence[Run]:
    """The newest started run, or nothing. Raises ``NotFoundError``."""
    newest = services().runs.list(RunFilter(job_id=services().jobs.get(uid).id), limit=2)
    return [run for run in newest if run.started_at is not None][:1]


def _all_types() -> Sequence[str]:
    return [job_type.name for job_type in services().types]


def type_named(name: str) -> str:
    """Upper and lower case are the same. Raises ``QueryError``."""
    if name.upper() not in services().types:
        raise QueryError(f"No enum constant org.hisp.dhis.scheduling.JobType.{name.upper()}")
    return name.upper()


def _progress(runs: Sequence[Run]) -> Response:
    if (api_version() or 0) >= OBJECTS_SINCE:
        return _with_errors(runs)
    return bodies.write(_without_nothing(processes(runs, with_user=False)))


def _with_errors(runs: Sequence[Run]) -> Response:
    """The newer form: an object, and no body at all where nothing is."""
    if not runs:
        return Response(mimetype="application/json")
    found = by_object(errors(runs))
    sequence = _without_nothing(processes(runs, with_user=True))
    return bodies.write({"sequence": sequence, **({"errors": found} if found else {})})


def _without_nothing(value: Any) -> Any:
    """DHIS2 leaves out what has no value, at every depth."""
    if isinstance(value, Mapping):
        return {name: _without_nothing(item) for name, item in value.items() if item is not None}
    return [_without_nothing(item) for item in value] if isinstance(value, list) else value
