"""/scheduled-jobs"""

from collections.abc import Sequence

from flask import Response, request

from app.core.models import Job
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.openspecimen.documents import QUERY_TYPE, job_details, type_of
from app.web.openspecimen.lookups import job_of
from app.web.openspecimen.reading import choice_argument, number_argument
from app.web.openspecimen.routes import route

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
        found = services().jobs.list(text=text, job_type=job_type, offset=start, limit=limit, newest_first=True)
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


def _others(text: str, wanted: str | None) -> Sequence[Job]:
    """Jobs of a type that the database does not know as one."""
    return [job for job in services().jobs.list(text=text, newest_first=True) if type_of(job) == wanted]
