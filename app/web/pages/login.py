"""Log in and out."""

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.core.models import User
from app.web.auth import Right, actor, allow, services
from app.web.pages.links import local_path
from app.web.pages.site import pages


@pages.get("/")
@allow(Right.SEE)
def home() -> ResponseReturnValue:
    return redirect(url_for("pages.jobs"), 303)


@pages.get("/login")
@allow(Right.NONE)
def login() -> ResponseReturnValue:
    if actor():
        return redirect(local_path(request.args.get("next")), 303)
    return render_template("login.html", next=request.args.get("next", ""))


@pages.post("/login")
@allow(Right.NONE)
def log_in() -> ResponseReturnValue:
    username, target = request.form.get("username", "").strip(), request.form.get("next", "")
    user = services().users.authenticate(username, request.form.get("password", ""), request.remote_addr or "")
    if user is None:
        return render_template("login.html", next=target, username=username, failed=True), 401
    _begin(user)
    return redirect(local_path(target), 303)


@pages.post("/logout")
@allow(Right.NONE)
def log_out() -> ResponseReturnValue:
    _end()
    return redirect(url_for("pages.login"), 303)


def _begin(user: User) -> None:
    """A new session with a new CSRF token; one that was open in this browser ends."""
    _end()
    session["login"] = services().users.open_session(user)
    session.permanent = True  # the server's record decides how long it lasts, not the browser's window


def _end() -> None:
    secret = session.get("login")
    if secret:
        services().users.close_session(secret)
    session.clear()
