"""What DHIS2's apps ask of their server when they start: who it is, who asks, in which language."""

from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.exceptions import NotFound

from app.core.models import User
from app.core.statuses import Role
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.dhis2 import field_filter
from app.web.dhis2.routes import APIS, route
from app.web.dhis2.times import local

VERSION = "2.40.4"
"""The line whose documentation this API follows, as far as the documentation says it."""
api = partial(route, resource=APIS)
SETTINGS: dict[str, Any] = {"keyUiLocale": "en", "keyDbLocale": "en", "keyStyle": "light_blue/light_blue.css"}
SYSTEM_SETTINGS: dict[str, Any] = {"applicationTitle": "Carillon", "helpPageLink": "/api/docs", "keyUiLocale": "en"}
AUTHORITIES = {Role.ADMINISTRATOR: ["ALL", "F_SCHEDULING_ADMIN"], Role.USER: []}


@api("GET", "/system/info")
@allow(Right.SEE)
def system_info() -> Response:
    zone = services().settings.timezone
    return bodies.write(
        {
            "contextPath": request.host_url.rstrip("/"),
            "systemName": "Carillon",
            "version": VERSION,
            "revision": "",
            "serverDate": local(services().clock()),
            "serverTimeZoneId": zone,
            "serverTimeZoneDisplayName": zone,
            "calendar": "iso8601",
            "dateFormat": "yyyy-mm-dd",
        }
    )


@api("GET", "/userSettings")
@allow(Right.SEE)
def user_settings() -> Response:
    return bodies.write(SETTINGS)


@api("GET", "/me")
@allow(Right.SEE)
def me() -> Response:
    selection = field_filter.parse(",".join(request.args.getlist("fields")) or "*")
    return bodies.write(selection.pick(_account(current_actor().user)))


@api("GET", "/me/dashboard")
@allow(Right.SEE)
def dashboard() -> Response:
    """Nobody writes to anybody here."""
    return bodies.write({"unreadInterpretations": 0, "unreadMessageConversations": 0})


@api("GET", "/systemSettings/<name>")
@allow(Right.SEE)
def system_setting(name: str) -> Response:
    if name not in SYSTEM_SETTINGS:
        raise NotFound(f"Setting does not exist: {name[:100]}")
    return bodies.write({name: SYSTEM_SETTINGS[name]})


@route("GET", resource=["/dhis-web-commons/menu/getModules.action"])
@allow(Right.SEE)
def modules() -> Response:
    """The apps of the header bar: ours is the only one."""
    scheduler = {"name": "scheduler", "displayName": "Scheduler", "defaultAction": "/apps/scheduler/", "icon": ""}
    return bodies.write({"modules": [scheduler]})


def _account(user: User) -> dict[str, Any]:
    return {
        "id": user.uid,
        "username": user.username,
        "name": user.username,
        "displayName": user.username,
        "firstName": user.username,
        "surname": "",
        "email": None,
        "avatar": None,
        "authorities": AUTHORITIES[user.role],
        "settings": SETTINGS,
        "created": local(user.created_at),
    }
