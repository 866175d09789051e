"""/api/v1/inbox"""

from typing import Any

from marshmallow import Schema, fields

from app.core.ledger import LedgerRow
from app.web.auth import Right, services
from app.web.v1.fires import FireSchema, fire_document
from app.web.v1.results import ResultSchema, result_document
from app.web.v1.routes import operation
from app.web.v1.runs import RunSchema, documents


class HeldFireSchema(FireSchema):
    """A late start whose trigger is told to ask."""

    job_name = fields.String(required=True)


class InboxSchema(Schema):
    fires = fields.List(fields.Nested(HeldFireSchema), required=True, metadata={
        "description": "`POST /fires/{fire_id}/decision` answers one."})  # fmt: skip
    runs = fields.List(fields.Nested(RunSchema), required=True, metadata={
        "description": "Interrupted ones that ask; `POST /runs/{run_id}/decision` answers one."})  # fmt: skip
    results = fields.List(fields.Nested(ResultSchema), required=True, metadata={
        "description": "Held, with no good one after them; `POST /results/{file_id}/accept` gives one out."
    })  # fmt: skip


@operation("GET", "/inbox", Right.SEE, gives=InboxSchema)
def show_inbox() -> dict[str, Any]:
    """Show what waits for a person

    The newest 100 of each kind. `GET /runs?asks=true` and the fires and results of a job have pages.
    """
    found = services().inbox.waiting()
    return {
        "fires": [
            fire_document(LedgerRow(fire, None, None), job.uid) | {"job_name": job.name} for fire, job in found.fires
        ],
        "runs": documents([run for run, _ in found.runs]),
        "results": [result_document(made, job.uid) for made, job in found.results],
    }
