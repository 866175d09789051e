"""Stopping the server well: what a stop would miss, a quieter time for it, and the drain before it."""

from datetime import datetime, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import CarillonError
from app.core.models import Drain
from app.core.stop_plans import StopPlan
from app.web.auth import Right, allow, current_actor, services
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import now, pages
from app.web.pages.trigger_card import read_moment

MINUTES = (5, 10, 20, 30, 60, 120)


@pages.app_context_processor
def drain_that_goes_on() -> dict[str, object]:
    return {"draining": _current}


def _current() -> Drain | None:
    """Also for the error page of a database that is away, which knows none."""
    try:
        return services().drains.current()
    except CarillonError:
        return None


@pages.get("/plan-stop")
@allow(Right.SEE)
def plan_stop() -> ResponseReturnValue:
    start, end = request.args.get("from", ""), request.args.get("to", "")
    plans, problems = list[StopPlan](), Problems()
    if start or end:
        problems = _plan(start, end, plans)
    else:
        begins = _next_hour()
        start, end = (f"{each:%Y-%m-%dT%H:%M}" for each in (begins, begins + timedelta(minutes=20)))
    shown = {"from": start, "to": end}
    body = render_template(
        "stopping/index.html", values=shown, problems=problems, plan=plans[0] if plans else None,
        state=services().drains.state(), minutes=MINUTES,
    )  # fmt: skip
    return body, 422 if problems else 200


def _plan(start: str, end: str, plans: list[StopPlan]) -> Problems:
    zone = services().settings.timezone
    moments = {"from": read_moment(start, zone), "to": read_moment(end, zone)}
    wrong = [
        (name, "That is no date and time; an example: 2026-12-24T18:00.") for name, at in moments.items() if not at
    ]
    if wrong:
        return wrong
    begins, ends = (at for at in moments.values() if at)
    return attempt(lambda: plans.append(services().stop_plans.plan(begins, ends)))


def _next_hour() -> datetime:
    local = now().astimezone(services().settings.zone)
    return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


@pages.post("/drain")
@allow(Right.EDIT)
def begin_drain() -> ResponseReturnValue:
    given = request.form.get("minutes", "")
    minutes = int(given) if given in map(str, MINUTES) else MINUTES[2]
    services().drains.begin(timedelta(minutes=minutes), current_actor().name)
    flash("Nothing new begins now.")
    return redirect(url_for("pages.plan_stop"), 303)


@pages.post("/drain/end")
@allow(Right.EDIT)
def end_drain() -> ResponseReturnValue:
    services().drains.end(current_actor().name)
    flash("The drain is over: what is due begins.")
    return redirect(url_for("pages.plan_stop"), 303)
