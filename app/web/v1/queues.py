"""/api/v1/queues"""

from collections.abc import Sequence
from typing import Any

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
from app.web.v1.routes import operation
from app.web.v1.runs import RunSchema, document, listed

EXAMPLE = {
    "name": "night",
    "triggers": [{"kind": "cron", "expression": "0 0 1 ? * *", "timezone": "Europe/Paris"}],
    "steps": [{"job": "FgAxa6eRSzQ"}, {"job": "BeclVERfWbg", "on_failure": "always"}],
}


class StepSchema(Schema):
    """A job of a queue, in its place."""

    job = fields.String(required=True, metadata={"description": "Its uid."})
    on_failure = fields.Enum(OnFailure, by_value=True, load_default=OnFailure.STOP, metadata={**TEXT, "description": (
        "What follows when a step does not succeed. stop: the steps after it do not start. continue: the queue goes on "
        "all the same. always: the step starts even when an earlier one has stopped the queue; its own failure counts "
        "as with stop."
    )})  # fmt: skip


class ShownStepSchema(StepSchema):
    """A job of a queue, in its place."""

    name = fields.String(required=True)
    enabled = Truth(required=True, metadata={"description": "A step whose job is off counts as failed."})


class QueueBodySchema(Schema):
    name = fields.String(required=True)
    triggers = Triggers(load_default=list, metadata={"description": "When it starts; none: by hand only."})
    steps = fields.List(fields.Nested(StepSchema), required=True, validate=validate.Length(FEWEST_STEPS, MOST_STEPS),
                        metadata={"description": f"From {FEWEST_STEPS} to {MOST_STEPS}, in their order."})  # fmt: skip
    enabled = Truth(load_default=True)
    description = fields.String(load_default="")


class QueueSchema(QueueBodySchema):
    """Jobs that run one after another."""

    uid = fields.String(required=True)
    steps = fields.List(fields.Nested(ShownStepSchema), required=True)
    version = fields.Integer(required=True, metadata={"description": "Counts the changes."})
    next_fire_at = Instant(required=True, allow_none=True)


class QueuesSchema(Schema):
    queues = fields.List(fields.Nested(QueueSchema), required=True)


class StartSchema(Schema):
    first_step = fields.Integer(
        strict=True, load_default=0, metadata={"description": "The step to begin with, counted from 0."}
    )


class StepStateSchema(Schema):
    """How a step of a queue's run stands."""

    position = fields.Integer(required=True, metadata={"description": "Counted from 0."})
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


@operation("POST", "/queues", Right.EDIT, takes=QueueBodySchema, gives=QueueSchema, statuses=(201,), example=EXAMPLE)
def create_queue(asked: dict[str, Any]) -> dict[str, Any]:
    """Make a queue

    A job is in one queue at the most. While it is, its own triggers are suspended.
    """
    made = services().queues.create(_spec(asked), current_actor().name)
    return _document(services().queues.get(made.uid))


@operation("GET", "/queues/<uid>", Right.SEE, gives=QueueSchema, errors=(404,))
def show_queue(uid: str) -> dict[str, Any]:
    """Show a queue"""
    return _document(services().queues.get(uid))


@operation("PUT", "/queues/<uid>", Right.EDIT, takes=QueueBodySchema, gives=QueueSchema, errors=(404,), example=EXAMPLE)
def update_queue(uid: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Replace what a queue is

    Jobs that leave are switched off; switching them on gives them their own triggers back. A run that is going on keeps
    the steps with which it began.
    """
    services().queues.update(uid, _spec(asked), current_actor().name)
    return _document(services().queues.get(uid))


@operation("DELETE", "/queues/<uid>", Right.EDIT, statuses=(204,), errors=(404,))
def delete_queue(uid: str) -> None:
    """Delete a queue

    Its run is cancelled. Its jobs stay, switched off.
    """
    services().queues.delete(uid, current_actor().name)


@operation("POST", "/queues/<uid>/runs", Right.RUN, takes=StartSchema, gives=QueueRunSchema, statuses=(202,),
           errors=(404, 409), example={"first_step": 0})  # fmt: skip
def start_queue(uid: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Start a queue now

    From its first step or a later one, whatever its triggers say. `already_running` while a run of it is going on.
    """
    run = services().queues.start(uid, current_actor().name, first_step=asked["first_step"])
    return _shown_runs([services().runs.get(run.id)])[0]


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
    return [document(run) | {"steps": [_state(state) for state in states[run.id]]} for run in runs]


def _state(state: StepState) -> dict[str, Any]:
    row = state.row
    return {
        "position": row.position,
        "job_id": row.job_id,
        "job_name": row.job_name,
        "on_failure": row.on_failure,
        "status": state.word,
        "not_started": row.not_started,
        "run_id": row.step_run_id,
    }
