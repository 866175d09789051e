"""GET /api/jobConfigurations/jobTypes: what can be scheduled, with which parameters."""

from typing import Any

from flask import Response

from app.core.job_types import JobType, Parameter
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2.routes import route

KLASSES = {
    "text": "java.lang.String",
    "sql": "java.lang.String",
    "connection": "java.lang.String",
    "choice": "java.lang.String",
    "integer": "java.lang.Integer",
    "boolean": "java.lang.Boolean",
    "object": "java.util.Map",
}
FLAGS = (
    "persisted", "attribute", "simple", "collection", "sortable", "ordered", "owner", "identifiableObject",
    "nameableObject", "embeddedObject", "analyticalObject", "readable", "writable", "unique", "manyToMany", "oneToOne",
    "manyToOne", "oneToMany", "propertyTransformer", "translatable",
)  # fmt: skip
"""What DHIS2 says of any property; of a job's parameters it is all false."""


@route("GET", "/jobTypes")
@allow(Right.SEE)
def job_types() -> Response:
    return bodies.write({"jobTypes": [_job_type(job_type) for job_type in services().types]})


@route("GET", "/jobTypesExtended")
@allow(Right.SEE)
def job_types_extended() -> Response:
    return bodies.write({job_type.name: _by_name(job_type) for job_type in services().types})


def _by_name(job_type: JobType) -> dict[str, Any]:
    return {parameter.name: _property(parameter) for parameter in job_type.parameters}


def _job_type(job_type: JobType) -> dict[str, Any]:
    return {
        "name": job_type.label,
        "jobType": job_type.name,
        "key": key(job_type),
        "schedulingType": "CRON",
        "jobParameters": [_property(parameter) for parameter in job_type.parameters],
    }


def key(job_type: JobType) -> str:
    """``analyticsTableJob`` for ``ANALYTICS_TABLE``."""
    first, *rest = job_type.name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest) + "Job"


def _property(parameter: Parameter) -> dict[str, Any]:
    members = {
        "name": parameter.name,
        "fieldName": parameter.label,
        "klass": KLASSES[parameter.kind],
        "description": parameter.help or None,
        "constants": [value for value, _ in parameter.choices] or None,
        "min": parameter.minimum,
        "max": parameter.maximum,
        "defaultValue": parameter.default,
        "required": parameter.required,
    }
    shown = {name: value for name, value in members.items() if value is not None}
    return shown | dict.fromkeys(FLAGS, False)
