"""/api/docs: the description of the API as a page, rendered here so that it works without the internet."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import render_template, request

from app.web.auth import Right, allow
from app.web.v1.openapi import ABOUT, ROLES, description, statuses_of
from app.web.v1.problems import KINDS
from app.web.v1.routes import OPERATIONS, PREFIX, Operation, pages

Described = Mapping[str, Any]

FILE: Described = {"type": "string", "format": "the file as it is"}


@dataclass(frozen=True)
class Member:
    """One line of a table: a member of an object, or a parameter. ``links`` are names of schemas in ``type``."""

    name: str
    type: str
    links: tuple[str, ...]
    required: bool
    words: str
    place: str = ""


@dataclass(frozen=True)
class Shown:
    operation: Operation
    path: str
    roles: str
    parameters: list[Member]
    takes: Member | None
    answers: list[tuple[int, Member | None]]
    errors: list[int]
    curl: str


@pages.get("/api/docs", strict_slashes=False)
@allow(Right.SEE)
def show() -> str:
    """Show the documentation of the API"""
    document = description()
    return render_template(
        "api/docs.html", about=ABOUT, version=document["info"]["version"], kinds=KINDS,
        operations=[_shown(declared, document) for declared in sorted(OPERATIONS, key=lambda one: one.path)],
        schemas={name: (schema.get("description"), _members(schema))
                 for name, schema in sorted(document["components"]["schemas"].items())},
    )  # fmt: skip


def _shown(declared: Operation, document: Described) -> Shown:
    path = declared.template
    described = document["paths"][path][declared.method.lower()]
    return Shown(
        declared,
        PREFIX + path,
        ROLES[declared.right],
        [_parameter(one) for one in described["parameters"]],
        _content(described.get("requestBody", {})),
        [(status, _content(described["responses"][str(status)])) for status in declared.statuses],
        statuses_of(declared),
        _curl(declared),
    )


def _parameter(described: Described) -> Member:
    schema = described["schema"]
    words = described.get("description") or schema.get("description", "")
    return Member(described["name"], *_type(schema), described.get("required", False), words, described["in"])


def _members(schema: Described) -> list[Member]:
    required = schema.get("required", ())
    return [
        Member(name, *_type(member), name in required, _words(member))
        for name, member in schema.get("properties", {}).items()
    ]


def _content(described: Described) -> Member | None:
    for media, content in described.get("content", {}).items():
        return Member(media, *_type(content.get("schema", FILE)), True, "")
    return None


def _type(schema: Described) -> tuple[str, tuple[str, ...]]:
    """The type in words, and the schemas that it names."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return name, (name,)
    if "anyOf" in schema:
        words, links = _type(schema["anyOf"][0])
        return f"{words} or null", links
    kinds = schema.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = " or ".join(kinds)
    inner, links = _type(schema["items"]) if "items" in schema else ("", ())
    if inner:
        words = words.replace("array", f"array of {inner}")
    if "format" in schema:
        words = f"{words} ({schema['format']})"
    return words, links


def _words(schema: Described) -> str:
    words = str(schema.get("description", ""))
    if "enum" in schema:
        words = f"{words} One of: {_listed(schema['enum'])}.".strip()
    if "default" in schema and schema["default"] != "":
        words = f"{words} Default: `{json.dumps(schema['default'])}`.".strip()
    if "example" in schema:
        words = f"{words} Example: `{json.dumps(schema['example'], ensure_ascii=False)}`.".strip()
    return words


def _listed(choices: Iterable[object]) -> str:
    return ", ".join(f"`{choice}`" for choice in choices if choice is not None)


def _curl(declared: Operation) -> str:
    address = request.host_url.rstrip("/") + PREFIX + declared.template.replace("{", "").replace("}", "")
    words = ["curl", "-u", "ada"]
    if declared.method not in ("GET", "POST") or (declared.method == "POST" and declared.example is None):
        words += ["-X", declared.method]
    if HTTPStatus.PRECONDITION_REQUIRED in declared.errors:
        words += ["-H", "If-Match: *"]
    return shlex.join([*words, *_body(declared), *(["-OJ"] if declared.file else []), address])


def _body(declared: Operation) -> list[str]:
    if declared.example is None:
        return []
    header = ["-H", f"Content-Type: {declared.media}"]
    if declared.takes is None:
        return [*header, "--data-binary", str(declared.example)]
    return [*header, "-d", json.dumps(declared.example, ensure_ascii=False)]
