"""/api/v1/drain and /api/v1/stop-plan"""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from app.core.errors import NotFoundError
from app.core.stop_plans import MOST_DAYS
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation

A_DAY = 86_400


class DrainBodySchema(Schema):
    seconds = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, A_DAY), metadata={"description": "How long at most."}
    )


class DrainRunSchema(Schema):
    id = fields.Integer(required=True)
    job_name = fields.String(required=True)
    begun_at = Moment(required=True, allow_none=True)


class DrainSchema(Schema):
    """A stretch in which nothing new begins. It ends with its time, by request, or when a server starts."""

    began_at = Moment(required=True)
    began_by = fields.String(required=True, allow_none=True)
    until = Moment(required=True)
    is_safe = fields.Boolean(required=True, metadata={"description": "Nothing runs: the server can be stopped."})
    running = fields.List(
        fields.Nested(DrainRunSchema), required=True, metadata={"description": "What still runs; 100 at most."}
    )


class DrainedSchema(Schema):
    began_at = Moment(required=True)
    ended_at = Moment(required=True)
    ended_by = fields.String(required=True, allow_none=True)


class StopPlanQuerySchema(Schema):
    start = Moment("When the server would stop.", required=True, data_key="from")
    end = Moment("When it would be back.", required=True, data_key="to")
    days = fields.Integer(
        load_default=1, validate=validate.Range(1, MOST_DAYS),
        metadata={"description": "How far to look for a quieter time."},
    )  # fmt: skip


class MissedSchema(Schema):
    """The moments of a trigger within the stop, and how many of them would start, ask or be left out afterwards."""

    uid = fields.String(required=True)
    job = fields.String(required=True)
    trigger_id = fields.Integer(required=True)
    first = Moment(required=True)
    last = Moment(required=True)
    count = fields.Integer(required=True)
    starts = fields.Integer(required=True)
    asks = fields.Integer(required=True)
    left_out = fields.Integer(required=True)


class StillRunningSchema(Schema):
    uid = fields.String(required=True)
    job = fields.String(required=True)
    run_id = fields.Integer(required=True, allow_none=True, metadata={"description": "Null: it has yet to start."})
    begins = Moment(required=True)
    usual_seconds = fields.Float(
        required=True, metadata={"description": "What 95 of 100 of the newest runs have not exceeded."}
    )


class QuieterSchema(Schema):
    start = Moment(required=True)
    end = Moment(required=True)
    fires = fields.Integer(required=True)
    running = fields.Integer(required=True, metadata={"description": "Long runs that usually go on when it begins."})


class StopPlanSchema(Schema):
    start = Moment(required=True)
    end = Moment(required=True)
    fires = fields.Integer(required=True, metadata={"description": "Starts that come due within it."})
    missed = fields.List(fields.Nested(MissedSchema), required=True)
    running = fields.List(fields.Nested(StillRunningSchema), required=True)
    quieter = fields.List(fields.Nested(QuieterSchema), required=True, metadata={"description": "The best first."})


@operation("GET", "/drain", Right.SEE, gives=DrainSchema, errors=(404,))
def show_drain() -> dict[str, Any]:
    """Show how far the drain has come; 404 while nothing is drained"""
    return _state()


@operation("POST", "/drain", Right.EDIT, takes=DrainBodySchema, gives=DrainSchema, statuses=(201,), errors=(409,),
           example={"seconds": 1200})  # fmt: skip
def begin_drain(asked: dict[str, Any]) -> dict[str, Any]:
    """Let nothing new begin, so that the server can be stopped

    What runs goes on; what is queued, or asked for by hand, waits. What comes due is decided afterwards, by the misfire
    instructions of the triggers. `is_safe` tells when nothing runs any more.
    """
    services().drains.begin(timedelta(seconds=asked["seconds"]), current_actor().name)
    return _state()


@operation("POST", "/drain/end", Right.EDIT, gives=DrainedSchema, errors=(409,))
def end_drain() -> dict[str, Any]:
    """End the drain: what is due begins"""
    drain = services().drains.end(current_actor().name)
    return {"began_at": drain.began_at, "ended_at": drain.ended_at, "ended_by": drain.ended_by}


def _state() -> dict[str, Any]:
    """Raises ``NotFoundError``."""
    state = services().drains.state()
    if state is None:
        raise NotFoundError("the server is not being drained")
    drain = state.drain
    running = [{"id": run.id, "job_name": run.job_name, "begun_at": run.begun_at} for run in state.running]
    return {
        "began_at": drain.began_at,
        "began_by": drain.began_by,
        "until": drain.until,
        "is_safe": state.is_safe,
        "running": running,
    }


@operation("GET", "/stop-plan", Right.SEE, query=StopPlanQuerySchema, gives=StopPlanSchema)
def plan_stop(query: dict[str, Any]) -> Any:
    """Say what a stop of the server would miss, and when it would miss less"""
    return services().stop_plans.plan(query["start"], query["end"], query["days"])
