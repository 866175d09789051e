"""/api/jobConfigurations"""

from dataclasses import replace

from flask import Response, request

from app.core.errors import ConflictError
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.uids import new_uid
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.dhis2 import field_filter
from app.web.dhis2.documents import document
from app.web.dhis2.listing import listed
from app.web.dhis2.messages import execution_report, object_report
from app.web.dhis2.reports import reporting
from app.web.dhis2.routes import address_of, route
from app.web.dhis2.schedules import triggers_for
from app.web.dhis2.schemas import Asked, JobConfiguration


@route("GET")
@allow(Right.SEE)
def index() -> Response:
    return bodies.write(listed())


@route("GET", "/<uid>")
@allow(Right.SEE)
def show(uid: str) -> Response:
    selection = field_filter.parse(",".join(request.args.getlist("fields")) or "*")
    return bodies.write(selection.pick(document(services().jobs.get(uid))))


@route("POST")
@allow(Right.EDIT)
def create() -> Response:
    spec = _new(bodies.read(JobConfiguration()))
    with reporting(spec.uid or "", spec):
        job = services().jobs.create(spec, current_actor().name)
    return object_report(201, job.uid, headers={"Location": address_of(job)})


@route("PUT", "/<uid>")
@allow(Right.EDIT)
def update(uid: str) -> Response:
    spec = _changed(services().jobs.get(uid), bodies.read(JobConfiguration()))
    with reporting(uid, spec):
        services().jobs.update(uid, spec, current_actor().name)
    return object_report(200, uid)


@route("DELETE", "/<uid>")
@allow(Right.EDIT)
def delete(uid: str) -> Response:
    services().jobs.delete(uid, current_actor().name)
    return object_report(200, uid)


@route("POST", "/<uid>/execute")
@allow(Right.RUN)
def execute(uid: str) -> Response:
    """Run now, whatever the schedule says; a disabled job does not run."""
    _check_enabled(services().jobs.get(uid))
    services().runs.request(uid, current_actor().name)
    return execution_report()


@route("POST", "/<uid>/enable")
@allow(Right.EDIT)
def enable(uid: str) -> Response:
    _check_scheduled(services().jobs.get(uid))
    services().jobs.enable(uid, current_actor().name)
    return Response(status=204)


@route("POST", "/<uid>/disable")
@allow(Right.EDIT)
def disable(uid: str) -> Response:
    services().jobs.disable(uid, current_actor().name)
    return Response(status=204)


def _new(asked: Asked) -> JobSpec:
    enabled = asked.enabled is not False
    return JobSpec(
        name=asked.name or "",
        job_type=asked.job_type or "",
        parameters=asked.parameters or {},
        triggers=triggers_for(asked, None, services().settings.timezone, enabled=enabled),
        enabled=enabled,
        description=asked.description or "",
        group=asked.group or "DEFAULT",
        uid=asked.uid or new_uid(),
    )


def _changed(job: Job, asked: Asked) -> JobSpec:
    """What was not said of our own extra members stays; the type of a job never changes."""
    enabled = job.enabled if asked.enabled is None else asked.enabled
    spec = _new(replace(asked, uid=job.uid, job_type=job.job_type, enabled=enabled, triggers=None))
    return replace(
        spec,
        parameters=job.parameters if asked.parameters is None else asked.parameters,
        triggers=triggers_for(asked, job, services().settings.timezone, enabled=enabled),
        description=job.description if asked.description is None else asked.description,
        group=asked.group or job.group,
        timeout_seconds=job.timeout_seconds,
    )


def _check_enabled(job: Job) -> None:
    if not job.enabled:
        raise ConflictError("Job is disabled.", code="disabled")


def _check_scheduled(job: Job) -> None:
    if not job.triggers:
        raise ConflictError("Job requires schedule setup before it can be enabled.", code="no_schedule")
