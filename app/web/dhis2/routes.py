"""Every address under which the API is served."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.core.models import Job

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

# The real app puts its version number in; the reference spells the resource in the singular here and there.
APIS = ("/api", "/api/<int:version>")
SCHEDULING = [f"{api}/scheduling" for api in APIS]
JOB_CONFIGURATIONS = [f"{api}/{noun}" for api in APIS for noun in ("jobConfigurations", "jobConfiguration")]
SCHEDULER = [f"{api}/scheduler" for api in APIS]

blueprint = Blueprint("dhis2", __name__)


def route(
    method: str, path: str = "", resource: Sequence[str] = JOB_CONFIGURATIONS, **options: bool
) -> Callable[[View], View]:
    """Serve a view of a resource in every spelling."""

    def add(view: View) -> View:
        for prefix in resource:
            blueprint.add_url_rule(
                prefix + path, view.__name__, view, methods=[method], strict_slashes=False, **options
            )
        return view

    return add


@blueprint.url_value_preprocessor
def forget_version(endpoint: str | None, values: dict[str, object] | None) -> None:
    g.api_version = values.pop("version", None) if values else None


def api_version() -> int | None:
    """The minor version that the address names: 42 for DHIS2 2.42."""
    return cast("int | None", g.api_version)


def address_of(job: Job) -> str:
    return f"{request.host_url}api/jobConfigurations/{job.uid}"
