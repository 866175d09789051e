"""The control API of em's scheduler, for companion programs on this machine."""

from flask import Blueprint

from app.web.control import schedule, scheduler, tasks  # noqa: F401 - they add their views
from app.web.control.errors import answer
from app.web.control.routes import blueprint, serves

__all__ = ["answer", "blueprints", "serves"]


def blueprints() -> list[Blueprint]:
    return [blueprint]
