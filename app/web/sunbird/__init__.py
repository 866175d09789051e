"""The background tasks of Sunbird: listed and triggered by administrators."""

from flask import Blueprint

from app.web.sunbird import tasks  # noqa: F401 - it adds its views
from app.web.sunbird.errors import answer
from app.web.sunbird.routes import blueprint

__all__ = ["answer", "blueprints"]


def blueprints() -> list[Blueprint]:
    return [blueprint]
