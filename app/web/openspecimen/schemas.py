"""What clients send: a scheduled job as GET shows it. Unknown and read-only members are ignored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from app.core.previews import MOST_TRIGGERS
from app.core.triggers import TriggerSpec
from app.schedule.dialects import FIRST_YEAR, LAST_YEAR
from app.web.openspecimen.reading import EPOCH, moment
from app.web.trigger_schema import TriggerSchema

ACTIVE, DISABLED = "Active", "Disabled"


@dataclass(frozen=True)
class Asked:
    """A scheduled job as a client wants it; ``None`` for what it did not say. Wrong choices are judged later."""

    name: str = ""
    type: str | None = None
    task: str | None = None  # the name of a job type
    saved_query: int | None = None  # the id of the job that has the query
    parameters: Mapping[str, Any] | None = None
    status: str | None = None
    repeat_schedule: str | None = None
    minutely_interval: int = 1
    hourly_interval: int = 1
    minute: int | None = None
    hour: int | None = None
    day_of_week: str | None = None
    day_of_month: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    triggers: Sequence[TriggerSpec] | None = None


class WholeNumber(fields.Integer):
    """Also as text; a fraction is no whole number."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and not value.is_integer():
            raise self.make_error("invalid")
        return super()._validated(value)


class Moment(fields.Field[datetime]):
    """Milliseconds since 1970, or a text as in an address."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            found = _instant(value)
        except (ValueError, OverflowError):
            raise ValidationError("Not a valid date.") from None
        if not FIRST_YEAR < found.year <= LAST_YEAR:
            raise ValidationError("Not a valid date.")
        return found


class SavedQuery(Schema):
    class Meta:
        unknown = EXCLUDE

    id = WholeNumber(required=True)


class ScheduledJob(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String()
    type = fields.String()
    task = fields.String(data_key="taskImplFqn")
    saved_query = fields.Nested(SavedQuery, data_key="savedQuery")
    parameters = fields.Dict(data_key="jobParameters")
    status = fields.String(data_key="activityStatus", validate=validate.OneOf([ACTIVE, DISABLED]))
    repeat_schedule = fields.String(data_key="repeatSchedule")
    minutely_interval = WholeNumber(data_key="minutelyInterval", load_default=1)
    hourly_interval = WholeNumber(data_key="hourlyInterval", load_default=1)
    minute = WholeNumber(data_key="scheduledMinute")
    hour = WholeNumber(data_key="scheduledHour")
    day_of_week = fields.String(data_key="scheduledDayOfWeek")
    day_of_month = WholeNumber(data_key="scheduledDayOfMonth")
    start_at = Moment(data_key="startDate")
    end_at = Moment(data_key="endDate")
    triggers = fields.List(fields.Nested(TriggerSchema), validate=validate.Length(max=MOST_TRIGGERS))

    @pre_load
    def forget_nothing(self, data: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}

    @post_load
    def asked(self, data: dict[str, Any], **kwargs: Any) -> Asked:
        query = data.pop("saved_query", None)
        return Asked(**data, saved_query=query["id"] if query else None)


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        return moment(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return EPOCH + timedelta(milliseconds=value)
