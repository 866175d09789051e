"""Members that are read strictly: JSON says what it means, nothing is guessed."""

from datetime import datetime
from typing import Any

from marshmallow import fields, validate

from app.web.trigger_schema import utc_text

LARGEST_ID = 2**63 - 1
TEXT = {"type": "string"}


class Truth(fields.Boolean):
    """``true`` or ``false``; not 1, not "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Amount(fields.Float):
    """A number that need not be whole, and stays as it is given."""

    def __init__(self, description: str, default: float) -> None:
        super().__init__(load_default=default, metadata={"description": description})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.AwareDateTime):
    """ISO 8601; an answer's ends in Z, as those of triggers do."""

    def __init__(self, description: str = "", **options: Any) -> None:
        super().__init__(metadata={"description": description} if description else {}, **options)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return utc_text(value)


class Cursor(fields.Integer):
    """In addresses: the ``next`` of a page."""

    def __init__(self) -> None:
        super().__init__(validate=validate.Range(0, LARGEST_ID), metadata={"description": "The `next` of a page."})


class Limit(fields.Integer):
    def __init__(self) -> None:
        super().__init__(
            load_default=100, validate=validate.Range(1, 1000), metadata={"description": "The size of a page."}
        )


class Next(fields.String):
    def __init__(self) -> None:
        super().__init__(required=True, allow_none=True, metadata={"description": "The `cursor` of the next page."})
