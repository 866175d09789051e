"""All result files."""

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.core.results import ResultFilter
from app.web.auth import Right, allow, services
from app.web.downloads import send
from app.web.pages import live
from app.web.pages.links import given, whole_number
from app.web.pages.site import pages

PER_PAGE = 50


@pages.get("/results")
@allow(Right.SEE)
def results() -> Response:
    query, before = given("text", "job"), whole_number(request.args.get("before"))
    job = services().jobs.get(query["job"]) if "job" in query else None
    wanted = ResultFilter(job_id=job.id if job else None, text=query.get("text", ""))
    found = services().results.list(wanted, before=before, limit=PER_PAGE + 1)
    version = live.fingerprint([(file.id, file.held, file.pinned) for file in found])
    return live.answer(
        "results/index.html", "results/_list.html", version, files=found[:PER_PAGE], query=query, before=before,
        job=job, more=len(found) > PER_PAGE,
    )  # fmt: skip


@pages.get("/results/<int:file_id>/download")
@allow(Right.SEE)
def download(file_id: int) -> ResponseReturnValue:
    """For a person with a spreadsheet: guarded against formulas, unless the file is asked for as it is."""
    return send(services().results.get(file_id), guarded="raw" not in request.args)
