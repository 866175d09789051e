"""/api/v1/orphans: result files without a record, and records without their file."""

from typing import Any

from marshmallow import Schema, fields

from app.core.orphans import MOST
from app.web.auth import Right, services
from app.web.v1.fields import Moment, Truth
from app.web.v1.routes import operation


class StrayFileSchema(Schema):
    """A file of an ended run that no record knows, older than 24 hours."""

    path = fields.String(required=True, metadata={"description": "Within the folder of the results."})
    run_id = fields.Integer(required=True)
    size = fields.Integer(required=True)
    written_at = Moment(required=True)


class LostFileSchema(Schema):
    """A record whose file is not there."""

    id = fields.Integer(required=True)
    run_id = fields.Integer(required=True)
    job_name = fields.String(required=True)
    name = fields.String(required=True)
    size = fields.Integer(required=True)


class OrphansSchema(Schema):
    files = fields.List(fields.Nested(StrayFileSchema), required=True, metadata={"description": f"At most {MOST}."})
    records = fields.List(fields.Nested(LostFileSchema), required=True, metadata={"description": f"At most {MOST}."})


class RemoveOrphansSchema(Schema):
    files = Truth(load_default=False, metadata={"description": "Delete the files."})
    records = Truth(load_default=False, metadata={"description": "Remove the records; the next upkeep does."})


class RemovedOrphansSchema(Schema):
    """How many were removed."""

    files = fields.Integer(required=True)
    records = fields.Integer(required=True)


@operation("GET", "/orphans", Right.EDIT, gives=OrphansSchema)
def list_orphans() -> object:
    """Look for result files without a record and for records without a file

    Nothing is removed by itself: after a backup was restored, what is unknown may only be newer.
    """
    return services().orphans.find()


@operation("POST", "/orphans/remove", Right.EDIT, takes=RemoveOrphansSchema, gives=RemovedOrphansSchema, errors=(409,),
           example={"files": True})  # fmt: skip
def remove_orphans(asked: dict[str, Any]) -> dict[str, int]:
    """Remove the files or the records that `GET /orphans` shows

    409 when records shall go while there is no file at all: the disk of the results may not be mounted.
    """
    orphans = services().orphans
    records = orphans.forget_records() if asked["records"] else 0
    return {"records": records, "files": orphans.remove_files() if asked["files"] else 0}
