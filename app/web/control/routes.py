"""Addresses: GET and POST alike, with and without a slash at the end."""

import re
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from app.core.errors import UnavailableError
from app.web.auth import Right, allow, services

View = TypeVar("View", bound=Callable[..., Response])

blueprint = Blueprint("control", __name__, url_prefix="/api")

BY = "control API"
"""Who did it, in a job's or a run's record."""
ACTIONS: dict[str, str] = {}
"""By endpoint, what goes before the text of an error: ``Scheduler (add job)``."""
_PATHS: list[str] = []


def shows(path: str) -> Callable[[View], View]:
    """Serve a view that changes nothing."""
    return lambda view: _add(path, view, view)


def changes(path: str, action: str) -> Callable[[View], View]:
    """Serve a view that changes something; ``action`` names it in errors, as the real server does."""

    def add(view: View) -> View:
        @wraps(view)
        def guarded(**parts: str) -> Response:
            if request.method == "HEAD":  # Flask would answer it by doing what GET does
                raise MethodNotAllowed(["GET", "POST"])
            if services().is_standby:
                raise UnavailableError("this server stands by; another process keeps the time", code="standby")
            return view(**parts)

        ACTIONS[f"{blueprint.name}.{view.__name__}"] = f"Scheduler ({action})"
        return _add(path, view, guarded)

    return add


def _add(path: str, view: View, served: Callable[..., Response]) -> View:
    _PATHS.append(re.sub(r"<\w+>", "[^/]+", f"/api{path}"))
    blueprint.add_url_rule(
        path, view.__name__, allow(Right.LOCAL)(served), methods=["GET", "POST"], strict_slashes=False
    )
    return view


def serves(path: str) -> bool:
    """Whether an address is one of the control API's."""
    return re.fullmatch(f"(?:{'|'.join(_PATHS)})/?", path) is not None
