"""The ledger of a job: what became of every moment at which it was due, and why."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import NotFoundError
from app.core.ledger import Why
from app.core.models import Job
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import live
from app.web.pages.links import local_path, whole_number
from app.web.pages.site import pages
from app.web.pages.trigger_card import read_moment

PER_PAGE = 50


@pages.get("/jobs/<uid>/ledger")
@allow(Right.SEE)
def ledger(uid: str) -> str:
    """The fires; with ``?at=`` also why it did or did not run then, which is all that htmx gets."""
    job, before = services().ledger.owner(uid), whole_number(request.args.get("before"))
    asked = request.args.get("at", "").strip()
    moment = read_moment(asked, zone_of(job))
    answer = {"job": job, "asked": asked, "why": _why(job, moment), "zone_of_job": zone_of(job)}
    if live.wants_part():
        return render_template("jobs/_why.html", **answer)
    found = services().ledger.page(uid, before=before, limit=PER_PAGE + 1)
    return render_template(
        "jobs/ledger.html", fires=found[:PER_PAGE], more=len(found) > PER_PAGE, before=before, **answer
    )  # fmt: skip


def zone_of(job: Job) -> str:
    """Whose clocks count when somebody asks about a moment."""
    return job.triggers[0].timezone if job.triggers else services().settings.timezone


def _why(job: Job, moment: datetime | None) -> Why | None:
    return services().ledger.why(job.uid, moment) if moment else None


@pages.app_template_filter()
def wall(moment: datetime, zone: str) -> str:
    """As a date and time field has it."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


@pages.post("/fires/<int:fire_id>/decide")
@allow(Right.RUN)
def decide_fire(fire_id: int) -> ResponseReturnValue:
    """Answer a fire that waits for somebody."""
    if fire_id >= 2**63:
        raise NotFoundError(f"no fire {fire_id}")
    start = request.form.get("start") == "1"
    services().ledger.decide(fire_id, start, by=current_actor().name)
    flash("It is started now." if start else "It is left out.")
    return redirect(local_path(request.form.get("next") or url_for("pages.jobs")), 303)
