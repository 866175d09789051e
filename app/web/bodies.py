"""What the JSON dialects share: bodies read strictly and written in order, and the headers of refusals."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flask import Response, request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from app.core.errors import CarillonError, FieldError, InvalidError
from app.web.errors import RETRY_AFTER

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
CHALLENGE = 'Basic realm="Carillon"'
KEPT = ("Allow", "Content-Range", "Retry-After")
"""What an HTTP error tells in headers, whatever the body around it looks like."""


class MalformedBodyError(CarillonError):
    """The body is no JSON object."""

    code = "malformed"


def read(schema: Schema) -> Any:
    """Read the body by a schema. Raises ``UnsupportedMediaType``, ``MalformedBodyError``, ``InvalidError``."""
    return load(schema, read_object())


def load(schema: Schema, value: Mapping[str, Any]) -> Any:
    """The same for an object that was read already. Raises ``InvalidError``."""
    try:
        return schema.load(value)
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        raise InvalidError([FieldError(path, f"{path}: {text}") for path, text in flat(messages)]) from None


def read_json(media_type: str) -> Any:
    """Read a body of one media type, whatever JSON it holds. Raises as ``read`` does."""
    data = request.get_data()
    if request.mimetype != media_type:
        raise UnsupportedMediaType(f"the body must be {media_type}")
    return _parsed(data)


def is_empty() -> bool:
    """Whether there is no body. What came as a form was read as one: it leaves no data, and is not nothing."""
    came_as_form = request.mimetype in FORMS and bool(request.content_length)
    return not came_as_form and not request.get_data().strip()


def read_object() -> dict[str, Any]:
    if is_empty():
        raise MalformedBodyError("the body is empty")
    if not request.is_json:
        raise UnsupportedMediaType("the body must be application/json, and the header Content-Type must say so")
    value = _parsed(request.get_data())
    if not isinstance(value, dict):
        raise MalformedBodyError("the body must be a JSON object")
    return value


def write(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON. Flask's own ``jsonify`` would sort the members."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, mimetype="application/json")


def refusal_headers(error: HTTPException) -> dict[str, str]:
    """The headers that go with an error in every dialect."""
    headers = {name: value for name, value in error.get_headers(request.environ) if name in KEPT}
    if error.code == 401 and not _is_script():
        headers["WWW-Authenticate"] = CHALLENGE
    if error.code == 503:
        headers.setdefault("Retry-After", RETRY_AFTER)
    return headers


def _is_script() -> bool:
    """Whether a page's script asks: the challenge would make its browser pop up a dialog of its own."""
    return "XMLHttpRequest" in request.headers.get("X-Requested-With", "") or "X-OS-API-CLIENT" in request.headers


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if "\\u" in text:
            _check_texts(value)
    except RecursionError:
        raise MalformedBodyError("the JSON is nested too deeply") from None
    except ValueError as error:
        raise MalformedBodyError(f"the body is no JSON: {error}") from None
    return value


def _check_texts(value: object) -> None:
    """Refuse what JSON can escape and no database can keep: NUL and halves of surrogate pairs."""
    match value:
        case str():
            value.encode()
            if "\x00" in value:
                raise ValueError("a text holds a NUL character")
        case dict():
            for name, member in value.items():
                _check_texts(name)
                _check_texts(member)
        case list():
            for member in value:
                _check_texts(member)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def flat(messages: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's messages with the path of what they are about."""
    for name, found in messages.items():
        if isinstance(found, Mapping):
            yield from flat(found, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}".removesuffix("._schema"), " ".join(map(str, found))
