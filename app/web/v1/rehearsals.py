"""/api/v1/rehearsals"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from app.core.errors import FieldError, InvalidError
from app.core.previews import MOST_TRIGGERS
from app.job_types.sql_export.csv_text import text_of
from app.job_types.sql_export.rehearsal.coming import STARTS
from app.job_types.sql_export.rehearsal.found import Found, Refused
from app.job_types.sql_export.rehearsal.look import ROWS
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsal, Wanted
from app.web.auth import Right, services
from app.web.trigger_schema import TriggerSchema
from app.web.v1.fields import Moment, Truth
from app.web.v1.routes import operation

EXAMPLE = {
    "connection": "clinic",
    "query": "SELECT * FROM visit WHERE region = :region AND :scheduled_for > :previous_success",
    "parameters": {"region": "north"},
    "triggers": [{"kind": "cron", "expression": "0 30 2 * * ?", "timezone": "Europe/Paris"}],
}


class RehearsalRequestSchema(Schema):
    connection = fields.String(required=True, metadata={"description": "Its name.", "example": "clinic"})
    query = fields.String(required=True, metadata={"description": "One statement that reads."})
    parameters = fields.Dict(
        keys=fields.String(), load_default=dict, metadata={"description": "Values for the binds of the query."}
    )
    triggers = fields.List(
        fields.Nested(TriggerSchema), load_default=list, validate=validate.Length(max=MOST_TRIGGERS),
        metadata={"description": f"The schedule whose next {STARTS} starts give values. Left out: a start now."},
    )  # fmt: skip
    job = fields.String(
        load_default=None, allow_none=True,
        metadata={"description": "The uid of the job that the query is for, which knows when it last succeeded."},
    )  # fmt: skip


class RehearsedColumnSchema(Schema):
    name = fields.String(required=True)
    type = fields.String(required=True, metadata={"description": "In the database's words; empty: not known."})


class RehearsedStartSchema(Schema):
    at = Moment(required=True)
    values = fields.Dict(
        keys=fields.String(), required=True,
        metadata={"description": "Of the binds that the query names, as texts of a CSV file; null is NULL."},
    )  # fmt: skip


class RehearsalSchema(Schema):
    """What a query gives, tried as the first of the next starts would ask it."""

    version = fields.String(required=True, metadata={"example": "PostgreSQL 15.4"})
    seconds = fields.Float(required=True)
    columns = fields.List(fields.Nested(RehearsedColumnSchema), required=True)
    rows = fields.List(
        fields.List(fields.String(allow_none=True)), required=True,
        metadata={"description": f"The first {ROWS} at most, as texts of a CSV file; a long one is cut and ends in …"},
    )  # fmt: skip
    has_more = Truth(required=True, metadata={"description": "There are more rows than these."})
    expected_rows = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The database's guess; null: it makes none."}
    )
    cost = fields.Float(
        required=True, allow_none=True, metadata={"description": "In the database's own measure; null: not known."}
    )
    plan = fields.List(fields.String(), required=True, metadata={"description": "How the database goes about it."})
    notes = fields.List(fields.String(), required=True)
    starts = fields.List(
        fields.Nested(RehearsedStartSchema), required=True,
        metadata={"description": "The next ones, if each before it succeeds."},
    )  # fmt: skip


@operation("POST", "/rehearsals", Right.EDIT, takes=RehearsalRequestSchema, gives=RehearsalSchema,
           errors=(404, 422), example=EXAMPLE)  # fmt: skip
def rehearse(asked: dict[str, Any]) -> dict[str, Any]:
    """Try a query before it is scheduled

    It reads in a read-only transaction and is stopped after five seconds. Nothing is kept. 422 with the database's
    own words when it refuses the query; `code` is the reason, as of a run that failed.
    """
    job = services().jobs.get(asked["job"]) if asked["job"] else None
    moments = _moments(asked, job.uid if job else None)
    values, last = asked["parameters"], job.last_success_for if job else None
    wanted = Wanted(asked["connection"], asked["query"], values, moments, last)
    return _document(services().rehearsals.rehearse(wanted))


def _moments(asked: Mapping[str, Any], seed: str | None) -> list[datetime]:
    if not asked["triggers"]:
        return []
    fires = services().previews.preview(asked["triggers"], count=STARTS, seed=seed).fires
    return [fire.at for fire in fires if not fire.excluded_by]


def _document(rehearsal: Rehearsal) -> dict[str, Any]:
    match rehearsal.outcome:
        case Refused() as refused:
            raise InvalidError([FieldError("query", refused.message, refused.reason)])
        case Found() as found:
            return {
                **found.document(),
                "columns": found.columns,
                "rows": [[_text(cell.text, cell.is_cut) for cell in row] for row in found.rows],
                "plan": found.steps,
                "starts": [{"at": start.at, "values": _texts(start.values)} for start in rehearsal.starts],
            }


def _text(text: str | None, is_cut: bool) -> str | None:
    return f"{text}…" if is_cut else text


def _texts(values: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else text_of(value) for name, value in values.items()}
