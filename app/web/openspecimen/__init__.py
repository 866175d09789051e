"""The scheduled jobs of OpenSpecimen: listed, run, downloaded."""

from flask import Blueprint

from app.web.openspecimen import jobs, runs, sessions  # noqa: F401 - they add their views
from app.web.openspecimen.errors import answer
from app.web.openspecimen.routes import blueprint

__all__ = ["answer", "blueprints"]


def blueprints() -> list[Blueprint]:
    return [blueprint]
