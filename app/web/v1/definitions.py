"""/api/v1/export, /api/v1/import"""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.adapters import yaml_file
from app.core.definitions.importing import LONGEST, Plan
from app.core.errors import InvalidError
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation

MEDIA = "application/yaml"
EXAMPLE = "carillon: 1\npools:\n- name: warehouse\n  places: 2\n"


class ImportQuerySchema(Schema):
    dry_run = fields.Boolean(load_default=False, metadata={"description": "Only say what would change."})
    prune = fields.Boolean(
        load_default=False, metadata={"description": "Also remove what is not in it, of the kinds that it names."}
    )


class FieldChangeSchema(Schema):
    path = fields.String(required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class ChangeSchema(Schema):
    kind = fields.String(required=True)
    name = fields.String(required=True)
    what = fields.String(required=True, metadata={"description": "created, changed or removed"})
    fields_changed = fields.List(fields.Nested(FieldChangeSchema), required=True)


class NamedSchema(Schema):
    kind = fields.String(required=True)
    name = fields.String(required=True)


class FireChangeSchema(Schema):
    name = fields.String(required=True)
    added = fields.Integer(required=True)
    removed = fields.Integer(required=True)
    first_added = fields.List(Moment(), required=True)
    first_removed = fields.List(Moment(), required=True)
    until = Moment("Up to here the moments were compared.", required=True)


class PlanSchema(Schema):
    """What an import changed, or would change."""

    done = fields.Boolean(required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)
    unchanged = fields.Integer(required=True)
    left_alone = fields.List(fields.Nested(NamedSchema), required=True)
    fires = fields.List(fields.Nested(FireChangeSchema), required=True)
    notes = fields.List(fields.String(), required=True)


@operation("GET", "/export", Right.EDIT, file=True)
def export_definitions() -> Response:
    """Give jobs, queues, calendars, pools and connections as YAML

    Without passwords, users, system jobs, keep-rules, contracts and history. The same database gives the same text.
    """
    text = yaml_file.write(services().definitions.export())
    return Response(text, mimetype=MEDIA, headers={"Content-Disposition": 'attachment; filename="carillon.yaml"'})


@operation("POST", "/import", Right.EDIT, query=ImportQuerySchema, media=MEDIA, gives=PlanSchema, errors=(409,),
           example=EXAMPLE)  # fmt: skip
def import_definitions(query: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Make definitions be as a YAML file says

    All of it or nothing, and 422 names each field with its line. What is meant goes by uid, else by name; kinds that
    the file leaves out are left alone. `dry_run=1` shows what would change and which fires of the next days that adds
    or removes. What takes longer than ten seconds is taken back (422), dry or not: no job starts meanwhile.
    """
    return plan_document(apply(body, query["prune"], query["dry_run"]))


def apply(body: bytes, prune: bool, dry_run: bool) -> Plan:
    """Raises ``InvalidError`` with lines."""
    document, lines = yaml_file.read(body)
    try:
        return services().definitions.apply(
            document, current_actor().name, prune=prune, dry_run=dry_run, seconds=LONGEST
        )
    except InvalidError as error:
        raise yaml_file.located(error, lines) from None


def plan_document(plan: Plan) -> dict[str, Any]:
    changes = [
        {
            "kind": each.kind, "name": each.name, "what": each.what,
            "fields_changed": [{"path": path, "before": old, "after": new} for path, old, new in each.fields],
        }
        for each in plan.changes
    ]  # fmt: skip
    left = [{"kind": kind, "name": name} for kind, name in plan.left_alone]
    return vars(plan) | {"changes": changes, "left_alone": left}
