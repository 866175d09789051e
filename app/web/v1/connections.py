"""/api/v1/connections"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.core.connections import MOST_RUNS, ConnectionView
from app.web.auth import Right, services
from app.web.v1.fields import Truth
from app.web.v1.routes import operation

EXAMPLE = {"url": "postgresql://reader@db.example/warehouse", "password": "not shown again"}


class ConnectionBodySchema(Schema):
    url = fields.String(required=True, validate=validate.Length(1, 2000), metadata={"description": "A SQLAlchemy URL."})
    password = fields.String(
        load_default=None, allow_none=True, load_only=True, validate=validate.Length(max=1000),
        metadata={"description": "Apart, or in the URL. Left out, one that is kept stays as long as server and user "
                  "stay the same. It is never shown."},
    )  # fmt: skip
    max_runs = fields.Integer(
        strict=True, load_default=None, allow_none=True,
        metadata={"description": f"At most so many runs use it at a time, 1 to {MOST_RUNS}. Null: any number."},
    )  # fmt: skip


class ConnectionSchema(Schema):
    """A database that jobs may read."""

    name = fields.String(required=True)
    url = fields.String(required=True, metadata={"description": "Without the password."})
    driver = fields.String(required=True, metadata={"example": "postgresql"})
    has_password = Truth(required=True)
    max_runs = fields.Integer(
        required=True, allow_none=True, metadata={"description": "At most so many runs use it at a time."}
    )
    from_environment = Truth(required=True, metadata={"description": "Set by the environment: cannot be changed here."})
    used_by = fields.List(fields.String(), required=True, metadata={"description": "The names of jobs."})


class ConnectionsSchema(Schema):
    connections = fields.List(fields.Nested(ConnectionSchema), required=True)


class ProbeSchema(Schema):
    """What a connection said."""

    version = fields.String(required=True)
    can_write = Truth(required=True, allow_none=True, metadata={"description": "A user that can only read is safer."})
    concerns = fields.List(fields.String(), required=True)


@operation("GET", "/connections", Right.SEE, gives=ConnectionsSchema)
def list_connections() -> dict[str, Any]:
    """List all connections, without passwords"""
    return {"connections": [_document(view) for view in services().connections.list()]}


@operation("GET", "/connections/<name>", Right.SEE, gives=ConnectionSchema, errors=(404,))
def show_connection(name: str) -> dict[str, Any]:
    """Show a connection, without its password"""
    return _document(services().connections.get(name))


@operation("PUT", "/connections/<name>", Right.EDIT, takes=ConnectionBodySchema, gives=ConnectionSchema,
           statuses=(200, 201), errors=(409,), example=EXAMPLE)  # fmt: skip
def save_connection(name: str, asked: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Add a connection or replace it

    Answers 201 if there was none of this name.
    """
    is_new = name not in {view.name for view in services().connections.list()}
    services().connections.save(name, asked["url"], asked["password"], max_runs=asked["max_runs"])
    return _document(services().connections.get(name)), 201 if is_new else 200


@operation("DELETE", "/connections/<name>", Right.EDIT, statuses=(204,), errors=(404, 409))
def remove_connection(name: str) -> None:
    """Remove a connection

    One that jobs use stays: 409.
    """
    services().connections.remove(name)


@operation("POST", "/connections/<name>/test", Right.EDIT, gives=ProbeSchema, errors=(404, 422))
def test_connection(name: str) -> object:
    """Open a connection as a job would

    422 with the database's own words when that fails.
    """
    return services().probe(name)


def _document(view: ConnectionView) -> dict[str, Any]:
    shown = {name: getattr(view, name) for name in ConnectionSchema._declared_fields if name != "used_by"}
    return {**shown, "used_by": services().connections.used_by(view.name)}
