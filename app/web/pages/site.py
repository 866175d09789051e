"""The blueprint that every page adds itself to, and what all templates know."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response

from app.core.errors import CarillonError
from app.web.auth import Actor, Right, actor, services

pages = Blueprint("pages", __name__)


@pages.after_request
def vary(response: Response) -> Response:
    """The same address answers htmx with a part of the page."""
    response.vary.add("HX-Request")
    return response


@pages.app_context_processor
def known_to_all() -> dict[str, Any]:
    me = reader()
    return {
        "me": me,
        "may_edit": me is not None and me.may(Right.EDIT),
        "may_run": me is not None and me.may(Right.RUN),
        "now": services().clock(),
        "zone": services().settings.timezone,
        "standby": services().is_standby,
        "troubles": services().condition.troubles,
    }


def reader() -> Actor | None:
    """Who is asking, also on the error page of a database that is away."""
    try:
        return actor()
    except CarillonError:
        return None


def now() -> datetime:
    return services().clock()
