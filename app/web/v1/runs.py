"""/api/v1/runs"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.core.models import ResultFile, Run
from app.core.runs import RunFilter
from app.core.statuses import FailureReason, Origin, RunStatus
from app.web.auth import Right, current_actor, services
from app.web.v1.routes import operation

TEXT = {"type": "string"}


class FileSchema(Schema):
    """A result file; it is there only when it is complete."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    rows = fields.Integer(required=True, allow_none=True)
    sha256 = fields.String(required=True)
    columns = fields.List(fields.String(), required=True, allow_none=True)
    csv = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "How a CSV file is written: `delimiter`, `encoding`, `compression`, and `guarded`, whether"
            " texts that a spreadsheet would take for formulas begin with an apostrophe. The API gives files unchanged."
        },
    )


class RunSchema(Schema):
    """One execution of a job."""

    id = fields.Integer(required=True)
    job_id = fields.Integer(required=True)
    job_name = fields.String(required=True)
    job_type = fields.String(required=True)
    status = fields.Enum(RunStatus, by_value=True, required=True, metadata=TEXT)
    origin = fields.Enum(Origin, by_value=True, required=True, metadata=TEXT)
    requested_by = fields.String(required=True, allow_none=True)
    cancelled_by = fields.String(required=True, allow_none=True)
    cancelled_at = fields.AwareDateTime(required=True, allow_none=True)
    parameters = fields.Dict(required=True)
    scheduled_for = fields.AwareDateTime(required=True)
    queued_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    host = fields.String(required=True, allow_none=True)
    pid = fields.Integer(required=True, allow_none=True)
    reason = fields.Enum(FailureReason, by_value=True, required=True, allow_none=True, metadata=TEXT)
    error = fields.String(required=True, allow_none=True)
    progress = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "The newest `stage`, and what the job counts. A single run shows its `processes`, with their"
            " stages and items, and how many `seconds_left` earlier runs let expect."
        },
    )
    files = fields.List(fields.Nested(FileSchema), required=True)


class RunsSchema(Schema):
    items = fields.List(fields.Nested(RunSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The `cursor` of the next page."})


class RunsQuerySchema(Schema):
    job = fields.String(metadata={"description": "The uid of a job."})
    status = fields.Enum(RunStatus, by_value=True, metadata=TEXT)
    origin = fields.Enum(Origin, by_value=True, metadata=TEXT)
    start = fields.AwareDateTime(data_key="from", metadata={"description": "Queued at this moment or later."})
    end = fields.AwareDateTime(data_key="to", metadata={"description": "Queued at this moment or earlier."})
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))
    cursor = fields.Integer(validate=validate.Range(0, 2**63 - 1))


@operation("GET", "/runs", Right.SEE, query=RunsQuerySchema, gives=RunsSchema, errors=(404,))
def list_runs(query: dict[str, Any]) -> dict[str, Any]:
    """List runs, newest first"""
    wanted = RunFilter(
        job_id=services().jobs.get(query["job"]).id if "job" in query else None,
        statuses=[query["status"]] if "status" in query else (),
        origin=query.get("origin"),
        created_from=query.get("start"),
        created_to=query.get("end"),
    )
    runs = services().runs.list(wanted, before=query.get("cursor"), limit=query["limit"])
    return listed([document(run) for run in runs], query["limit"])


@operation("GET", "/runs/<int:run_id>", Right.SEE, gives=RunSchema, errors=(404,))
def show_run(run_id: int) -> dict[str, Any]:
    """Show a run"""
    run = services().runs.get(run_id)
    return document(run) | {"progress": services().progress.of(run)}


@operation("POST", "/runs/<int:run_id>/cancel", Right.RUN, gives=RunSchema, statuses=(202,), errors=(404, 409))
def cancel_run(run_id: int) -> dict[str, Any]:
    """Cancel a run

    It is `cancelling` until everything that it started has really ended.
    """
    services().runs.cancel(run_id, current_actor().name)
    return document(services().runs.get(run_id))


def listed(items: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page; a full one may have a next."""
    return {"items": items, "next": str(items[-1]["id"]) if len(items) == limit else None}


def document(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RunSchema._declared_fields if name != "files"} | {
        "files": [_file(made) for made in run.files]
    }


def _file(made: ResultFile) -> dict[str, Any]:
    return {name: getattr(made, name) for name in FileSchema._declared_fields}
