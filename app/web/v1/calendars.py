"""/api/v1/calendars"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.adapters.icalendar_file import TIMED, read_days
from app.core.calendars import CalendarSpec
from app.core.errors import ConflictError
from app.core.models import Calendar
from app.core.statuses import CalendarKind
from app.web.auth import Right, services
from app.web.v1.routes import operation

EXAMPLE = {"kind": "weekly", "timezone": "Europe/Paris", "content": {"weekdays": ["SAT", "SUN"]}}
CONTENT = (
    'holidays: `{"dates": ["2026-12-25"]}`, weekly: `{"weekdays": ["SAT", "SUN"]}`, monthly: `{"days": [1, 15]}`, '
    'annual: `{"days": ["12-25"]}`, daily: `{"from": "22:00", "to": "06:00", "inverted": false}`, '
    'cron: `{"expression": "* * 8-17 ? * MON-FRI"}`.'
)


class CalendarBodySchema(Schema):
    kind = fields.Enum(CalendarKind, by_value=True, required=True, metadata={"type": "string"})
    timezone = fields.String(metadata={"description": "The zone of its days. Left out: the server's.",
                                       "example": "Europe/Paris"})  # fmt: skip
    content = fields.Dict(required=True, metadata={"description": f"What is taken out, by kind. {CONTENT}"})
    base = fields.String(
        allow_none=True, metadata={"description": "Another calendar, whose times are taken out as well."}
    )
    description = fields.String(load_default="")


class CalendarSchema(CalendarBodySchema):
    """Time that is taken out of triggers."""

    name = fields.String(required=True)
    used_by = fields.List(fields.String(), required=True, metadata={"description": "The names of jobs."})


class CalendarsSchema(Schema):
    calendars = fields.List(fields.Nested(CalendarSchema), required=True)


class IcsQuerySchema(Schema):
    timezone = fields.String(metadata={"description": "The zone of the days. Left out: the server's."})
    base = fields.String(metadata={"description": "Another calendar, whose times are taken out as well."})
    timed = fields.String(
        load_default="refuse", validate=validate.OneOf(TIMED),
        metadata={"description": "What becomes of events with times of day: refuse the file, take out the whole days "
                                 "that they touch, or leave them out."},
    )  # fmt: skip


class ImportedSchema(Schema):
    calendar = fields.Nested(CalendarSchema, required=True)
    skipped = fields.List(fields.String(), required=True, metadata={"description": "Events that were left out."})


@operation("GET", "/calendars", Right.SEE, gives=CalendarsSchema)
def list_calendars() -> dict[str, Any]:
    """List all exclusion calendars"""
    names = services().calendars.by_id()
    return {"calendars": [_document(row, names) for row in services().calendars.list()]}


@operation("GET", "/calendars/<name>", Right.SEE, gives=CalendarSchema, errors=(404,))
def show_calendar(name: str) -> dict[str, Any]:
    """Show an exclusion calendar"""
    return _document(services().calendars.get(name), services().calendars.by_id())


@operation("PUT", "/calendars/<name>", Right.EDIT, takes=CalendarBodySchema, gives=CalendarSchema,
           statuses=(200, 201), example=EXAMPLE)  # fmt: skip
def save_calendar(name: str, asked: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Add an exclusion calendar or replace it

    Jobs that use it follow at once. Answers 201 if there was none of this name.
    """
    return _saved(CalendarSpec(
        name, asked["kind"], asked.get("timezone") or services().settings.timezone, asked["content"],
        asked.get("base"), asked["description"],
    ))  # fmt: skip


@operation("DELETE", "/calendars/<name>", Right.EDIT, statuses=(204,), errors=(404, 409))
def remove_calendar(name: str) -> None:
    """Remove an exclusion calendar

    One that jobs or other calendars use stays: 409.
    """
    services().calendars.remove(name)


@operation("POST", "/calendars/<name>/ics", Right.EDIT, query=IcsQuerySchema, media="text/calendar",
           gives=ImportedSchema, statuses=(200, 201), errors=(409,), example="@holidays.ics")  # fmt: skip
def import_calendar(name: str, query: dict[str, Any], body: bytes) -> tuple[dict[str, Any], int]:
    """Make a calendar of holidays from an iCalendar file

    Its events become whole days; what repeats is unrolled for the next 20 years, so load the file anew from time to
    time. Replaces the days of a calendar of this name.
    """
    calendars = services().calendars
    there = next((row for row in calendars.list() if row.name == name), None)
    if there is not None and there.kind is not CalendarKind.HOLIDAYS:
        raise ConflictError(f"calendar {name!r} is of kind {there.kind.value}; a file makes one of kind holidays")
    zone = query.get("timezone") or (there.timezone if there else services().settings.timezone)
    days = read_days(body, zone, services().clock(), query["timed"])
    there_base = calendars.by_id()[there.base_id] if there and there.base_id else None
    description = (there.description if there else "") or days.name
    saved, status = _saved(
        CalendarSpec(name, CalendarKind.HOLIDAYS, zone, {"dates": days.texts}, query.get("base") or there_base,
                     description)
    )  # fmt: skip
    return {"calendar": saved, "skipped": days.skipped}, status


def _saved(spec: CalendarSpec) -> tuple[dict[str, Any], int]:
    is_new = spec.name not in services().calendars.by_id().values()
    row = services().calendars.save(spec)
    return _document(row, services().calendars.by_id()), 201 if is_new else 200


def _document(row: Calendar, names: dict[int, str]) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "timezone": row.timezone,
        "content": row.content,
        "base": names[row.base_id] if row.base_id else None,
        "description": row.description,
        "used_by": services().calendars.used_by(row.name),
    }
