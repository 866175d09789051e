"""Pools: places that the runs of several jobs share."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.pools import PoolView
from app.web.auth import Right, allow, services
from app.web.pages.links import whole_number
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages


@pages.get("/pools")
@allow(Right.SEE)
def pools() -> str:
    return render_template("pools/index.html", pools=services().pools.list())


@pages.get("/pools/new")
@allow(Right.EDIT)
def new_pool() -> str:
    return _form({"places": "1"}, None)


@pages.post("/pools/new")
@allow(Right.EDIT)
def add_pool() -> ResponseReturnValue:
    name = request.form.get("name", "").strip()
    problems = attempt(lambda: services().pools.create(name, _places()))
    return (_form(request.form, None, problems), 422) if problems else _saved(name)


@pages.get("/pools/<name>/edit")
@allow(Right.EDIT)
def edit_pool(name: str) -> str:
    pool = services().pools.get(name)
    return _form({"places": str(pool.places)}, pool)


@pages.post("/pools/<name>/edit")
@allow(Right.EDIT)
def save_pool(name: str) -> ResponseReturnValue:
    pool = services().pools.get(name)
    problems = attempt(lambda: services().pools.change(name, _places()))
    return (_form(request.form, pool, problems), 422) if problems else _saved(name)


@pages.post("/pools/<name>/remove")
@allow(Right.EDIT)
def remove_pool(name: str) -> ResponseReturnValue:
    services().pools.remove(name)
    flash(f"Pool “{name}” was removed.")
    return redirect(url_for("pages.pools"), 303)


def _places() -> int:
    """What is no number is refused by the core as too few."""
    return whole_number(request.form.get("places", "").strip()) or 0


def _saved(name: str) -> ResponseReturnValue:
    flash(f"Pool “{name}” was saved.")
    return redirect(url_for("pages.pools"), 303)


def _form(values: Mapping[str, str], pool: PoolView | None, problems: Problems | None = None) -> str:
    return render_template("pools/form.html", values=values, pool=pool, problems=problems or [])
