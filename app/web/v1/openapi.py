"""The description of the API in OpenAPI 3.1, made from what the operations declare."""

from functools import cache
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls

from app.web.auth import Right
from app.web.v1.problems import KINDS, MEDIA
from app.web.v1.routes import JSON, OPERATIONS, PREFIX, Operation, operation
from app.web.v1.schemas import ProblemSchema

VERSION = "1.0.0"
ABOUT = (
    "Carillon's own API. Log in with Basic credentials or a token of `carillon token`. All moments are ISO 8601; those "
    "in answers are in UTC unless they say otherwise. Members that are not listed here are refused."
)
ALWAYS = (400, 401, 403, 503)
WITH_A_BODY = (413, 415, 422)
ROLES = {Right.NONE: "anybody", Right.SEE: "every user", Right.RUN: "every user", Right.EDIT: "administrators"}


@operation("GET", "/openapi.json", Right.SEE)
def openapi() -> dict[str, Any]:
    """Describe this API in OpenAPI 3.1"""
    return description()


@cache
def description() -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec("Carillon", VERSION, "3.1.0", [plugin], info={"description": ABOUT}, servers=[{"url": PREFIX}],
                   security=[{"basic": []}, {"bearer": []}])  # fmt: skip
    for scheme in ("basic", "bearer"):
        spec.components.security_scheme(scheme, {"type": "http", "scheme": scheme})
    spec.components.schema("Problem", schema=ProblemSchema)
    for status, kind in KINDS.items():
        content = {MEDIA: {"schema": "Problem"}}
        spec.components.response(str(status), {"description": kind.words, "content": content})
    for declared in OPERATIONS:
        spec.path(declared.template, operations={declared.method.lower(): _operation(declared)})
    return spec.to_dict()


def statuses_of(declared: Operation) -> list[int]:
    """Those of errors."""
    takes_something = declared.takes is not None or declared.media != JSON
    found = {*ALWAYS, *declared.errors, *(WITH_A_BODY if takes_something else ())}
    return sorted(found | ({422} if declared.query or declared.headers else set()))


def _operation(declared: Operation) -> dict[str, Any]:
    members: dict[str, Any] = {
        "operationId": declared.name,
        "summary": declared.summary,
        "description": f"{declared.details}\n\nFor {ROLES[declared.right]}.".strip(),
        "parameters": _parameters(declared),
        "responses": {str(status): _success(declared, status) for status in declared.statuses},
    }
    for status in statuses_of(declared):
        members["responses"][str(status)] = str(status)
    if declared.takes:
        content = {"schema": declared.takes, **({"example": declared.example} if declared.example else {})}
        members["requestBody"] = {"required": declared.needs_body, "content": {declared.media: content}}
    elif declared.media != JSON:
        members["requestBody"] = {"required": True, "content": {declared.media: {"schema": {"type": "string"}}}}
    return members


def _parameters(declared: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": kind}}
        for name, kind in declared.variables.items()
    ]
    for place, schema in (("query", declared.query), ("header", declared.headers)):
        if schema:
            found.append({"in": place, "schema": schema})
    return found


def _success(declared: Operation, status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if declared.tells:
        told = {name: {"description": words, "schema": {"type": "string"}} for name, words in declared.tells.items()}
        described["headers"] = told
    if declared.file:
        described["content"] = {"*/*": {}}
    elif status != HTTPStatus.NO_CONTENT:
        described["content"] = {JSON: {"schema": declared.gives or {"type": "object"}}}
    return described


def _name(schema: Any) -> str:
    found = resolve_schema_cls(schema)
    assert isinstance(found, type)  # noqa: S101 - a list only for a name that several classes have
    return found.__name__.removesuffix("Schema")
