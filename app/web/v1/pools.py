"""/api/v1/pools"""

from typing import Any

from marshmallow import Schema, fields

from app.core.pools import MOST_PLACES
from app.web.auth import Right, services
from app.web.v1.routes import operation


class PoolBodySchema(Schema):
    places = fields.Integer(
        strict=True, required=True, metadata={"description": f"How many runs may go on at a time, 1 to {MOST_PLACES}."}
    )


class PoolSchema(PoolBodySchema):
    """Places that jobs share: of all jobs that name a pool, never more runs than these go on at a time."""

    name = fields.String(required=True)
    taken = fields.Integer(required=True, metadata={"description": "Runs that are going on."})
    waiting = fields.Integer(required=True, metadata={"description": "Runs that are queued."})
    used_by = fields.List(fields.String(), required=True, metadata={"description": "The names of jobs."})


class PoolsSchema(Schema):
    pools = fields.List(fields.Nested(PoolSchema), required=True)


@operation("GET", "/pools", Right.SEE, gives=PoolsSchema)
def list_pools() -> dict[str, Any]:
    """List all pools"""
    return {"pools": services().pools.list()}


@operation("GET", "/pools/<name>", Right.SEE, gives=PoolSchema, errors=(404,))
def show_pool(name: str) -> object:
    """Show a pool"""
    return services().pools.get(name)


@operation("PUT", "/pools/<name>", Right.EDIT, takes=PoolBodySchema, gives=PoolSchema, statuses=(200, 201),
           errors=(409,), example={"places": 4})  # fmt: skip
def save_pool(name: str, asked: dict[str, Any]) -> tuple[object, int]:
    """Add a pool or change its places

    Fewer places end no run: those that go on keep theirs. Answers 201 if there was none of this name.
    """
    if any(pool.name == name for pool in services().pools.list()):
        return services().pools.change(name, asked["places"]), 200
    return services().pools.create(name, asked["places"]), 201


@operation("DELETE", "/pools/<name>", Right.EDIT, statuses=(204,), errors=(404, 409))
def remove_pool(name: str) -> None:
    """Remove a pool

    One that jobs name, or that runs hold or wait for, stays: 409.
    """
    services().pools.remove(name)
