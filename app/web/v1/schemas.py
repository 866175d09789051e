"""What the schemas of all resources share. Those of one resource live in its file."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load

from app.core.errors import FieldError
from app.web.bodies import flat

MOST_ERRORS = 100


class SentBack(Schema):
    """What was read can be sent back: members that are read only are ignored."""

    @pre_load
    def forget_what_is_read_only(self, data: Any, **kwargs: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if name not in self.dump_fields or name in self.load_fields}


class HintSchema(Schema):
    """Something worth knowing: a stable code for machines, a sentence for people."""

    code = fields.String(required=True)
    message = fields.String(required=True)


class FieldProblemSchema(Schema):
    """One thing that is wrong with one field."""

    field = fields.String(required=True, metadata={"description": "Its path; `?name` for a part of the query.",
                                                   "example": "triggers.0.expression"})  # fmt: skip
    message = fields.String(required=True)
    code = fields.String(required=True, metadata={"example": "cron"})


class ProblemSchema(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.Url(required=True, metadata={"description": "Where the code is explained."})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "What happened this time, for people."})
    code = fields.String(required=True, metadata={"description": "Stable, for machines."})
    errors = fields.List(
        fields.Nested(FieldProblemSchema), metadata={"description": "With status 422: everything that is wrong."}
    )


def problems_of(error: ValidationError) -> Sequence[FieldError]:
    messages = error.messages if isinstance(error.messages, Mapping) else {"": error.messages}
    return [_problem(path, text) for path, text in flat(messages)][:MOST_ERRORS]


def _problem(path: str, text: str) -> FieldError:
    code = {"Missing data for required field.": "required", "Unknown field.": "unknown_field"}.get(text, "invalid")
    return FieldError(path, text, code)
