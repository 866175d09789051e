"""GET /api/jobConfigurations/jobTypes: what can be scheduled, with which parameters."""

from typing import Any

from flask import Response

from app.core.job_types import JobType, Parameter
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2.routes import route
from app.web.dhis2.schedules import SHOWN

KLASSES = {
    "text": "java.lang.String",
    "sql": "java.lang.String",
    "connection": "java.lang.String",
    "choice": "java.lang.String",
    "integer": "java.lang.Integer",
    "boolean": "java.lang.Boolean",
    "object": "java.util.Map",
    "list": "java.util.List",
}
SETS = ("checks", "skipTableTypes", "skipPrograms", "attributes")
"""Lists of which DHIS2 says that their order does not count, by the parameter's name."""
ENUMS = {
    ("DATA_INTEGRITY", "type"): "org.hisp.dhis.dataintegrity.DataIntegrityReportType",
    ("HTML_PUSH_ANALYTICS", "mode"): "org.hisp.dhis.scheduling.parameters.HtmlPushAnalyticsJobParameters$ViewMode",
    ("TEST", "failWithPolicy"): "org.hisp.dhis.scheduling.JobProgress$FailurePolicy",
    ("ANALYTICS_TABLE", "skipTableTypes"): "org.hisp.dhis.analytics.AnalyticsTableType",
    ("CONTINUOUS_ANALYTICS_TABLE", "skipTableTypes"): "org.hisp.dhis.analytics.AnalyticsTableType",
}
"""The classes of values from a closed list; of a list, those of its members."""
OPTIONS = {
    "checks": "/api/dataIntegrity",
    "skipTableTypes": "/api/analytics/tableTypes",
    "skipPrograms": "/api/programs",
    "dataExchangeIds": "/api/aggregateDataExchanges",
    "validationRuleGroups": "/api/validationRuleGroups",
    "pushAnalysis": "/api/pushAnalysis",
    "dashboard": "/api/dashboards",
    "receivers": "/api/userGroups",
    "attributes": "/api/trackedEntityAttributes/indexable",
    "predictors": "/api/predictors",
    "predictorGroups": "/api/predictorGroups",
}
"""Where a form finds what can be chosen, by the parameter's name."""
KEYS = {
    "META_DATA_SYNC": "metadataSyncJob",
}
"""Keys that do not follow from the name of their type."""
FLAGS = (
    "persisted", "attribute", "simple", "sortable", "ordered", "owner", "identifiableObject",
    "nameableObject", "embeddedObject", "analyticalObject", "readable", "writable", "unique", "manyToMany", "oneToOne",
    "manyToOne", "oneToMany", "propertyTransformer", "translatable",
)  # fmt: skip
"""What DHIS2 says of any property; of a job's parameters it is all false."""


@route("GET", "/jobTypes")
@allow(Right.SEE)
def job_types() -> Response:
    return bodies.write({"jobTypes": [_job_type(job_type) for job_type in services().types.for_people()]})


@route("GET", "/jobTypesExtended")
@allow(Right.SEE)
def job_types_extended() -> Response:
    return bodies.write({job_type.name: _by_name(job_type) for job_type in services().types.for_people()})


def _by_name(job_type: JobType) -> dict[str, Any]:
    return {parameter.name: _property(job_type, parameter) for parameter in job_type.parameters}


def _job_type(job_type: JobType) -> dict[str, Any]:
    return {
        "name": job_type.label,
        "jobType": job_type.name,
        "key": key(job_type),
        "schedulingType": SHOWN[job_type.usual_trigger],
        "jobParameters": [_property(job_type, parameter) for parameter in job_type.parameters],
    }


def key(job_type: JobType) -> str:
    """``analyticsTableJob`` for ``ANALYTICS_TABLE``."""
    first, *rest = job_type.name.lower().split("_")
    return KEYS.get(job_type.name) or first + "".join(word.capitalize() for word in rest) + "Job"


def _klass(parameter: Parameter) -> str:
    is_long = parameter.kind == "integer" and (parameter.maximum or 0) >= 2**31
    return "java.lang.Long" if is_long else KLASSES[parameter.kind]


def _property(job_type: JobType, parameter: Parameter) -> dict[str, Any]:
    is_list = parameter.kind == "list"
    enum = ENUMS.get((job_type.name, parameter.name))
    klass = "java.util.Set" if parameter.name in SETS else _klass(parameter)
    members = {
        "name": parameter.name,
        "fieldName": parameter.label,
        "klass": klass if is_list else enum or klass,
        "itemKlass": (enum or "java.lang.String") if is_list else None,
        "collection": is_list,
        "collectionName": parameter.name if is_list else None,
        "description": parameter.help or None,
        "constants": [value for value, _ in parameter.choices] or None,
        "relativeApiEndpoint": OPTIONS.get(parameter.name),
        "min": parameter.minimum,
        "max": parameter.maximum,
        "defaultValue": parameter.default,
        "required": parameter.required,
    }
    shown = {name: value for name, value in members.items() if value is not None}
    return shown | dict.fromkeys(FLAGS, False)
