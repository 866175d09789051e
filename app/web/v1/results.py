"""/api/v1/results"""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.core.models import ResultFile
from app.core.results import ResultFilter
from app.web.auth import Right, current_actor, services
from app.web.downloads import send
from app.web.v1.fields import Cursor, Limit, Moment, Next
from app.web.v1.routes import operation

PARTS = (200, 206, 304)


class ResultSchema(Schema):
    """A result file; it is there only when it is complete."""

    id = fields.Integer(required=True)
    run_id = fields.Integer(required=True)
    job = fields.String(required=True, metadata={"description": "The uid of its job."})
    job_id = fields.Integer(required=True)
    job_name = fields.String(required=True)
    scheduled_for = Moment("The moment that its run stands for.", required=True)
    created_at = Moment(required=True)
    name = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    rows = fields.Integer(required=True, allow_none=True)
    sha256 = fields.String(required=True)
    columns = fields.List(fields.String(), required=True, allow_none=True)
    types = fields.List(
        fields.String(allow_none=True),
        required=True,
        allow_none=True,
        metadata={"description": "Of the columns, in the words of the database; null for one that is not known."},
    )
    csv = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "How a CSV file is written: `delimiter`, `encoding`, `compression`, and `guarded`, whether"
            " texts that a spreadsheet would take for formulas begin with an apostrophe; `header`, `null_text`,"
            " `quoting`, `line_ending`, `date_format`, `decimal_mark`. The API gives files unchanged."
        },
    )
    held = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "What it breaks of its job's contract: it is kept, and not given out as the latest."},
    )
    accepted_at = Moment("When somebody gave it out although it was held.", required=True, allow_none=True)
    accepted_by = fields.String(required=True, allow_none=True)
    pinned = fields.Boolean(required=True, metadata={"description": "No keep-rule deletes it."})


class ResultsSchema(Schema):
    items = fields.List(fields.Nested(ResultSchema), required=True)
    next = Next()


class ResultsQuerySchema(Schema):
    job = fields.String(metadata={"description": "The uid of a job."})
    search = fields.String(load_default="", metadata={"description": "A part of the name of a file or a job."})
    limit = Limit()
    cursor = Cursor()


@operation("GET", "/results", Right.SEE, query=ResultsQuerySchema, gives=ResultsSchema, errors=(404,))
def list_results(query: dict[str, Any]) -> dict[str, Any]:
    """List result files, newest first"""
    job_id = services().jobs.get(query["job"]).id if "job" in query else None
    wanted, limit = ResultFilter(job_id, query["search"]), query["limit"]
    found = services().results.list(wanted, before=query.get("cursor"), limit=limit)
    following = str(found[-1].id) if len(found) == limit else None
    uids = services().jobs.uids(made.job_id for made in found)
    return {"items": [result_document(made, uids[made.job_id]) for made in found], "next": following}


@operation("GET", "/results/<int:file_id>", Right.SEE, gives=ResultSchema, errors=(404,))
def show_result(file_id: int) -> dict[str, Any]:
    """Show what is known of a result file"""
    return _document(services().results.get(file_id))


@operation("GET", "/results/<int:file_id>/content", Right.SEE, file=True, statuses=PARTS, errors=(404, 412, 416))
def download_result(file_id: int) -> Response:
    """Download a result file

    Ranges and conditions are understood, so that a download that was cut can go on.
    """
    return send(services().results.get(file_id))


@operation("POST", "/results/<int:file_id>/accept", Right.EDIT, gives=ResultSchema, errors=(404, 409))
def accept_result(file_id: int) -> dict[str, Any]:
    """Give a held result file out

    The job's contract is widened so that the next file like it is good.
    """
    return _document(services().contracts.accept(file_id, current_actor().name))


@operation("POST", "/results/<int:file_id>/pin", Right.RUN, gives=ResultSchema, errors=(404,))
def pin_result(file_id: int) -> dict[str, Any]:
    """Keep a result file, whatever its job's keep-rule says"""
    return _document(services().keeping.pin(file_id, pinned=True))


@operation("POST", "/results/<int:file_id>/unpin", Right.RUN, gives=ResultSchema, errors=(404,))
def unpin_result(file_id: int) -> dict[str, Any]:
    """Let the job's keep-rule decide over a result file again"""
    return _document(services().keeping.pin(file_id, pinned=False))


@operation("GET", "/jobs/<uid>/results/latest", Right.SEE, gives=ResultSchema, errors=(404,))
def show_latest_result(uid: str) -> dict[str, Any]:
    """Show what is known of a job's newest result file"""
    return _document(_latest(uid))


@operation("GET", "/jobs/<uid>/results/latest/content", Right.SEE, file=True, statuses=PARTS, errors=(404, 412, 416))
def download_latest_result(uid: str) -> Response:
    """Download a job's newest result file"""
    return send(_latest(uid))


def _latest(uid: str) -> ResultFile:
    return services().results.latest(services().jobs.get(uid))


def _document(made: ResultFile) -> dict[str, Any]:
    return result_document(made, services().jobs.uids([made.job_id])[made.job_id])


def result_document(made: ResultFile, job: str) -> dict[str, Any]:
    """``job`` is the uid of its job."""
    return {name: getattr(made, name) for name in ResultSchema._declared_fields if name != "job"} | {"job": job}
