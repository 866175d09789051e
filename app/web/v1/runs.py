"""/api/v1/runs"""

from collections.abc import Sequence
from typing import Any

from flask import request
from marshmallow import Schema, fields, validate

from app.core.models import Run
from app.core.runs import RunFilter
from app.core.statuses import FailureReason, Origin, RunStatus
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import TEXT, Cursor, Limit, Moment, Next, Truth
from app.web.v1.jobs import check_parameters
from app.web.v1.results import ResultSchema, result_document
from app.web.v1.routes import PREFIX, Answer, operation


class RunSchema(Schema):
    """One execution of a job."""

    id = fields.Integer(required=True)
    job = fields.String(required=True, metadata={"description": "The uid of its job."})
    job_id = fields.Integer(required=True)
    job_name = fields.String(required=True)
    job_type = fields.String(required=True)
    status = fields.Enum(RunStatus, by_value=True, required=True, metadata=TEXT)
    origin = fields.Enum(Origin, by_value=True, required=True, metadata=TEXT)
    requested_by = fields.String(required=True, allow_none=True)
    cancelled_by = fields.String(required=True, allow_none=True)
    cancelled_at = Moment(required=True, allow_none=True)
    parameters = fields.Dict(required=True)
    scheduled_for = Moment(required=True)
    queued_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)
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
    asks = Truth(required=True, metadata={"description": "Interrupted, and its job says to ask: somebody decides."})
    files = fields.List(fields.Nested(ResultSchema), required=True)


class AttemptSchema(Schema):
    """A try of a run that ended and was followed by another one."""

    number = fields.Integer(required=True, metadata={"description": "From 1."})
    status = fields.Enum(RunStatus, by_value=True, required=True, metadata=TEXT)
    reason = fields.Enum(FailureReason, by_value=True, required=True, allow_none=True, metadata=TEXT)
    error = fields.String(required=True, allow_none=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True)
    host = fields.String(required=True, allow_none=True)
    pid = fields.Integer(required=True, allow_none=True)
    last_log = fields.Integer(
        required=True, metadata={"description": "The number of its last log line; those of the next follow it."}
    )


class OneRunSchema(RunSchema):
    """One execution of a job, with what only a single one tells."""

    waits_for = fields.String(
        required=True, allow_none=True, metadata={"description": "What a queued run waits for, in words."}
    )
    earlier_attempts = fields.List(
        fields.Nested(AttemptSchema), required=True, metadata={"description": "The run itself tells of its newest."}
    )


class RunDecisionSchema(Schema):
    again = Truth(required=True, metadata={"description": "true: run it once more. false: leave it as it is."})


class RunsSchema(Schema):
    items = fields.List(fields.Nested(RunSchema), required=True)
    next = Next()


class RunsQuerySchema(Schema):
    job = fields.String(metadata={"description": "The uid of a job."})
    status = fields.Enum(RunStatus, by_value=True, metadata=TEXT)
    origin = fields.Enum(Origin, by_value=True, metadata=TEXT)
    asks = fields.Boolean(load_default=None, metadata={"description": "Whether they wait for a decision."})
    start = fields.AwareDateTime(data_key="from", metadata={"description": "Queued at this moment or later."})
    end = fields.AwareDateTime(data_key="to", metadata={"description": "Queued at this moment or earlier."})
    limit = Limit()
    cursor = Cursor()


class StartRunSchema(Schema):
    parameters = fields.Dict(
        load_default=dict, metadata={"description": "Instead of the job's own, for this run; the others stay."}
    )


class KeySchema(Schema):
    key = fields.String(
        data_key="Idempotency-Key",
        validate=validate.Regexp("^[!-~]{1,200}$", error="Must have 1 to 200 visible ASCII characters."),
        metadata={
            "description": "Made up by the caller: the same key for the same job gives the same run, while it is kept."
        },
    )


class LogLineSchema(Schema):
    number = fields.Integer(
        required=True, metadata={"description": "From 1, in order; of a long log the middle is left out."}
    )
    at = Moment(required=True)
    level = fields.String(required=True)
    message = fields.String(required=True)


class LogSchema(Schema):
    items = fields.List(fields.Nested(LogLineSchema), required=True)
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` of what follows; null when the run is over and all is read."},
    )


class LogQuerySchema(Schema):
    limit = Limit()
    cursor = Cursor()


@operation("POST", "/jobs/<uid>/runs", Right.RUN, headers=KeySchema, takes=StartRunSchema, needs_body=False,
           gives=OneRunSchema, statuses=(201, 200), errors=(404, 409), tells={"Location": "The address of the run."},
           example={"parameters": {"maxRows": 1000}})  # fmt: skip
def start_run(uid: str, headers: dict[str, str], asked: dict[str, Any]) -> Answer:
    """Run a job now

    Whatever its triggers say, also when it is disabled. With an `Idempotency-Key` a request can safely be repeated:
    201 for the first, then 200 with the same run.
    """
    job, key, given = services().jobs.get(uid), headers.get("key"), asked.get("parameters", {})
    check_parameters(job.job_type, given)
    values = services().types.get(job.job_type).coerce({**job.parameters, **given}) if given else {}
    is_known = key is not None and services().runs.started_with(job.id, key)
    run = services().runs.request(uid, current_actor().name, parameters={name: values[name] for name in given}, key=key)
    location = f"{request.host_url.rstrip('/')}{PREFIX}/runs/{run.id}"
    return Answer(_whole(services().runs.get(run.id)), 200 if is_known else 201, {"Location": location})


@operation("GET", "/runs", Right.SEE, query=RunsQuerySchema, gives=RunsSchema, errors=(404,))
def list_runs(query: dict[str, Any]) -> dict[str, Any]:
    """List runs, newest first"""
    wanted = RunFilter(
        job_id=services().jobs.get(query["job"]).id if "job" in query else None,
        statuses=[query["status"]] if "status" in query else (),
        origin=query.get("origin"),
        asks=query["asks"],
        created_from=query.get("start"),
        created_to=query.get("end"),
    )
    runs = services().runs.list(wanted, before=query.get("cursor"), limit=query["limit"])
    return listed(documents(runs), query["limit"])


@operation("GET", "/runs/<int:run_id>", Right.SEE, gives=OneRunSchema, errors=(404,))
def show_run(run_id: int) -> dict[str, Any]:
    """Show a run"""
    return _whole(services().runs.get(run_id))


@operation("POST", "/runs/<int:run_id>/cancel", Right.RUN, gives=OneRunSchema, statuses=(202,), errors=(404, 409))
def cancel_run(run_id: int) -> dict[str, Any]:
    """Cancel a run

    It is `cancelling` until everything that it started has really ended.
    """
    services().runs.cancel(run_id, current_actor().name)
    return _whole(services().runs.get(run_id))


@operation("POST", "/runs/<int:run_id>/decision", Right.RUN, takes=RunDecisionSchema, gives=OneRunSchema,
           errors=(404, 409), example={"again": True})  # fmt: skip
def decide_run(run_id: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer an interrupted run that asks

    To run it once more for the same moment gives the new run, to leave it the old one. `not_asking` when it does not
    wait for an answer, `already_running` when the job has started otherwise.
    """
    run = services().runs.decide(run_id, asked["again"], current_actor().name)
    return _whole(services().runs.get(run.id))


@operation("GET", "/runs/<int:run_id>/log", Right.SEE, query=LogQuerySchema, gives=LogSchema, errors=(404,))
def show_log(run_id: int, query: dict[str, Any]) -> dict[str, Any]:
    """Read the log of a run, oldest line first

    While the run goes on `next` says where to read on, also when nothing new is there yet.
    """
    run, after = services().runs.get(run_id), query.get("cursor", 0)
    lines = services().runs.log_lines(run_id, after=after, limit=query["limit"])
    last = lines[-1].number if lines else after
    goes_on = len(lines) == query["limit"] or not run.status.is_final
    return {"items": lines, "next": str(last) if goes_on else None}


def _whole(run: Run) -> dict[str, Any]:
    return documents([run])[0] | {
        "progress": services().progress.of(run),
        "waits_for": services().runs.waits_for(run) if run.status is RunStatus.QUEUED else None,
        "earlier_attempts": services().runs.attempts(run.id),
    }


def listed(items: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """A page; a full one may have a next."""
    return {"items": items, "next": str(items[-1]["id"]) if len(items) == limit else None}


def documents(runs: Sequence[Run]) -> list[dict[str, Any]]:
    uids = services().jobs.uids(run.job_id for run in runs)
    own = RunSchema._declared_fields.keys() - {"job", "files"}
    return [
        {name: getattr(run, name) for name in own}
        | {"job": uids[run.job_id], "files": [result_document(made, uids[run.job_id]) for made in run.files]}
        for run in runs
    ]
