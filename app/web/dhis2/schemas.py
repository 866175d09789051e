"""What clients send: read as leniently as DHIS2 reads it, unknown and read-only members are ignored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from app.core.previews import MOST_TRIGGERS
from app.core.triggers import TriggerSpec
from app.web.auth import services
from app.web.bodies import MalformedBodyError
from app.web.trigger_schema import TriggerSchema

SCHEDULING_TYPES = ("CRON", "FIXED_DELAY", "ONCE_ASAP")


@dataclass(frozen=True)
class Asked:
    """A job configuration as a client wants it; ``None`` for what it did not say."""

    uid: str | None = None
    name: str | None = None
    job_type: str | None = None
    cron_expression: str | None = None
    delay: int | None = None  # seconds
    continuous_execution: bool | None = None
    scheduling_type: str | None = None
    enabled: bool | None = None
    parameters: Mapping[str, Any] | None = None
    description: str | None = None
    group: str | None = None
    triggers: Sequence[TriggerSpec] | None = None


class Text(fields.Field[str]):
    """Numbers and truth values are taken as text, too."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, list | dict):
            raise ValidationError("Not a valid string.")
        return str(value).lower() if isinstance(value, bool) else str(value)


class Truth(fields.Boolean):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(truthy={True, "true", "True", "TRUE"}, falsy={False, "false", "False", "FALSE"}, **kwargs)


class WholeNumber(fields.Field[int]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not re.fullmatch(r"\s*[+-]?[0-9]{1,18}(\.0)?\s*", str(value)):
            raise ValidationError("Not a valid integer.")
        return int(str(value).partition(".")[0])


class JobTypeName(Text):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name not in services().types:
            known = ", ".join(job_type.name for job_type in services().types)
            raise MalformedBodyError(
                f'Cannot deserialize value of type `org.hisp.dhis.scheduling.JobType` from String "{name}": '
                f"not one of the values accepted for Enum class: [{known}]"
            )
        return name


class JobConfiguration(Schema):
    class Meta:
        unknown = EXCLUDE

    uid = Text(data_key="id")
    name = Text()
    job_type = JobTypeName(data_key="jobType")
    cron_expression = Text(data_key="cronExpression")
    delay = WholeNumber()
    continuous_execution = Truth(data_key="continuousExecution")
    scheduling_type = Text(data_key="schedulingType", validate=validate.OneOf(SCHEDULING_TYPES))
    enabled = Truth()
    parameters = fields.Dict(data_key="jobParameters")
    description = Text()
    group = Text()
    triggers = fields.List(fields.Nested(TriggerSchema), validate=validate.Length(max=MOST_TRIGGERS))

    @pre_load
    def forget_empty(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """DHIS2 takes an empty text for nothing."""
        return {name: value for name, value in data.items() if value is not None and value != ""}

    @post_load
    def asked(self, data: dict[str, Any], **kwargs: Any) -> Asked:
        return Asked(**data)
