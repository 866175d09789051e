"""The form of an exclusion calendar: from its fields to what the core keeps, and back."""

from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.models import Calendar
from app.core.statuses import CalendarKind
from app.core.triggers import dialect_of
from app.web.pages.problems import Problems

Values = Mapping[str, Any]
Content = tuple[dict[str, Any], Problems]

TEXTS = {
    "name": "", "description": "", "kind": "holidays", "timezone": "", "base": "", "dates": "", "annual": "",
    "from": "22:00", "to": "06:00", "inverted": "", "expression": "", "dialect": "auto", "timed": "days",
}  # fmt: skip
LISTS = ("weekdays", "month_days")
RESERVED = ("new", ".", "..")
"""Names whose address would be another page."""


def blank(zone: str) -> dict[str, Any]:
    return {**TEXTS, "timezone": zone, "weekdays": ["SAT", "SUN"], "month_days": []}


def shown(calendar: Calendar, base: str) -> dict[str, Any]:
    values = {
        **blank(calendar.timezone), "name": calendar.name, "description": calendar.description,
        "kind": calendar.kind.value, "base": base,
    }  # fmt: skip
    return {**values, **SHOWN[calendar.kind](calendar.content)}


SHOWN: Mapping[CalendarKind, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    CalendarKind.HOLIDAYS: lambda content: {"dates": "\n".join(sorted(content["dates"]))},
    CalendarKind.WEEKLY: lambda content: {"weekdays": [day.upper() for day in content["weekdays"]]},
    CalendarKind.MONTHLY: lambda content: {"month_days": [str(int(day)) for day in content["days"]]},
    CalendarKind.ANNUAL: lambda content: {"annual": "\n".join(content["days"])},
    CalendarKind.DAILY: lambda content: {**content, "inverted": "on" if content.get("inverted") else ""},
    CalendarKind.CRON: lambda content: {"dialect": "quartz", **content},
}


def sent(form: MultiDict[str, str], zone: str) -> dict[str, Any]:
    defaults = {**TEXTS, "timezone": zone}
    texts = {name: form.get(name, default).replace("\x00", "") for name, default in defaults.items()}
    return {**texts, **{name: form.getlist(name) for name in LISTS}}


def read(values: Values) -> Content:
    """What the core keeps for the chosen kind, and what is wrong with it, by the fields of the form."""
    return READERS[values["kind"]](values) if values["kind"] in READERS else ({}, [("kind", "Choose a kind.")])


def _holidays(values: Values) -> Content:
    days, problems = _lines(values["dates"], "dates", _date, "is no date; write it as 2026-12-25")
    if not days and not problems:
        problems = [("dates", "Name at least one date.")]
    return {"dates": sorted(set(days))}, problems


def _date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _annual(values: Values) -> Content:
    days, problems = _lines(values["annual"], "annual", _month_and_day, "is no day of a year; write it as 12-25")
    if not days and not problems:
        problems = [("annual", "Name at least one day.")]
    return {"days": sorted(set(days))}, problems


def _month_and_day(text: str) -> str:
    month, day = text.split("-")
    return f"{date(2000, int(month), int(day)):%m-%d}"  # a leap year


def _lines(text: str, field: str, read_line: Callable[[str], str], complaint: str) -> tuple[list[str], Problems]:
    found, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(read_line(line.strip()))
            except ValueError:
                problems.append((field, f"Line {number}: “{line.strip()[:40]}” {complaint}."))
    return found, problems[:5]


def _weekly(values: Values) -> Content:
    days = values["weekdays"]
    return {"weekdays": days}, [] if days else [("weekdays", "Choose at least one day of the week.")]


def _monthly(values: Values) -> Content:
    days = [int(day) for day in values["month_days"] if day.isdigit()]
    return {"days": days}, [] if days else [("month_days", "Choose at least one day of the month.")]


def _daily(values: Values) -> Content:
    content = {"from": values["from"], "to": values["to"], "inverted": bool(values["inverted"])}
    return content, [
        (name, f"“{values[name]}” is no time of day; an example: 22:00.")
        for name in ("from", "to")
        if not _is_time(values[name])
    ]


def _is_time(text: str) -> bool:
    try:
        time.fromisoformat(text)
    except ValueError:
        return False
    return True


def _cron(values: Values) -> Content:
    text, dialect = values["expression"].strip(), values["dialect"]
    if not text:
        return {}, [("expression", "An expression is needed.")]
    return {"expression": text, "dialect": dialect_of(text) if dialect == "auto" else dialect}, []


READERS: Mapping[str, Callable[[Values], Content]] = {
    CalendarKind.HOLIDAYS: _holidays,
    CalendarKind.WEEKLY: _weekly,
    CalendarKind.MONTHLY: _monthly,
    CalendarKind.ANNUAL: _annual,
    CalendarKind.DAILY: _daily,
    CalendarKind.CRON: _cron,
}
CONTENT_FIELDS = {
    CalendarKind.HOLIDAYS: "dates",
    CalendarKind.WEEKLY: "weekdays",
    CalendarKind.MONTHLY: "month_days",
    CalendarKind.ANNUAL: "annual",
    CalendarKind.DAILY: "from",
    CalendarKind.CRON: "expression",
}
"""Where the form shows what the core finds wrong in the content."""
