"""Every address under which the API is served."""

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint
from flask.typing import ResponseReturnValue

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

ROOTS = ("/api/v1/backgroundtasks", "/v1/backgroundtasks")  # in front of a proxy, and behind it

blueprint = Blueprint("sunbird", __name__)


def route(method: str, path: str) -> Callable[[View], View]:
    """Serve a view below every root."""

    def add(view: View) -> View:
        for root in ROOTS:
            blueprint.add_url_rule(root + path, view.__name__, view, methods=[method], strict_slashes=False)
        return view

    return add
