"""What the forms of DHIS2's scheduler app offer for parameters: lists of objects that a DHIS2 server would know.

Carillon knows none of them. It offers those that jobs name already, so that a form can show what a job has.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Response, request

from app.job_types.dhis2.declared import TABLES
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2.routes import APIS, route

api = partial(route, resource=APIS)
PARAMETERS = {
    "validationRuleGroups": "validationRuleGroups",
    "predictors": "predictors",
    "predictorGroups": "predictorGroups",
    "dashboards": "dashboard",
    "userGroups": "receivers",
    "programs": "skipPrograms",
    "pushAnalysis": "pushAnalysis",
    "aggregateDataExchanges": "dataExchangeIds",
    "sqlViews": "sqlViews",
    "trackedEntityAttributes": "attributes",
}
"""Which parameter of jobs names objects of which collection."""
NO_PAGES = "false"


@api("GET", "/analytics/tableTypes")
@allow(Right.SEE)
def table_types() -> Response:
    return bodies.write(list(TABLES))


@api("GET", "/dataIntegrity")
@allow(Right.SEE)
def data_integrity_checks() -> Response:
    """Checks by name, in an array of their own."""
    checks = [{"name": name, "displayName": name, "severity": "WARNING", "isSlow": False} for name in _named("checks")]
    return bodies.write(checks)


def _collection(name: str) -> Response:
    found = [{"id": uid, "displayName": uid} for uid in _named(PARAMETERS[name])]
    body: dict[str, Any] = {name: found}
    if request.args.get("paging", "true").lower() != NO_PAGES:
        body = {"pager": {"page": 1, "total": len(found), "pageSize": max(50, len(found)), "pageCount": 1}, **body}
    return bodies.write(body)


def _named(parameter: str) -> list[str]:
    values = (job.parameters.get(parameter) for job in services().jobs.list())
    return sorted({text for value in values for text in _texts(value)})


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(item) for item in value] if isinstance(value, list) else []


def _serve_collections() -> None:
    for name in PARAMETERS:
        view = allow(Right.SEE)(partial(_collection, name))
        view.__name__ = f"options_{name}"  # type: ignore[attr-defined]
        suffix = "/indexable" if name == "trackedEntityAttributes" else ""
        api("GET", f"/{name}{suffix}")(view)


_serve_collections()
