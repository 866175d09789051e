"""/sessions: log in for a token, log out."""

from flask import Response, request
from marshmallow import EXCLUDE, Schema, fields

from app.core.statuses import Role
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.openspecimen.errors import LoginError
from app.web.openspecimen.routes import route


class Login(Schema):
    """``domainName`` is ignored: there is only one."""

    class Meta:
        unknown = EXCLUDE

    login_name = fields.String(data_key="loginName", required=True)
    password = fields.String(required=True)


@route("POST", "/sessions")
@allow(Right.NONE)
def log_in() -> Response:
    given = bodies.read(Login())
    user = services().users.authenticate(given["login_name"], given["password"], request.remote_addr or "")
    if user is None:
        raise LoginError("Invalid login name or password.")
    body = {
        "id": user.id,
        "firstName": user.username,
        "lastName": "",
        "loginName": user.username,
        "token": services().users.open_session(user),
        "admin": user.role is Role.ADMINISTRATOR,
        "instituteAdmin": False,
    }
    return bodies.write(body)


@route("DELETE", "/sessions")
@allow(Right.NONE)
def log_out() -> Response:
    """End the session that the token names; a token that names none has ended already."""
    services().users.close_session(request.headers.get("X-OS-API-TOKEN", ""))
    return bodies.write({"Status": "Success"})
