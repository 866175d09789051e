"""/api/jobConfigurations"""

from dataclasses import replace

from flask import Response, request

from app.core.errors import ConflictError
from app.core.jobs import JobSpec
from app.core.members import Place
from app.core.models import Job
from app.core.triggers import TriggerSpec
from app.core.uids import new_uid
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.dhis2 import field_filter, queue_members
from app.web.dhis2.documents import document
from app.web.dhis2.listing import listed
from app.web.dhis2.messages import execution_report, object_report
from app.web.dhis2.patches import asked_by_patch
from app.web.dhis2.reports import reporting
from app.web.dhis2.routes import address_of, route
from app.web.dhis2.schedules import triggers_for
from app.web.dhis2.schemas import Asked, JobConfiguration
from app.web.dhis2.spellings import in_one


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
    _update(services().jobs.get(uid), bodies.read(JobConfiguration()))
    return object_report(200, uid)


@route("PATCH", "/<uid>")
@allow(Right.EDIT)
def patch(uid: str) -> Response:
    """JSON Patch (RFC 6902)."""
    job = services().jobs.get(uid)
    _update(job, asked_by_patch(job))
    return object_report(200, uid)


@route("DELETE", "/<uid>")
@allow(Right.EDIT)
def delete(uid: str) -> Response:
    services().jobs.delete(uid, current_actor().name)
    return object_report(200, uid)


@route("POST", "/<uid>/execute")
@allow(Right.RUN)
def execute(uid: str) -> Response:
    """Run now, whatever the schedule says; a disabled job does not run. One in a queue runs with all that follow it."""
    job = services().jobs.get(uid)
    place = queue_members.place_of(job)
    _check_enabled(job, place)
    queue_members.execute(job, place)
    return execution_report()


@route("POST", "/<uid>/enable")
@allow(Right.EDIT)
def enable(uid: str) -> Response:
    job = services().jobs.get(uid)
    place = queue_members.place_of(job)
    _check_scheduled(job, place)
    queue_members.switch(job, place, True)
    return Response(status=204)


@route("POST", "/<uid>/disable")
@allow(Right.EDIT)
def disable(uid: str) -> Response:
    job = services().jobs.get(uid)
    queue_members.switch(job, queue_members.place_of(job), False)
    return Response(status=204)


@route("POST", "/<uid>/cancel")
@allow(Right.EDIT)
def cancel_runs(uid: str) -> Response:
    """Ask for the end of what the job has queued or running; nothing to cancel is no error."""
    services().runs.cancel_job(services().jobs.get(uid).id, current_actor().name)
    return Response(status=204)


@route("POST", "/<uid>/revert")
@allow(Right.EDIT)
def revert(uid: str) -> Response:
    """Give up a run of which nothing is heard any more."""
    services().engine.revert(services().jobs.get(uid).id, current_actor().name)
    return Response(status=204)


def _update(job: Job, asked: Asked) -> None:
    place = queue_members.place_of(job)
    spec = _changed(job, place, asked)
    with reporting(job.uid, spec):
        services().jobs.update(job.uid, spec, current_actor().name)
    if place and asked.enabled is not None:
        queue_members.switch(job, place, asked.enabled)


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


def _changed(job: Job, place: Place | None, asked: Asked) -> JobSpec:
    """What was not said of our own extra members stays; the type of a job never changes.

    Of a system job only the schedule can change, so it is enough to say that.
    """
    _check_type(job, asked)
    enabled = job.enabled if asked.enabled is None or place else asked.enabled
    spec = _new(replace(asked, uid=job.uid, job_type=job.job_type, enabled=enabled, triggers=None))
    return replace(
        spec,
        name=asked.name or (job.name if job.is_system else ""),
        parameters=job.parameters if asked.parameters is None else in_one(job, asked.parameters),
        triggers=_triggers(job, place, asked, enabled=enabled),
        triggers_suspended=not queue_members.says_schedule(asked, job, place),
        description=job.description if asked.description is None else asked.description,
        group=asked.group or job.group,
        timeout_seconds=job.timeout_seconds,
    )


def _check_type(job: Job, asked: Asked) -> None:
    wanted = asked.job_type or job.job_type
    if wanted != job.job_type and wanted in services().types and services().types.get(wanted).system:
        raise ConflictError(f"Job {job.uid} can not be changed into a system job.", code="system_job")


def _triggers(job: Job, place: Place | None, asked: Asked, *, enabled: bool) -> list[TriggerSpec]:
    zone = services().settings.timezone
    if job.triggers_suspended:
        return queue_members.triggers_for(asked, job, place, zone)
    return triggers_for(asked, job, zone, enabled=enabled)


def _check_enabled(job: Job, place: Place | None) -> None:
    if not queue_members.is_enabled(job, place):
        raise ConflictError("Job is disabled.", code="disabled")


def _check_scheduled(job: Job, place: Place | None) -> None:
    if not job.triggers and not place:
        raise ConflictError("Job requires schedule setup before it can be enabled.", code="no_schedule")
