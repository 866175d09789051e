"""/api/v1/jobs/UID/contract: what each result of a job has to be."""

from typing import Any

from marshmallow import Schema, fields

from app.core.terms import Terms
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import Moment, Truth
from app.web.v1.routes import operation

TERMS = tuple(Terms.__dataclass_fields__)


class ContractBodySchema(Schema):
    on = Truth(required=True, metadata={"description": "Whether results are held that break it."})
    columns = fields.List(
        fields.String(), allow_none=True, metadata={"description": "The columns, exactly these and in this order."}
    )
    least_rows = fields.Integer(strict=True, allow_none=True, metadata={"description": "1: not empty."})
    most_rows = fields.Integer(strict=True, allow_none=True)
    max_age_seconds = fields.Integer(
        strict=True,
        allow_none=True,
        metadata={"description": "`/r/<job>/latest` gives no older result out, and the job is shown as stale."},
    )
    unique_key = fields.List(
        fields.String(),
        allow_none=True,
        metadata={"description": "Columns whose values together come only once in each result. Of CSV files."},
    )
    types = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        allow_none=True,
        metadata={
            "description": "The types of columns, by their names, in the words of the database; of SQLite those of the"
            " values. Learnt from a good result."
        },
    )


class ContractSchema(ContractBodySchema):
    """What each result of a job has to be. One that breaks it is held: kept, and not given out as the latest."""

    learnt = fields.Boolean(
        required=True, metadata={"description": "Whether it says something. If not, the next result teaches it."}
    )
    updated_at = Moment(required=True, allow_none=True)
    updated_by = fields.String(required=True, allow_none=True)
    is_stale = Truth(
        required=True, metadata={"description": "Whether the newest good result is older than `max_age_seconds`."}
    )


@operation("GET", "/jobs/<uid>/contract", Right.SEE, gives=ContractSchema, errors=(404,))
def show_contract(uid: str) -> dict[str, Any]:
    """Show a job's result contract

    A job has none until somebody switches it on.
    """
    return _document(services().jobs.get(uid).id)


@operation("PUT", "/jobs/<uid>/contract", Right.EDIT, takes=ContractBodySchema, gives=ContractSchema, errors=(404,),
           example={"on": True, "columns": ["id", "name"], "least_rows": 1, "unique_key": ["id"]})  # fmt: skip
def save_contract(uid: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Replace a job's result contract

    With `on` alone it is learnt from the newest good result, or from the next one when there is none.
    """
    given = {name: asked[name] for name in TERMS if name in asked}
    job_id, terms = services().jobs.get(uid).id, Terms(**given) if given else None
    services().contracts.save(job_id, terms, is_on=asked["on"], by=current_actor().name)
    return _document(job_id)


def _document(job_id: int) -> dict[str, Any]:
    contract = services().contracts.of_job(job_id)
    terms = contract.terms or Terms()
    said = {"on": contract.is_on, "learnt": contract.terms is not None, **terms.written()}
    is_stale = job_id in services().contracts.stale([job_id])
    return said | {"updated_at": contract.updated_at, "updated_by": contract.updated_by, "is_stale": is_stale}
