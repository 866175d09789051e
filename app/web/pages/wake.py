"""After a restore: what waking would do, and the two buttons."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import CarillonError, InvalidError
from app.core.sleep import Asleep
from app.web.auth import Right, allow, current_actor, services
from app.web.pages.site import pages

SHOWN = 200
DONE = {
    "skip": "Carillon is awake. What was missed is left out.",
    "rules": "Carillon is awake. What was missed is decided by the triggers' rules.",
}


@pages.app_context_processor
def sleep_of_everything() -> dict[str, object]:
    return {"asleep": asleep, "came_from": came_from}


def asleep() -> Asleep | None:
    """Also for the error page of a database that is away, which knows of none."""
    try:
        return services().sleep.state()
    except CarillonError:
        return None


def came_from() -> str | None:
    try:
        return services().whereabouts.came_from()
    except CarillonError:
        return None


@pages.post("/moved")
@allow(Right.EDIT)
def confirm_move() -> ResponseReturnValue:
    services().whereabouts.confirm_move(current_actor().name)
    flash("Good. The place of the database is remembered.")
    return redirect(url_for("pages.jobs"), 303)


@pages.get("/wake")
@allow(Right.SEE)
def wake() -> str:
    sleep = services().sleep
    state = sleep.state()
    return render_template("wake/index.html", state=state, plan=sleep.plan() if state else None, shown=SHOWN)


@pages.post("/wake")
@allow(Right.EDIT)
def wake_up() -> ResponseReturnValue:
    missed = request.form.get("missed", "")
    if missed not in DONE:
        raise InvalidError.of("missed", "say what becomes of what was missed: skip or rules")
    services().sleep.wake(current_actor().name, skip=missed == "skip")
    flash(DONE[missed])
    return redirect(url_for("pages.jobs"), 303)
