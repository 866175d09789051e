"""Log in and out."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.web import logins
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
    logins.begin(user)
    return redirect(local_path(target), 303)


@pages.post("/logout")
@allow(Right.NONE)
def log_out() -> ResponseReturnValue:
    logins.end()
    return redirect(url_for("pages.login"), 303)
