"""/api/v1/job-types"""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields

from app.core.job_types import JobType, Parameter
from app.web.auth import Right, services
from app.web.v1.fields import Truth
from app.web.v1.routes import operation

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class JobTypeSchema(Schema):
    """Something that jobs can do."""

    name = fields.String(required=True, metadata={"example": "SQL_EXPORT"})
    label = fields.String(required=True)
    description = fields.String(required=True)
    family = fields.String(required=True, metadata={"description": "Types of one family are shown together."})
    makes_files = Truth(required=True)
    one_at_a_time = Truth(required=True, metadata={"description": "One run of the type goes on, whichever job's."})
    parameters = fields.Dict(
        required=True, metadata={"description": "The JSON Schema (2020-12) of the `parameters` of such a job."}
    )


class JobTypesSchema(Schema):
    job_types = fields.List(fields.Nested(JobTypeSchema), required=True)


@operation("GET", "/job-types", Right.SEE, gives=JobTypesSchema)
def list_job_types() -> dict[str, Any]:
    """List what jobs can do"""
    return {"job_types": [_document(job_type) for job_type in services().types]}


@operation("GET", "/job-types/<name>", Right.SEE, gives=JobTypeSchema, errors=(404,))
def show_job_type(name: str) -> dict[str, Any]:
    """Show what jobs of a type can do, and which parameters they take"""
    return _document(services().types.get(name))


def _document(job_type: JobType) -> dict[str, Any]:
    members = [name for name in JobTypeSchema._declared_fields if name != "parameters"]
    return {name: getattr(job_type, name) for name in members} | {"parameters": parameters_schema(job_type)}


def parameters_schema(job_type: JobType) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "title": job_type.label,
        "type": "object",
        "properties": {one.name: _described(one) for one in job_type.parameters},
        "required": [one.name for one in job_type.parameters if one.required],
        "additionalProperties": False,
    }


def _described(parameter: Parameter) -> dict[str, Any]:
    described = {"title": parameter.label, **KINDS[parameter.kind](parameter)}
    if not parameter.required:
        described["type"] = [described["type"], "null"]
        if "enum" in described:
            described["enum"] = [*described["enum"], None]
    if parameter.help:
        described["description"] = parameter.help
    if parameter.default is not None:
        described["default"] = parameter.default
    return described


def _text(parameter: Parameter) -> dict[str, Any]:
    return {"type": "string"} | ({} if parameter.maximum is None else {"maxLength": parameter.maximum})


def _integer(parameter: Parameter) -> dict[str, Any]:
    bounds = {"minimum": parameter.minimum, "maximum": parameter.maximum}
    return {"type": "integer"} | {name: bound for name, bound in bounds.items() if bound is not None}


def _choice(parameter: Parameter) -> dict[str, Any]:
    return {"type": "string", "enum": [value for value, _ in parameter.choices]}


KINDS: dict[str, Callable[[Parameter], dict[str, Any]]] = {
    "text": _text,
    "sql": _text,
    "connection": lambda parameter: {**_text(parameter), "x-connection": True},
    "integer": _integer,
    "boolean": lambda parameter: {"type": "boolean"},
    "choice": _choice,
    "list": lambda parameter: {"type": "array", "items": _choice(parameter) if parameter.choices else _text(parameter)},
    "object": lambda parameter: {"type": "object"},
}
