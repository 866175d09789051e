"""/scheduled-jobs"""

from collections.abc import Sequence

from flask import Response, request

from app.core.job_order import JobOrder
from app.core.models import Job
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.openspecimen.documents import QUERY_TYPE, job_details, type_of
from app.web.openspecimen.lookups import job_of
from app.web.openspecimen.reading import choice_argument, number_argument
from app.web.openspecimen.routes import route
from app.web.openspecimen.schemas import DISABLED, ScheduledJob
from app.web.openspecimen.specs import refusing, spec_for

TYPES = ("INTERNAL", "EXTERNAL", "QUERY")
JOB_TYPES = {None: "", "QUERY": QUERY_TYPE}
"""How the database finds a type; an empty text is any."""
MAX_RESULTS = 100


@route("GET", "/scheduled-jobs")
@allow(Right.SEE)
def jobs() -> Response:
    """Newest first."""
    start, limit = number_argument("startAt", 0), number_argument("maxResults", MAX_RESULTS)
    text, wanted = request.args.get("query", ""), choice_argument("type", TYPES)
    if wanted in JOB_TYPES:
        job_type = JOB_TYPES[wanted]
        found = services().jobs.list(text=text, job_type=job_type, offset=start, limit=limit, order=JobOrder.NEWEST)
    else:
        found = _others(text, wanted)[start : start + limit]
    return bodies.write(job_details(found))


@route("GET", "/scheduled-jobs/count")
@allow(Right.SEE)
def job_count() -> Response:
    text, wanted = request.args.get("query", ""), choice_argument("type", TYPES)
    if wanted in JOB_TYPES:
        return bodies.write({"count": services().jobs.count(text=text, job_type=JOB_TYPES[wanted])})
    return bodies.write({"count": len(_others(text, wanted))})


@route("GET", "/scheduled-jobs/<job_id>")
@allow(Right.SEE)
def job(job_id: str) -> Response:
    return bodies.write(job_details([job_of(job_id)])[0])


@route("POST", "/scheduled-jobs")
@allow(Right.EDIT)
def create_job() -> Response:
    spec, found = spec_for(bodies.read(ScheduledJob()), None)
    with refusing(found):
        services().jobs.check(spec)
    return bodies.write(job_details([services().jobs.create(spec, current_actor().name)])[0])


@route("PUT", "/scheduled-jobs/<job_id>")
@allow(Right.EDIT)
def update_job(job_id: str) -> Response:
    """The id in the body is ignored: the address counts."""
    job = job_of(job_id)
    spec, found = spec_for(bodies.read(ScheduledJob()), job)
    with refusing(found):
        services().jobs.check(spec, job.uid)
    return bodies.write(job_details([services().jobs.update(job.uid, spec, current_actor().name)])[0])


@route("DELETE", "/scheduled-jobs/<job_id>")
@allow(Right.EDIT)
def delete_job(job_id: str) -> Response:
    """Answer with the job as it was, now disabled."""
    job = job_of(job_id)
    [detail] = job_details([job])
    services().jobs.delete(job.uid, current_actor().name)
    return bodies.write(detail | {"activityStatus": DISABLED, "isActiveJob": False, "nextRunOn": None})


def _others(text: str, wanted: str | None) -> Sequence[Job]:
    """Jobs of a type that the database does not know as one."""
    return [job for job in services().jobs.list(text=text, order=JobOrder.NEWEST) if type_of(job) == wanted]
