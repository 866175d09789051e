"""Operations: what an address takes and gives, said once for the view, for OpenAPI and for the docs page."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from inspect import getdoc
from typing import Any

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from app.core.errors import FieldError, InvalidError
from app.web import bodies
from app.web.auth import Right, allow
from app.web.v1.schemas import problems_of

PREFIX = "/api/v1"
JSON = "application/json"

blueprint = Blueprint("v1", __name__, url_prefix=PREFIX)
pages = Blueprint("v1_docs", __name__)  # has no error handler: a page answers as pages do

View = Callable[..., Any]


@dataclass(frozen=True)
class Answer:
    """What a view gives that wants to say more than its value; ``status`` is the first that is declared."""

    value: object = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str  # below the prefix, as Flask writes it
    right: Right
    summary: str  # the first line of the view's docstring
    details: str  # the rest of it
    query: type[Schema] | None = None
    headers: type[Schema] | None = None
    takes: type[Schema] | None = None
    needs_body: bool = True  # where it takes one
    media: str = JSON  # of the body
    gives: type[Schema] | None = None
    file: bool = False  # gives a file instead
    tells: Mapping[str, str] = field(default_factory=dict, hash=False)  # headers of the answer and their meaning
    statuses: Sequence[int] = (200,)  # when it went well
    errors: Sequence[int] = ()  # besides those that every operation can answer
    example: Any = field(default=None, hash=False)  # a body

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it: ``/runs/{run_id}``."""
        return re.sub(r"<(?:int:)?(\w+)>", r"{\1}", self.path)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the path and their JSON types."""
        found = re.findall(r"<(int:)?(\w+)>", self.path)
        return {name: "integer" if kind else "string" for kind, name in found}

    def call(self, view: View, in_path: dict[str, str]) -> Response:
        """Read what the view needs, call it, and write what it answers: an object, or one with a status."""
        given: dict[str, Any] = dict(in_path)
        if self.query:
            given["query"] = _read_query(self.query())
        if self.headers:
            given["headers"] = _read_headers(self.headers())
        if self.takes:
            given["asked"] = read(self.takes()) if self.needs_body or not bodies.is_empty() else {}
        elif self.media != JSON:
            given["body"] = _read_raw(self.media)
        return self._written(view(**given))

    def _written(self, given: object) -> Response:
        """A response, an answer, a value with a status, or a value."""
        if isinstance(given, Response):
            return given
        answer = given if isinstance(given, Answer) else Answer(*(given if isinstance(given, tuple) else (given,)))
        status = answer.status or self.statuses[0]
        if answer.value is None:
            return Response(status=status, headers=dict(answer.headers))
        value = self.gives().dump(answer.value) if self.gives else answer.value
        return bodies.write(value, status, answer.headers)


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, right: Right, **said: Any) -> Callable[[View], View]:
    """Serve a view under ``/api/v1``; ``said`` are the fields of ``Operation``.

    The view gets the variables of its path by name, ``query`` and ``asked`` (as their schemas load them) or ``body``.
    """

    def add(view: View) -> View:
        summary, _, details = (getdoc(view) or "").partition("\n")
        declared = Operation(view.__name__, method, path, right, summary, " ".join(details.split()), **said)
        OPERATIONS.append(declared)

        @wraps(view)
        def served(**in_path: str) -> Response:
            return declared.call(view, in_path)

        blueprint.add_url_rule(path, view.__name__, allow(right)(served), methods=[method], strict_slashes=False)
        return view

    return add


def read(schema: Schema) -> Any:
    """Read the body. Raises ``UnsupportedMediaType``, ``MalformedBodyError``, ``InvalidError``."""
    return read_as(schema, bodies.read_object())


def read_as(schema: Schema, given: dict[str, Any]) -> Any:
    """Read what is no text any more. Raises ``InvalidError``."""
    try:
        return schema.load(given)
    except ValidationError as error:
        raise InvalidError(problems_of(error)) from None


def _read_query(schema: Schema) -> Any:
    try:
        return schema.load(request.args.to_dict())
    except ValidationError as error:
        raise InvalidError([FieldError(f"?{one.field}", one.message, one.code) for one in problems_of(error)]) from None


def _read_headers(schema: Schema) -> Any:
    """Those that the schema names, whatever else there is."""
    names = [member.data_key or name for name, member in schema.fields.items()]
    try:
        return schema.load({name: request.headers[name] for name in names if name in request.headers})
    except ValidationError as error:
        raise InvalidError(problems_of(error)) from None


def _read_raw(media: str) -> bytes:
    if request.mimetype not in (media, "application/octet-stream"):
        raise UnsupportedMediaType(f"the body must be {media}")
    return request.get_data()
