"""The scheduling API of DHIS2."""

from flask import Blueprint

from app.web.dhis2 import (  # they add their views
    attention,  # noqa: F401
    gist,  # noqa: F401
    job_configurations,  # noqa: F401
    job_types,  # noqa: F401
    logging_in,  # noqa: F401
    option_sources,  # noqa: F401
    queues,  # noqa: F401
    scheduler,  # noqa: F401
    scheduling,  # noqa: F401
    system_calls,  # noqa: F401
    tasks,  # noqa: F401
)
from app.web.dhis2.errors import answer
from app.web.dhis2.routes import blueprint

__all__ = ["answer", "blueprints"]


def blueprints() -> list[Blueprint]:
    return [blueprint]
