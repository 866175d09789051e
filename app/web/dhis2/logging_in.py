"""/api/loginConfig and /api/auth/login: how DHIS2's apps log somebody in when their session is over."""

from functools import partial

from flask import Response, request, url_for
from marshmallow import EXCLUDE, Schema, fields

from app.web import bodies, logins, scheduler_app
from app.web.auth import Right, UnauthenticatedError, allow, services
from app.web.dhis2.queue_errors import unreadable
from app.web.dhis2.routes import APIS, route
from app.web.dhis2.system_calls import SYSTEM_SETTINGS, VERSION

api = partial(route, resource=APIS)


class Login(Schema):
    """There is no second factor: a code for it is ignored."""

    class Meta:
        unknown = EXCLUDE

    username = fields.String(load_default="")
    password = fields.String(load_default="")


@api("GET", "/loginConfig")
@allow(Right.NONE)
def login_config() -> Response:
    """What a login form shows to people whom nobody knows yet."""
    return bodies.write(
        {
            "apiVersion": VERSION,
            "applicationTitle": SYSTEM_SETTINGS["applicationTitle"],
            "uiLocale": SYSTEM_SETTINGS["keyUiLocale"],
            "emailConfigured": False,
            "selfRegistrationEnabled": False,
            "selfRegistrationNoRecaptcha": False,
            "oidcProviders": [],
        }
    )


@api("POST", "/auth/login")
@allow(Right.NONE)
def log_in() -> Response:
    """Begin a browser's session, as our own login page does; guessing is slowed down as there."""
    with unreadable():
        given = bodies.read(Login())
    user = services().users.authenticate(given["username"].strip(), given["password"], request.remote_addr or "")
    if user is None:
        raise UnauthenticatedError("Bad credentials")
    logins.begin(user)
    return bodies.write({"loginStatus": "SUCCESS", "redirectUrl": _start()})


def _start() -> str:
    return scheduler_app.PLACE if services().settings.dhis2_app_dir else url_for("pages.home")
