"""/api/v1/jobs/UID/keep: how many of a job's results are kept."""

from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields

from app.core.keeping import Doomed, Rule
from app.web.auth import Right, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation


class KeepBodySchema(Schema):
    days = fields.Integer(
        strict=True, load_default=None, allow_none=True, metadata={"description": "Since a file was made."}
    )
    count = fields.Integer(
        strict=True, load_default=None, allow_none=True, metadata={"description": "So many of the newest files."}
    )
    bytes = fields.Integer(
        strict=True, load_default=None, allow_none=True, metadata={"description": "Of all that are kept."}
    )


class DoomedSchema(Schema):
    """A file that a keep-rule deletes."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    size = fields.Integer(required=True)
    created_at = Moment(required=True)
    reason = fields.String(required=True)


class KeepSchema(KeepBodySchema):
    """How many of a job's results are kept. What is null asks for nothing; the newest good and pinned ones stay."""

    deletes = fields.List(
        fields.Nested(DoomedSchema), required=True, metadata={"description": "What the next upkeep deletes."}
    )


class KeepQuerySchema(Schema):
    dry_run = fields.Boolean(load_default=False, metadata={"description": "Say what it would delete; store nothing."})


@operation("GET", "/jobs/<uid>/keep", Right.SEE, gives=KeepSchema, errors=(404,))
def show_keep_rule(uid: str) -> dict[str, Any]:
    """Show how many of a job's results are kept"""
    job_id = services().jobs.get(uid).id
    rule = services().keeping.rule(job_id)
    return _document(rule, services().keeping.preview(job_id, rule))


@operation("PUT", "/jobs/<uid>/keep", Right.EDIT, query=KeepQuerySchema, takes=KeepBodySchema, gives=KeepSchema,
           errors=(404,), example={"days": 90, "count": 100})  # fmt: skip
def save_keep_rule(uid: str, query: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Replace how many of a job's results are kept"""
    job_id, rule = services().jobs.get(uid).id, Rule(**asked)
    deletes = services().keeping.preview(job_id, rule)
    return _document(rule if query["dry_run"] else services().keeping.save(job_id, rule), deletes)


def _document(rule: Rule, deletes: list[Doomed]) -> dict[str, Any]:
    names = ("id", "name", "size", "created_at")
    files = [{name: getattr(each.file, name) for name in names} | {"reason": each.reason} for each in deletes]
    return asdict(rule) | {"deletes": files}
