"""A browser's session: begun by the login page and by DHIS2's login calls, ended by either."""

from flask import session

from app.core.models import User
from app.web.auth import services


def begin(user: User) -> None:
    """A new session with a new CSRF token; one that was open in this browser ends."""
    end()
    session["login"] = services().users.open_session(user)
    session.permanent = True  # the server's record decides how long it lasts, not the browser's window


def end() -> None:
    secret = session.get("login")
    if secret:
        services().users.close_session(secret)
    session.clear()
