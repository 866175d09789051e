"""The databases that jobs may read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.connections import ConnectionView
from app.core.errors import ConflictError
from app.core.job_types import JobError
from app.web.auth import Right, allow, services
from app.web.pages import live
from app.web.pages.links import whole_number
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages

TEST_SECONDS = 5
PASSWORD = re.compile(r"(://[^:/@]*):.*@")


@dataclass(frozen=True)
class Tested:
    """What a test found; ``error`` is what the database or its driver said."""

    name: str
    error: str | None = None
    version: str = ""
    seconds: float = 0
    can_write: bool | None = None
    is_carillon: bool = False
    concerns: Sequence[str] = ()


@pages.get("/connections")
@allow(Right.SEE)
def connections() -> str:
    return _index()


def _index(tested: Tested | None = None) -> str:
    views = services().connections.list()
    used_by = {view.name: services().connections.used_by(view.name) for view in views}
    return render_template("connections/index.html", connections=views, used_by=used_by, tested=tested)


@pages.get("/connections/new")
@allow(Right.EDIT)
def new_connection() -> str:
    return _form({}, None)


@pages.post("/connections/new")
@allow(Right.EDIT)
def add_connection() -> ResponseReturnValue:
    name = request.form.get("name", "").strip()
    taken = any(view.name == name for view in services().connections.list())
    if taken:
        return _form(request.form, None, [("name", f"There is a connection named “{name}” already.")]), 422
    return _save(name, None)


@pages.get("/connections/<name>/edit")
@allow(Right.EDIT)
def edit_connection(name: str) -> str:
    view = _stored(name)
    return _form({"name": view.name, "url": view.url, "max_runs": str(view.max_runs or "")}, view)


@pages.post("/connections/<name>/edit")
@allow(Right.EDIT)
def save_connection(name: str) -> ResponseReturnValue:
    return _save(name, _stored(name))


def _stored(name: str) -> ConnectionView:
    view = services().connections.get(name)
    if view.from_environment:
        raise ConflictError(f"connection {name!r} is set by the environment and cannot be changed here")
    return view


def _save(name: str, view: ConnectionView | None) -> ResponseReturnValue:
    url, password = request.form.get("url", ""), request.form.get("password") or None
    most = request.form.get("max_runs", "").strip()
    max_runs = (whole_number(most) or 0) if most else None  # what is no number is refused by the core as too few
    problems = attempt(lambda: services().connections.save(name, url, password, max_runs=max_runs))
    if problems:
        return _form(request.form, view, problems), 422
    flash(f"Connection “{name}” was saved. Test it to see whether the database answers.")
    return redirect(url_for("pages.connections"), 303)


def _form(values: Mapping[str, str], view: ConnectionView | None, problems: Problems | None = None) -> str:
    """The form with what was typed, except the password: nothing sends one back."""
    url = PASSWORD.sub(r"\1@", values.get("url", ""))
    shown = {"name": values.get("name", ""), "url": url, "max_runs": values.get("max_runs", "")}
    return render_template(
        "connections/form.html", values=shown, connection=view,
        problems=problems or [], forgotten=bool(values.get("password")) or url != values.get("url", ""),
    )  # fmt: skip


@pages.post("/connections/<name>/test")
@allow(Right.EDIT)
def test_connection(name: str) -> str:
    tested = try_out(services().connections.get(name).name)
    return render_template("connections/_test.html", tested=tested) if live.wants_part() else _index(tested)


def try_out(name: str) -> Tested:
    """Ask the database who it is. Whatever a driver raises is an answer, not a fault of ours."""
    from app.job_types.sql_export.probe import probe  # here: database drivers are slow to load

    try:
        found = probe(services().connections.url(name), seconds=TEST_SECONDS)
    except JobError as error:
        return Tested(name, error=str(error))
    return Tested(name, None, found.version, found.elapsed_seconds, found.can_write, found.is_carillon, found.concerns)


@pages.get("/connections/<name>/remove")
@allow(Right.EDIT)
def confirm_remove_connection(name: str) -> str:
    view = _stored(name)
    return render_template(
        "connections/remove.html", connection=view, used_by=services().connections.used_by(view.name)
    )  # fmt: skip


@pages.post("/connections/<name>/remove")
@allow(Right.EDIT)
def remove_connection(name: str) -> ResponseReturnValue:
    services().connections.remove(name)
    flash(f"Connection “{name}” was removed.")
    return redirect(url_for("pages.connections"), 303)
