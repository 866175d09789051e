"""Versions of what can be edited: told in an ``ETag``, asked for in ``If-Match``."""

from collections.abc import Mapping

from marshmallow import Schema, fields
from werkzeug.exceptions import PreconditionRequired

from app.core.models import Job

TELLS = {"ETag": "The version of what you read, for `If-Match`."}


class MatchSchema(Schema):
    if_match = fields.String(
        data_key="If-Match", metadata={"description": "The ETag of what you read, or `*` for whatever is there."}
    )


def etag(job: Job) -> dict[str, str]:
    """The header that tells the version of a job or a queue."""
    return {"ETag": f'"{job.version}"'}


def asked_version(headers: Mapping[str, str]) -> int | None:
    """The version that ``If-Match`` asks for, ``None`` for any; one that cannot be is 0."""
    text = headers.get("if_match", "*").strip()
    if text == "*":
        return None
    number = text.strip('"')
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0


def required_version(headers: Mapping[str, str]) -> int | None:
    """The same; raises ``PreconditionRequired`` where nothing is said."""
    if "if_match" not in headers:
        raise PreconditionRequired("send If-Match with the ETag that you read, or * to overwrite whatever is there")
    return asked_version(headers)
