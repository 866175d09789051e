"""/api/v1/jobs/<uid>/delayed-runs"""

from typing import Any

from marshmallow import Schema, fields

from app.web.auth import Right, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation


class DelayedRunSchema(Schema):
    """A run that was asked for with a delay. It begins then, whatever the job's triggers say."""

    id = fields.Integer(required=True)
    scheduled_for = Moment(required=True)


class DelayedRunsSchema(Schema):
    items = fields.List(fields.Nested(DelayedRunSchema), required=True)


@operation("GET", "/jobs/<uid>/delayed-runs", Right.SEE, gives=DelayedRunsSchema, errors=(404,))
def list_delayed_runs(uid: str) -> dict[str, Any]:
    """List the runs of a job that wait for a later moment, the next one first

    A companion program asks for them (`/api/run/<id>/delay/<minutes>`). They are no part of the job's triggers.
    """
    waiting = services().entries.delayed(services().jobs.get(uid).id)
    return {"items": [{"id": each.id, "scheduled_for": each.next_fire_at} for each in waiting]}


@operation("DELETE", "/jobs/<uid>/delayed-runs/<int:delayed_id>", Right.RUN, statuses=(204,), errors=(404,))
def take_back_delayed_run(uid: str, delayed_id: int) -> None:
    """Take a delayed run back; it has to wait still"""
    services().entries.take_back(services().jobs.get(uid).id, delayed_id)
