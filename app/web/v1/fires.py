"""/api/v1/jobs/<uid>/fires, /api/v1/jobs/<uid>/why, /api/v1/fires/<id>/decision"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.core.ledger import LedgerRow
from app.core.statuses import FireOutcome, FireReason, RunStatus
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation
from app.web.v1.runs import listed

UTC = {"description": "ISO 8601, UTC."}


class FireSchema(Schema):
    """One expected moment of a job, or a row of misses with the same reason, and what became of it."""

    id = fields.Integer(required=True)
    job = fields.String(required=True, metadata={"description": "The uid of its job."})
    trigger_id = fields.Integer(required=True, allow_none=True, metadata={"description": "Null: asked for by hand."})
    scheduled_for = Moment("ISO 8601, UTC.", required=True)
    decided_at = Moment("ISO 8601, UTC.", required=True)
    outcome = fields.Enum(FireOutcome, by_value=True, required=True, metadata={"type": "string"})
    reason = fields.Enum(FireReason, by_value=True, required=True, allow_none=True, metadata={"type": "string"})
    detail = fields.String(
        required=True, allow_none=True,
        metadata={"description": "What the reason leaves open: who paused it, from when to when the server was down."},
    )  # fmt: skip
    blocking_run_id = fields.Integer(required=True, allow_none=True)
    run_id = fields.Integer(required=True, allow_none=True)
    run_status = fields.Enum(RunStatus, by_value=True, required=True, allow_none=True, metadata={"type": "string"})
    range_to = Moment("The last, inclusive.", required=True, allow_none=True)
    count = fields.Integer(required=True)


class FiresSchema(Schema):
    items = fields.List(fields.Nested(FireSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The `cursor` of the next page."})


class FiresQuerySchema(Schema):
    start = fields.AwareDateTime(data_key="from", metadata=UTC)
    end = fields.AwareDateTime(data_key="to", metadata=UTC)
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))
    cursor = fields.Integer(validate=validate.Range(0, 2**63 - 1))


class WhyQuerySchema(Schema):
    at = fields.AwareDateTime(required=True, metadata={"description": "A moment; its minute counts. ISO 8601."})


class WhySchema(Schema):
    at = Moment(required=True)
    answer = fields.String(required=True)
    fire = fields.Nested(FireSchema, required=True, allow_none=True)
    before = Moment(required=True, allow_none=True)
    after = Moment(required=True, allow_none=True)


class DecisionSchema(Schema):
    start = fields.Boolean(required=True, metadata={"description": "True: run it now. False: leave it out."})


@operation("GET", "/jobs/<uid>/fires", Right.SEE, query=FiresQuerySchema, gives=FiresSchema, errors=(404,))
def list_fires(uid: str, query: dict[str, Any]) -> dict[str, Any]:
    """List the fires of a job, newest first

    Every moment at which the job was due has a row that says what became of it.
    """
    before, limit = query.get("cursor"), query["limit"]
    rows = services().ledger.page(uid, start=query.get("start"), end=query.get("end"), before=before, limit=limit)
    return listed([fire_document(row, uid) for row in rows], limit)


@operation("GET", "/jobs/<uid>/why", Right.SEE, query=WhyQuerySchema, gives=WhySchema, errors=(404,))
def why(uid: str, query: dict[str, Any]) -> dict[str, Any]:
    """Say why a job did or did not run at a moment"""
    found = services().ledger.why(uid, query["at"])
    fire = fire_document(found.row, uid) if found.row else None
    return {"at": found.at, "answer": found.answer, "fire": fire, "before": found.before, "after": found.after}


@operation("POST", "/fires/<int:fire_id>/decision", Right.RUN, takes=DecisionSchema, statuses=(204,),
           errors=(404, 409), example={"start": True})  # fmt: skip
def decide(fire_id: int, asked: dict[str, Any]) -> None:
    """Answer a fire that waits

    A trigger whose misfire instruction is `ask` holds what is late until somebody says what to do.
    """
    services().ledger.decide(fire_id, asked["start"], by=current_actor().name)


def fire_document(row: LedgerRow, uid: str) -> dict[str, Any]:
    fire = row.fire
    names = (
        "id",
        "trigger_id",
        "scheduled_for",
        "decided_at",
        "outcome",
        "reason",
        "detail",
        "blocking_run_id",
        "range_to",
        "count",
    )
    found = {name: getattr(fire, name) for name in names}
    return found | {"job": uid, "run_id": row.run_id, "run_status": row.run_status}
