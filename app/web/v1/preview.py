"""/api/v1/preview"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.core.previews import MOST_TRIGGERS, ComingFire, Preview
from app.schedule.words import LOCALES
from app.web.auth import Right, services
from app.web.trigger_schema import Instant, TriggerSchema, in_utc
from app.web.v1.routes import operation
from app.web.v1.schemas import HintSchema

EXAMPLE = {
    "triggers": [{"kind": "cron", "expression": "0 30 2 * * ?", "timezone": "Europe/Paris"}],
    "after": "2026-03-28T12:00:00Z",
    "count": 2,
}


class PreviewRequestSchema(Schema):
    triggers = fields.List(
        fields.Nested(TriggerSchema), required=True, validate=validate.Length(1, MOST_TRIGGERS),
        metadata={"description": f"From 1 to {MOST_TRIGGERS}."},
    )  # fmt: skip
    after = Instant(metadata={"description": "List what comes strictly after this moment. Left out: from now on."})
    count = fields.Integer(
        strict=True, load_default=10, validate=validate.Range(1, 100), metadata={"description": "How many fires."}
    )
    seed = fields.String(
        validate=validate.Length(max=100),
        metadata={"description": "The job's uid, which picks the times that `H` in an expression stands for."},
    )
    locale = fields.String(
        load_default="en", validate=validate.OneOf(LOCALES), metadata={"description": "The language of all words."}
    )


class ComingFireSchema(Schema):
    """One moment at which a trigger is due."""

    trigger = fields.Integer(required=True, metadata={"description": "Its place in the request, from 0."})
    at = Instant(required=True, metadata={"description": "In UTC."})
    local = fields.DateTime(required=True, metadata={"description": "The same on the clock of the zone."})
    zone = fields.String(required=True)
    note = fields.String(required=True, allow_none=True, metadata={
        "description": "What is unusual about it.",
        "example": "02:30 does not exist on 29 March 2026: fires at 03:00",
    })  # fmt: skip
    excluded_by = fields.String(required=True, allow_none=True, metadata={
        "description": "The calendar that takes it out: the trigger is due, but does not fire."
    })  # fmt: skip


class WarningSchema(HintSchema):
    """Something about a trigger that is easily misread, or that will surprise."""

    trigger = fields.Integer(required=True, metadata={"description": "Its place in the request, from 0."})


class PreviewSchema(Schema):
    words = fields.List(
        fields.String(), required=True,
        metadata={"description": "Each trigger in words.", "example": ["At 02:30, every day (Europe/Paris)"]},
    )  # fmt: skip
    fires = fields.List(
        fields.Nested(ComingFireSchema), required=True,
        metadata={"description": "In the order of time: as many as asked for, and up to as many that are excluded."},
    )  # fmt: skip
    warnings = fields.List(fields.Nested(WarningSchema), required=True)


@operation("POST", "/preview", Right.SEE, takes=PreviewRequestSchema, gives=PreviewSchema, example=EXAMPLE)
def preview(asked: dict[str, Any]) -> dict[str, Any]:
    """Say what triggers will do

    In words, with the next fires of all triggers together, and with what is easily misread. Nothing is stored. The
    scheduler itself asks the same calculator.
    """
    after = in_utc(asked["after"], services().settings.timezone) if "after" in asked else None
    found = services().previews.preview(asked["triggers"], after, asked["count"], asked.get("seed"), asked["locale"])
    return document(found)


def document(found: Preview) -> dict[str, Any]:
    return {
        "words": [trigger.words for trigger in found.triggers],
        "fires": [_fire(fire, found.triggers[fire.trigger].spec.timezone) for fire in found.fires],
        "warnings": [
            {"trigger": number, "code": hint.code, "message": hint.message}
            for number, trigger in enumerate(found.triggers)
            for hint in trigger.warnings
        ],
    }


def _fire(fire: ComingFire, zone: str) -> dict[str, Any]:
    return {"trigger": fire.trigger, "at": fire.at, "local": fire.local, "zone": zone, "note": fire.note,
            "excluded_by": fire.excluded_by}  # fmt: skip
