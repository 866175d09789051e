"""/api/v1/queues"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from marshmallow import Schema, fields, validate

from app.core.errors import NotFoundError
from app.core.jobs import next_fire
from app.core.models import QUEUE, Job, Run
from app.core.queues import FEWEST_STEPS, MOST_STEPS, QueueSpec, StepSpec
from app.core.runs import RunFilter
from app.core.statuses import NotStarted, OnFailure, RunStatus
from app.core.steps import StepState
from app.web.auth import Right, current_actor, services
from app.web.trigger_schema import Instant, Triggers
from app.web.v1.fields import TEXT, Cursor, Limit, Next, Truth
from app.web.v1.routes import PREFIX, Answer, operation
from app.web.v1.runs import KeySchema, RunSchema, documents, listed
from app.web.v1.schemas import SentBack
from app.web.v1.versions import TELLS, MatchSchema, asked_version, etag, required_version

CREATED = {**TELLS, "Location": "The address of the queue."}

EXAMPLE = {
    "name": "night",
    "triggers": [{"kind": "cron", "expression": "0 0 1 ? * *", "timezone": "Europe/Paris"}],
    "steps": [{"job": "FgAxa6eRSzQ"}, {"job": "BeclVERfWbg", "on_failure": "always"}],
}


class StepSchema(SentBack):
    """A job of a queue, in its place."""

    job = fields.String(required=True, metadata={"description": "Its uid."})
    on_failure = fields.Enum(OnFailure, by_value=True, load_default=OnFailure.STOP, metadata={**TEXT, "description": (
        "What follows when a step does not succeed. stop: the steps after it do not start. continue: the queue goes on "
        "all the same. always: the step starts even when an earlier one has stopped the queue; its own failure counts "
        "as with stop."
    )})  # fmt: skip
    name = fields.String(required=True, dump_only=True)
    enabled = Truth(
        required=True, dump_only=True, metadata={"description": "A step whose job is off counts as failed."}
    )


class QueueSchema(SentBack):
    """Jobs that run one after another. What is read only may be sent back and is ignored."""

    uid = fields.String(required=True, dump_only=True)
    name = fields.String(required=True)
    triggers = Triggers(load_default=list, metadata={"description": "When it starts; none: by hand only."})
    steps = fields.List(fields.Nested(StepSchema), required=True, validate=validate.Length(FEWEST_STEPS, MOST_STEPS),
                        metadata={"description": f"From {FEWEST_STEPS} to {MOST_STEPS}, in their order."})  # fmt: skip
    enabled = Truth(load_default=True)
    description = fields.String(load_default="")
    version = fields.Integer(
        required=True, dump_only=True, metadata={"description": "Counts the changes; also in the ETag."}
    )
    next_fire_at = Instant(required=True, dump_only=True, allow_none=True)


class QueuesSchema(Schema):
    queues = fields.List(fields.Nested(QueueSchema), required=True)


class StartSchema(Schema):
    first_step = fields.Integer(
        strict=True, load_default=0, metadata={"description": "The step to begin with, counted from 0."}
    )


class StepStateSchema(Schema):
    """How a step of a queue's run stands."""

    position = fields.Integer(required=True, metadata={"description": "Counted from 0."})
    job = fields.String(required=True, metadata={"description": "The uid of its job."})
    job_id = fields.Integer(required=True)
    job_name = fields.String(required=True)
    on_failure = fields.Enum(OnFailure, by_value=True, required=True, metadata=TEXT)
    status = fields.String(
        required=True, validate=validate.OneOf([*RunStatus, "waiting", "not_started"]),
        metadata={"description": "That of its run; `waiting` for its turn, `not_started` when that will not come."},
    )  # fmt: skip
    not_started = fields.Enum(NotStarted, by_value=True, required=True, allow_none=True, metadata={**TEXT,
        "description": "Why it did not start: an earlier step failed, the run was cancelled, its job was off or gone."
    })  # fmt: skip
    run_id = fields.Integer(required=True, allow_none=True)


class QueueRunSchema(RunSchema):
    """One run of a queue. It succeeds when all its steps do."""

    steps = fields.List(fields.Nested(StepStateSchema), required=True)


class QueueRunsSchema(Schema):
    items = fields.List(fields.Nested(QueueRunSchema), required=True)
    next = Next()


class QueueRunsQuerySchema(Schema):
    limit = Limit()
    cursor = Cursor()


@operation("GET", "/queues", Right.SEE, gives=QueuesSchema)
def list_queues() -> dict[str, Any]:
    """List all queues"""
    return {"queues": [_document(queue) for queue in services().queues.list()]}


@operation("POST", "/queues", Right.EDIT, takes=QueueSchema, gives=QueueSchema, statuses=(201,), tells=CREATED,
           example=EXAMPLE)  # fmt: skip
def create_queue(asked: dict[str, Any]) -> Answer:
    """Make a queue

    A job is in one queue at the most. While it is, its own triggers are suspended.
    """
    made = services().queues.create(_spec(asked), current_actor().name)
    return _answer(made.uid, 201, {"Location": f"{request.host_url.rstrip('/')}{PREFIX}/queues/{made.uid}"})


@operation("GET", "/queues/<uid>", Right.SEE, gives=QueueSchema, errors=(404,), tells=TELLS)
def show_queue(uid: str) -> Answer:
    """Show a queue"""
    return _answer(uid)


@operation("PUT", "/queues/<uid>", Right.EDIT, headers=MatchSchema, takes=QueueSchema, gives=QueueSchema,
           errors=(404, 412, 428), tells=TELLS, example=EXAMPLE)  # fmt: skip
def update_queue(uid: str, headers: dict[str, str], asked: dict[str, Any]) -> Answer:
    """Replace what a queue is

    Jobs that leave are switched off; switching them on gives them their own triggers back. A run that is going on keeps
    the steps with which it began. `If-Match` is required, so that nobody overwrites what somebody else has just
    changed.
    """
    services().queues.get(uid)
    services().queues.update(uid, _spec(asked), current_actor().name, required_version(headers))
    return _answer(uid)


@operation("DELETE", "/queues/<uid>", Right.EDIT, headers=MatchSchema, statuses=(204,), errors=(404, 412))
def delete_queue(uid: str, headers: dict[str, str]) -> None:
    """Delete a queue

    Its run is cancelled. Its jobs stay, switched off.
    """
    services().queues.delete(uid, current_actor().name, asked_version(headers))


@operation("POST", "/queues/<uid>/runs", Right.RUN, headers=KeySchema, takes=StartSchema, needs_body=False,
           gives=QueueRunSchema, statuses=(202, 200), errors=(404, 409), tells={"Location": "The address of the run."},
           example={"first_step": 0})  # fmt: skip
def start_queue(uid: str, headers: dict[str, str], asked: dict[str, Any]) -> Answer:
    """Start a queue now

    From its first step or a later one, whatever its triggers say. `already_running` while a run of it is going on. With
    an `Idempotency-Key` a request can safely be repeated: 202 for the first, then 200 with the same run.
    """
    queue, key = services().queues.get(uid), headers.get("key")
    is_known = key is not None and services().runs.started_with(queue.id, key)
    run = services().queues.start(uid, current_actor().name, first_step=asked.get("first_step", 0), key=key)
    location = f"{request.host_url.rstrip('/')}{PREFIX}/queues/{uid}/runs/{run.id}"
    shown = _shown_runs([services().runs.get(run.id)])[0]
    return Answer(shown, 200 if is_known else 202, {"Location": location})


@operation("GET", "/queues/<uid>/runs", Right.SEE, query=QueueRunsQuerySchema, gives=QueueRunsSchema, errors=(404,))
def list_queue_runs(uid: str, query: dict[str, Any]) -> dict[str, Any]:
    """List the runs of a queue with their steps, newest first"""
    wanted = RunFilter(job_id=services().queues.get(uid).id)
    runs = services().runs.list(wanted, before=query.get("cursor"), limit=query["limit"])
    return listed(_shown_runs(runs), query["limit"])


@operation("GET", "/queues/<uid>/runs/<int:run_id>", Right.SEE, gives=QueueRunSchema, errors=(404,))
def show_queue_run(uid: str, run_id: int) -> dict[str, Any]:
    """Show a run of a queue with its steps

    `/runs/{run_id}/cancel` cancels it as any other run: with the step that is going on; the rest does not start.
    """
    queue, run = services().queues.get(uid), services().runs.get(run_id)
    if run.job_type != QUEUE or run.job_id != queue.id:
        raise NotFoundError(f"no run {run_id} of this queue")
    return _shown_runs([run])[0]


def _spec(asked: dict[str, Any]) -> QueueSpec:
    steps = [StepSpec(step["job"], step["on_failure"]) for step in asked["steps"]]
    return QueueSpec(asked["name"], asked["triggers"], steps, asked["enabled"], asked["description"])


def _answer(uid: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    queue = services().queues.get(uid)
    return Answer(_document(queue), status, etag(queue) | dict(headers or {}))


def _document(queue: Job) -> dict[str, Any]:
    following = next_fire(queue)
    return {
        "uid": queue.uid,
        "name": queue.name,
        "triggers": queue.triggers,
        "steps": [
            {"job": step.job.uid, "name": step.job.name, "enabled": step.job.enabled, "on_failure": step.on_failure}
            for step in queue.steps
        ],
        "enabled": queue.enabled,
        "description": queue.description,
        "version": queue.version,
        "next_fire_at": following.next_fire_at if following else None,
    }


def _shown_runs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    states = services().queues.steps_of(runs)
    uids = services().jobs.uids(state.row.job_id for steps in states.values() for state in steps)
    shown = zip(documents(runs), runs, strict=True)
    return [whole | {"steps": [_state(state, uids) for state in states[run.id]]} for whole, run in shown]


def _state(state: StepState, uids: Mapping[int, str]) -> dict[str, Any]:
    row = state.row
    return {
        "position": row.position,
        "job": uids[row.job_id],
        "job_id": row.job_id,
        "job_name": row.job_name,
        "on_failure": row.on_failure,
        "status": state.word,
        "not_started": row.not_started,
        "run_id": row.step_run_id,
    }
