"""From errors to problem details (RFC 9457)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException

from app.core.errors import CarillonError, FieldError, InvalidError
from app.web import bodies
from app.web.bodies import MalformedBodyError
from app.web.errors import status_of, unexpected
from app.web.v1.routes import blueprint

MEDIA = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """What a status means: ``code`` unless the error has one of its own."""

    code: str
    title: str
    words: str  # for the docs page


KINDS = {
    400: Kind("malformed", "Bad request", "The body is empty or no JSON object, or the request cannot be read."),
    401: Kind("unauthenticated", "Not logged in", "No credentials, or wrong ones."),
    403: Kind("forbidden", "Not allowed", "Your role does not allow it, or a browser asks from another site's page."),
    404: Kind("not_found", "Not found", "There is no such address or thing."),
    405: Kind("method_not_allowed", "Method not allowed", "The header `Allow` lists those that are."),
    409: Kind("conflict", "Conflict", "The request is right, but the present state forbids it."),
    412: Kind("changed", "Changed meanwhile", "`If-Match` names another version than the present one: read it again."),
    413: Kind("too_large", "Too large", "A body may have one megabyte at the most."),
    415: Kind("unsupported_media_type", "Unsupported media type", "The header `Content-Type` names another type."),
    416: Kind("range_not_satisfiable", "Range not satisfiable", "The file has no such part."),
    422: Kind("invalid", "Invalid", "The request can be read but is wrong; `errors` lists everything."),
    428: Kind("precondition_required", "Precondition required", "Send `If-Match` with the ETag that you read, or `*`."),
    500: Kind("internal", "Internal error", "A fault of the server, which has logged it."),
    503: Kind("unavailable", "Unavailable", "The database is busy, or this server stands by. `Retry-After` says when."),
}
STATUS = {"changed": 412}
"""Codes whose status is a more exact one than that of their kind of error."""


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    status = 400 if isinstance(error, MalformedBodyError) else STATUS.get(error.code) or status_of(error)
    errors = error.errors if isinstance(error, InvalidError) else ()
    return _problem(_http(status), error.message, error.code, errors)


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    """Answer for an unknown URL, a wrong method, a body that is too large ..."""
    return _problem(error, error.description or error.name)


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))


def _http(status: int) -> HTTPException:
    http = HTTPException()
    http.code = status
    return http


def _problem(http: HTTPException, detail: str, code: str | None = None, errors: Sequence[FieldError] = ()) -> Response:
    status = http.code or 500
    kind = KINDS.get(status, KINDS[500] if status >= 500 else KINDS[400])
    body: dict[str, Any] = {
        "type": f"{request.host_url}api/docs#{kind.code}",
        "title": kind.title,
        "status": status,
        "detail": detail,
        "code": code or kind.code,
    }
    if errors:
        body["errors"] = [{"field": one.field, "message": one.message, "code": one.code} for one in errors]
    response = bodies.write(body, status, bodies.refusal_headers(http))
    response.mimetype = MEDIA
    return response
