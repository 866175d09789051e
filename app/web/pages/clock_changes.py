"""The next clock change of every zone in use, and what it does to the jobs."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import render_template

from app.schedule.changes import Change
from app.web.auth import Right, allow, services
from app.web.pages.site import pages
from app.web.pages.times import duration, zone_name


@pages.get("/clock-changes")
@allow(Right.SEE)
def clock_changes() -> str:
    return render_template("clock_changes/index.html", zones=services().previews.clock_changes())


@pages.app_template_filter()
def change_words(change: Change) -> str:
    """``The clocks go forward by 1 h: there is no time from 02:00 to 03:00 (CET to CEST).``"""
    first, until = (f"{wall:%H:%M}" for wall in change.affected)
    zone = _key(change)
    before, after = zone_name(change.at - timedelta(seconds=1), zone), zone_name(change.at, zone)
    if change.is_gap:
        return f"Forward by {_length(change)} ({before} to {after}): the times from {first} to {until} do not exist."
    return f"Back by {_length(change)} ({before} to {after}): the times from {first} to {until} come twice."


def _length(change: Change) -> str:
    return duration(abs(change.after - change.before))


def _key(change: Change) -> str:
    return change.zone.key if isinstance(change.zone, ZoneInfo) else "UTC"


@pages.app_template_filter()
def long_day(moment: datetime, zone: str) -> str:
    """``Sunday 29 March 2026``."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B %Y}"
