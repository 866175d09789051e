"""/api/v1/wake-up"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.web.auth import Right, current_actor, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation

RULES, SKIP = "rules", "skip"


class LateJobSchema(Schema):
    uid = fields.String(required=True)
    name = fields.String(required=True)
    starts = fields.Integer(required=True, metadata={"description": "Runs that would start at once."})
    asks = fields.Integer(required=True, metadata={"description": "Moments that would wait for an answer."})
    missed = fields.Integer(required=True, metadata={"description": "Moments that would be left out."})
    waiting = fields.Integer(required=True, metadata={"description": "Runs that waited when the backup was made."})


class AsleepSchema(Schema):
    """After a restore nothing fires, no run starts and nothing is delivered until somebody says so."""

    asleep = fields.Boolean(required=True)
    since = Moment(required=True, allow_none=True)
    why = fields.String(required=True, allow_none=True)
    jobs = fields.List(
        fields.Nested(LateJobSchema), required=True, metadata={"description": "What `rules` would do, were it now."}
    )
    not_looked_at = fields.Integer(
        required=True, metadata={"description": "Triggers that are due, too, and were too many to look at."}
    )


class WakeSchema(Schema):
    missed = fields.String(
        required=True, validate=validate.OneOf([RULES, SKIP]),
        metadata={"description": (
            "What becomes of the moments since the backup. rules: the misfire rule of each trigger decides. skip: they "
            "are left out, and runs that wait are cancelled."
        )},
    )  # fmt: skip


class AwakeSchema(Schema):
    asleep = fields.Boolean(required=True)


@operation("GET", "/wake-up", Right.SEE, gives=AsleepSchema)
def show_sleep() -> dict[str, Any]:
    """Say whether it is asleep, and what waking would do

    Every field of a job is a number of moments or runs.
    """
    asleep = services().sleep.state()
    if asleep is None:
        return {"asleep": False, "since": None, "why": None, "jobs": [], "not_looked_at": 0}
    plan = services().sleep.plan()
    return {"asleep": True, "since": asleep.since, "why": asleep.why, "jobs": plan.jobs,
            "not_looked_at": plan.not_looked_at}  # fmt: skip


@operation("POST", "/wake-up", Right.EDIT, takes=WakeSchema, gives=AwakeSchema,
           example={"missed": SKIP})  # fmt: skip
def wake_up(asked: dict[str, Any]) -> dict[str, Any]:
    """Let a restored Carillon go on

    Nothing runs by surprise: look first with GET. Who is awake stays so.
    """
    services().sleep.wake(current_actor().name, skip=asked["missed"] == SKIP)
    return {"asleep": False}
