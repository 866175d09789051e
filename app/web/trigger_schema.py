"""A trigger in JSON: one shape for every dialect that shows and takes triggers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from app.core.models import Trigger
from app.core.previews import MOST_TRIGGERS
from app.core.statuses import TriggerKind
from app.core.triggers import GAPS, MONTH_ENDS, OVERLAPS, UNITS, TriggerSpec, dialect_of
from app.schedule.dialects import DIALECTS, FIRST_YEAR, LAST_YEAR
from app.web.auth import services

READ_ONLY = ("id", "next_fire_at")
COMMON = ("kind", "timezone", "calendar", "misfire", "misfire_threshold_seconds", "catch_up_cap")
BOUNDS, CLOCKS = ("start_at", "end_at"), ("gap", "overlap")
FIELDS: Mapping[TriggerKind, tuple[str, ...]] = {
    TriggerKind.CRON: ("expression", "dialect", *BOUNDS, *CLOCKS),
    TriggerKind.SIMPLE: ("every_seconds", "repeat_count", *BOUNDS),
    TriggerKind.FIXED_DELAY: ("delay_seconds", *BOUNDS),
    TriggerKind.CALENDAR_INTERVAL: ("every_count", "every_unit", "month_end", *BOUNDS, *CLOCKS),
    TriggerKind.DAILY_INTERVAL: ("every_seconds", "from_time", "to_time", "weekdays", *BOUNDS, *CLOCKS),
    TriggerKind.ONCE: ("start_at",),
}
"""What counts for each kind; nothing else is shown or taken."""


class Instant(fields.DateTime):
    """ISO 8601, shown in UTC; one that is given without an offset is on the clock of the trigger's zone."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return utc_text(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (ValueError, TypeError):
            raise ValidationError("Not a moment in ISO 8601 (an example: 2026-12-24T18:00:00Z).") from None
        if not FIRST_YEAR < moment.year <= LAST_YEAR:
            raise ValidationError(f"The year must be from {FIRST_YEAR + 1} to {LAST_YEAR}.")
        return moment


class Number(fields.Integer):
    def __init__(self, description: str, **metadata: Any) -> None:
        super().__init__(strict=True, metadata={"description": description, **metadata})


class Text(fields.String):
    def __init__(self, description: str, choices: tuple[str, ...] = (), **metadata: Any) -> None:
        only = validate.OneOf(choices) if choices else None
        super().__init__(validate=only, metadata={"description": description, **metadata})


class TriggerSchema(Schema):
    """When a job fires. Which members count depends on `kind`; others than those are refused."""

    id = Number("Which trigger this is; read only.", readOnly=True)
    kind = fields.Enum(TriggerKind, by_value=True, required=True, metadata={"type": "string", "description": (
        "cron: `expression`. simple: a fixed rate in real time, `every_seconds` counted from `start_at`. fixed_delay: "
        "`delay_seconds` after the end of the run before, 0 without a pause. calendar_interval: every `every_count` "
        "`every_unit` by the clock on the wall, counted from `start_at`. daily_interval: every `every_seconds` from "
        "`from_time` to `to_time` on `weekdays`. once: at `start_at`."
    )})  # fmt: skip
    timezone = Text("The zone whose clocks count, by its IANA name. Left out: the server's.", example="Europe/Paris")
    expression = Text("A cron expression of the dialect.", example="0 30 6 ? * MON-FRI")
    dialect = Text("How the expression is read. Left out: as Quartz, and as Spring where Quartz refuses it.",
                   tuple(DIALECTS))  # fmt: skip
    every_seconds = Number("From one fire to the next.")
    repeat_count = Number("How many fires follow the first. Left out: without end.")
    delay_seconds = Number("From the end of a run to the next fire.")
    every_count = Number("Every so many units.")
    every_unit = Text("The unit that is counted.", UNITS)
    month_end = Text("What a month does that lacks the day: fire on its last day (clamp, the default), not at all "
                     "(skip), or as many days later (spill).", MONTH_ENDS)  # fmt: skip
    from_time = Text("The first time of each day.", example="08:00")
    to_time = Text("The last one; before `from_time` it lies on the next day.", example="17:30")
    weekdays = fields.List(
        fields.String(), metadata={"description": "The days that count. Left out: all.", "example": ["MON", "FRI"]}
    )
    start_at = Instant(metadata={"description": "No fire before. simple, calendar_interval: from when it counts, if "
                                 "left out from now. once: the moment. Without an offset: on the clock of `timezone`.",
                                 "example": "2026-12-24T18:00:00Z"})  # fmt: skip
    end_at = Instant(metadata={"description": "No fire after."})
    gap = Text("A time that a clock change leaves out: fire at the `next` moment that exists (the default; fixed times "
               "only), or `skip` it.", GAPS)  # fmt: skip
    overlap = Text("A time that a clock change repeats: fire in the `first` pass, the `second`, or `both`; `interval` "
                   "(the default) is first for fixed times and both for intervals.", OVERLAPS)  # fmt: skip
    calendar = Text("The name of an exclusion calendar, whose times are taken out.")
    misfire = Text("What becomes of fires that could not be decided in time: an instruction of Quartz by its name, "
                   "`smart` (the default), or `ask`.")  # fmt: skip
    misfire_threshold_seconds = Number("How much later still counts as in time; 60 if left out.")
    catch_up_cap = Number("Of late fires that are made up for one by one, at most so many start, the newest. Left out: "
                          "all.")  # fmt: skip
    next_fire_at = Instant(metadata={"description": "When it fires next; read only.", "readOnly": True})

    @pre_load
    def forget_what_says_nothing(self, data: Any, **kwargs: Any) -> Any:
        """So that what was read can be sent back."""
        if not isinstance(data, Mapping):
            return data
        given = {name: value for name, value in data.items() if value is not None and name not in READ_ONLY}
        if given.get("calendar") == "":
            del given["calendar"]
        return given

    @validates_schema
    def check_kind(self, data: dict[str, Any], **kwargs: Any) -> None:
        counting = (*COMMON, *FIELDS[data["kind"]])
        others = {name: [f"Does not count for kind {data['kind']}."] for name in data if name not in counting}
        if others:
            raise ValidationError(others)

    @post_load
    def spec(self, data: dict[str, Any], **kwargs: Any) -> TriggerSpec:
        data.setdefault("timezone", services().settings.timezone)
        for name in BOUNDS:
            if name in data:
                data[name] = in_utc(data[name], data["timezone"])
        if data["kind"] is TriggerKind.CRON:
            data.setdefault("dialect", dialect_of(data.get("expression", "")))
        if "weekdays" in data:
            data["weekdays"] = ",".join(data["weekdays"])
        return TriggerSpec(**data)


class Triggers(fields.List[Any]):
    """Takes specs, shows stored triggers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.Nested(TriggerSchema), validate=validate.Length(max=MOST_TRIGGERS), **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[Any]:
        return [shown(row) for row in value]


def says_all(specs: Sequence[TriggerSpec], rows: Sequence[Trigger]) -> bool:
    """Whether somebody sends back these triggers, and no others, as they were shown."""
    try:
        return list(specs) == [TriggerSchema().load(shown(row)) for row in rows]
    except ValidationError:
        return False  # a row that was written past the schema


def shown(row: Trigger) -> dict[str, Any]:
    """What the schema describes, without what has no value. Plain code: lists show thousands of triggers."""
    members: dict[str, Any] = {"id": row.id, "kind": row.kind.value, "timezone": row.timezone}
    for name in FIELDS[row.kind]:
        members[name] = getattr(row, name)
    members |= {"start_at": utc_text(row.start_at), "end_at": utc_text(row.end_at)}
    if row.weekdays:
        members["weekdays"] = [day.strip().upper() for day in row.weekdays.split(",")]
    members["calendar"] = row.calendar.name if row.calendar else None
    members |= {"misfire": row.misfire, "misfire_threshold_seconds": row.misfire_threshold_seconds}
    members["catch_up_cap"] = row.catch_up_cap
    members["next_fire_at"] = utc_text(row.next_fire_at)
    return {name: value for name, value in members.items() if value is not None}


def utc_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def in_utc(moment: datetime, zone: str) -> datetime:
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            moment = moment.replace(tzinfo=UTC)  # the core refuses the zone
    return moment.astimezone(UTC)
