"""Exclusion calendars: time taken out of triggers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.calendars import CalendarSpec
from app.core.models import Calendar
from app.core.statuses import CalendarKind
from app.web.auth import Right, allow, services
from app.web.pages import calendar_form, calendar_words, trigger_choices
from app.web.pages.calendar_year import FIRST, LAST, year_of
from app.web.pages.links import whole_number
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import now, pages

ENDS_SOON = timedelta(days=60)


@pages.get("/calendars")
@allow(Right.SEE)
def calendars() -> str:
    found = services().calendars.list()
    names = {row.id: row.name for row in found}
    return render_template(
        "calendars/index.html", calendars=found,
        bases={row.name: names[row.base_id] for row in found if row.base_id},
        users={row.name: _users(row, found) for row in found}, until=calendar_words.covers_until,
        soon=now().date() + ENDS_SOON, today=now().date(),
    )  # fmt: skip


def _users(calendar: Calendar, all_of_them: Sequence[Calendar]) -> list[str]:
    """Jobs whose triggers it cuts, and calendars that build on it."""
    children = [f"calendar {row.name}" for row in all_of_them if row.base_id == calendar.id]
    return [*services().calendars.used_by(calendar.name), *children]


@pages.get("/calendars/<name>")
@allow(Right.SEE)
def calendar(name: str) -> str:
    row, found = services().calendars.get(name), services().calendars.list()
    wanted = whole_number(request.args.get("year")) or now().astimezone(ZoneInfo(row.timezone)).year
    number = min(max(wanted, FIRST), LAST)
    year = year_of(services().calendars.pure(name), ZoneInfo(row.timezone), number)
    return render_template(
        "calendars/show.html", calendar=row, base=_base_of(row), users=_users(row, found), year=year,
        until=calendar_words.covers_until(row), soon=now().date() + ENDS_SOON, today=now().date(),
    )  # fmt: skip


def _base_of(calendar: Calendar) -> str:
    return services().calendars.by_id()[calendar.base_id] if calendar.base_id else ""


@pages.get("/calendars/new")
@allow(Right.EDIT)
def new_calendar() -> str:
    return _form(calendar_form.blank(services().settings.timezone), None)


@pages.post("/calendars/new")
@allow(Right.EDIT)
def add_calendar() -> ResponseReturnValue:
    values = calendar_form.sent(request.form, services().settings.timezone)
    name = values["name"].strip()
    if name in calendar_form.RESERVED:
        return _form(values, None, [("name", f"“{name}” cannot be the name of a calendar.")]), 422
    if any(row.name == name for row in services().calendars.list()):
        return _form(values, None, [("name", f"There is a calendar named “{name}” already.")]), 422
    return _save(values, None)


@pages.get("/calendars/<name>/edit")
@allow(Right.EDIT)
def edit_calendar(name: str) -> str:
    row = services().calendars.get(name)
    return _form(calendar_form.shown(row, _base_of(row)), row)


@pages.post("/calendars/<name>/edit")
@allow(Right.EDIT)
def save_calendar(name: str) -> ResponseReturnValue:
    row = services().calendars.get(name)
    return _save({**calendar_form.sent(request.form, row.timezone), "name": name}, row)


def _save(values: dict[str, Any], row: Calendar | None) -> ResponseReturnValue:
    if "read_file" in request.form:
        return _with_file(values, row)
    content, problems = calendar_form.read(values)
    problems = problems or attempt(lambda: _store(values, content), lambda field: _field_of(values, field))
    if problems:
        return _form(values, row, problems), 422
    flash(f"Calendar “{values['name'].strip()}” was saved.")
    return redirect(url_for("pages.calendar", name=values["name"].strip()), 303)


def _store(values: dict[str, Any], content: dict[str, Any]) -> None:
    spec = CalendarSpec(
        values["name"].strip(), CalendarKind(values["kind"]), values["timezone"].strip(), content,
        values["base"] or None, values["description"].replace("\r\n", "\n").strip(),
    )  # fmt: skip
    services().calendars.save(spec)


def _field_of(values: dict[str, Any], field: str) -> str:
    return calendar_form.CONTENT_FIELDS[values["kind"]] if field == "content" else field


def _with_file(values: dict[str, Any], row: Calendar | None) -> ResponseReturnValue:
    """The form with the days of an ICS file added to its dates; nothing is stored yet."""
    from app.adapters.icalendar_file import Days, read_days  # here: the library is slow to load

    upload, read = request.files.get("file"), list[Days]()
    if upload is None or not upload.filename:
        return _form(values, row, [("file", "Choose a file first.")]), 422
    data, zone = upload.read(), values["timezone"].strip()
    problems = attempt(lambda: read.append(read_days(data, zone, now(), values["timed"])))
    if problems:
        return _form(values, row, problems), 422
    return _form(*_merged(values, row, read[0].texts, read[0].skipped))


def _merged(
    values: dict[str, Any], row: Calendar | None, days: Sequence[str], skipped: Sequence[str]
) -> tuple[dict[str, Any], Calendar | None]:
    there = [line.strip() for line in values["dates"].splitlines() if line.strip()]
    new = [day for day in days if day not in there]
    flash(f"{len(days)} days were read, {len(new)} of them new. Look through them, then save.")
    if skipped:
        flash(f"Left out, because they have times of day: {', '.join(skipped[:5])}{' …' if len(skipped) > 5 else ''}")
    return {**values, "dates": "\n".join(sorted([*there, *new]))}, row


def _form(values: dict[str, Any], row: Calendar | None, problems: Problems | None = None) -> str:
    bases = [each.name for each in services().calendars.list() if row is None or each.name != row.name]
    return render_template(
        "calendars/form.html", calendar=row, values=values, problems=problems or [], bases=bases,
        kinds=calendar_words.KINDS, weekdays=trigger_choices.WEEKDAYS, dialects=trigger_choices.DIALECTS,
        zones=sorted(available_timezones()),
    )  # fmt: skip


@pages.get("/calendars/<name>/remove")
@allow(Right.EDIT)
def confirm_remove_calendar(name: str) -> str:
    row = services().calendars.get(name)
    return render_template(
        "calendars/remove.html", calendar=row, users=_users(row, services().calendars.list())
    )  # fmt: skip


@pages.post("/calendars/<name>/remove")
@allow(Right.EDIT)
def remove_calendar(name: str) -> ResponseReturnValue:
    services().calendars.remove(name)
    flash(f"Calendar “{name}” was removed.")
    return redirect(url_for("pages.calendars"), 303)
