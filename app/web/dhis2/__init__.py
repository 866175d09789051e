"""The scheduling API of DHIS2."""

from flask import Blueprint

from app.web.dhis2 import job_configurations, job_types, queues, scheduler  # noqa: F401 - they add their views
from app.web.dhis2.errors import answer
from app.web.dhis2.routes import blueprint

__all__ = ["answer", "blueprints"]


def blueprints() -> list[Blueprint]:
    return [blueprint]
