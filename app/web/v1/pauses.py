"""/api/v1/pauses"""

from typing import Any

from marshmallow import Schema, fields

from app.core.models import Job, Pause
from app.core.statuses import PauseScope
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import TEXT, Moment
from app.web.v1.routes import operation

ENDED = 100
EXAMPLE = {"scope": "all", "until": "2099-12-24T18:00:00Z", "reason": "the database moves"}


class PauseBodySchema(Schema):
    scope = fields.Enum(PauseScope, by_value=True, required=True, metadata={**TEXT, "description": (
        "What is held: all triggers, those of the jobs of a group, those of a job or queue, or one trigger."
    )})  # fmt: skip
    name = fields.String(
        load_default="", metadata={"description": "The group, the uid of the job, or the id of the trigger."}
    )
    until = Moment("When it ends by itself; null: never.", load_default=None, allow_none=True)
    reason = fields.String(load_default="", metadata={"description": "Why, for people. The ledger tells it."})


class PauseSchema(PauseBodySchema):
    """Triggers that do not fire for a while. What comes due meanwhile is decided when it ends, as if it were late."""

    id = fields.Integer(required=True)
    job_name = fields.String(required=True, allow_none=True, metadata={"description": "Of a job or its trigger."})
    began_at = Moment(required=True)
    began_by = fields.String(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)
    ended_by = fields.String(required=True, allow_none=True, metadata={"description": "Null: its time was over."})


class PausesSchema(Schema):
    pauses = fields.List(fields.Nested(PauseSchema), required=True)


class PausesQuerySchema(Schema):
    ended = fields.Boolean(
        load_default=False, metadata={"description": f"The newest {ENDED} that are over, instead of what holds now."}
    )


@operation("GET", "/pauses", Right.SEE, query=PausesQuerySchema, gives=PausesSchema)
def list_pauses(query: dict[str, Any]) -> dict[str, Any]:
    """List the pauses that hold now"""
    found = services().pauses.ended(ENDED) if query["ended"] else services().pauses.current()
    jobs = services().pauses.jobs(found)
    return {"pauses": [_document(pause, jobs.get(pause.id)) for pause in found]}


@operation("POST", "/pauses", Right.EDIT, takes=PauseBodySchema, gives=PauseSchema, statuses=(201,),
           errors=(404, 409), example=EXAMPLE)  # fmt: skip
def begin_pause(asked: dict[str, Any]) -> dict[str, Any]:
    """Pause everything, a group, a job or a trigger

    Nothing new fires; what runs goes on, and a start by hand still works. `already_paused` while exactly this is
    paused.
    """
    pause = services().pauses.begin(
        asked["scope"], asked["name"], current_actor().name, until=asked["until"], reason=asked["reason"]
    )
    return _document(pause, services().pauses.jobs([pause]).get(pause.id))


@operation("POST", "/pauses/<int:pause_id>/end", Right.EDIT, gives=PauseSchema, errors=(404, 409))
def end_pause(pause_id: int) -> dict[str, Any]:
    """End a pause

    What came due meanwhile is decided at once, by the misfire instructions of the triggers. A trigger that another
    pause holds goes on waiting.
    """
    pause = services().pauses.end(pause_id, current_actor().name)
    return _document(pause, services().pauses.jobs([pause]).get(pause.id))


def _document(pause: Pause, job: Job | None) -> dict[str, Any]:
    shown = {name: getattr(pause, name) for name in PauseSchema._declared_fields if name != "job_name"}
    return shown | {"job_name": job.name if job else None}
