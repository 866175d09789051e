"""The fields of a job type's parameters: from values to what the form shows, and back.

A field is a text, except ``boolean`` (a truth value), ``object`` (rows of name, kind and text) and a ``list`` from
which one chooses (the chosen values); any other ``list`` is a text with one value in a line.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from app.core.job_types import JobType, Parameter
from app.core.parameters import coerce_one
from app.web.pages.problems import Problems
from app.web.pages.site import pages

VALUE_KINDS = (("text", "Text"), ("number", "Number"), ("truth", "True or false"), ("null", "Nothing (NULL)"))
SPARE_ROWS = 2
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


HELPS = {
    ("SQL_EXPORT", "parameters"): "Default values for the binds of the query, by name: a row for :since is named since."
    " Rows without a name and a value do not count.",
    ("SQL_EXPORT", "headerNames"): "Other names than those of the columns: the column's, and what the header says.",
}
"""Where the declaration speaks of JSON, and the form has fields instead."""


class ValueRow(NamedTuple):
    """One name and value of an object."""

    name: str = ""
    kind: str = "text"
    text: str = ""


@pages.app_template_filter()
def json_text(value: Any) -> str:
    """A value as JSON, to be escaped by the template like any other text."""
    return json.dumps(value, ensure_ascii=False)


def is_major(parameter: Parameter) -> bool:
    """Whether everybody has to look at it; the others wait in folds."""
    return not parameter.section and (parameter.required or parameter.kind in ("sql", "object", "connection"))


def majors(job_type: JobType) -> Sequence[Parameter]:
    """Those that everybody has to look at; a type that has none shows them all."""
    return [parameter for parameter in job_type.parameters if is_major(parameter)] or job_type.parameters


def folds(job_type: JobType) -> dict[str, list[Parameter]]:
    """The minor fields by the title of their fold; "More options" (the empty title) comes last."""
    found: dict[str, list[Parameter]] = {}
    shown = majors(job_type)
    for parameter in job_type.parameters:
        if parameter not in shown:
            found.setdefault(parameter.section, []).append(parameter)
    return {**{title: fields for title, fields in found.items() if title}, "": found.get("", [])}


def readable(job_type: JobType, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as far as the fields can be read; for the others their defaults."""
    values, _ = read(job_type, fields)
    usable = {}
    for parameter in job_type.parameters:
        try:
            usable[parameter.name] = coerce_one(parameter, values[parameter.name])
        except ValueError:
            usable[parameter.name] = parameter.default
    return usable


def help_of(job_type: JobType, parameter: Parameter) -> str:
    return HELPS.get((job_type.name, parameter.name), parameter.help)


def shown(job_type: JobType, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields for a job's parameters; those it does not have show their defaults."""
    return {
        parameter.name: _shown(parameter, values.get(parameter.name, parameter.default))
        for parameter in job_type.parameters
    }


def _shown(parameter: Parameter, value: Any) -> Any:
    if parameter.kind == "boolean":
        return bool(value)
    if parameter.kind == "object":
        return [_row(name, item) for name, item in (value or {}).items()]
    if parameter.kind == "list":
        return list(value or []) if parameter.choices else "\n".join(value or [])
    return "" if value is None else str(value)


def _row(name: str, value: Any) -> ValueRow:
    if value is None:
        return ValueRow(name, "null")
    if isinstance(value, bool):
        return ValueRow(name, "truth", json.dumps(value))
    return ValueRow(name, "text", value) if isinstance(value, str) else ValueRow(name, "number", json.dumps(value))


def sent(job_type: JobType, form: MultiDict[str, str]) -> dict[str, Any]:
    """The fields as they came back."""
    return {parameter.name: _sent(parameter, form) for parameter in job_type.parameters}


def _sent(parameter: Parameter, form: MultiDict[str, str]) -> Any:
    name = f"parameters.{parameter.name}"
    if parameter.kind == "boolean":
        return name in form
    if parameter.kind == "object":
        columns = (form.getlist(f"{name}.{column}") for column in ("name", "kind", "text"))
        return [row for row in map(ValueRow, *columns) if row.name.strip() or row.text]
    if parameter.kind == "list" and parameter.choices:
        return form.getlist(name)
    text = form.get(name, "")
    return text.replace("\r\n", "\n") if parameter.kind == "sql" else text


def read(job_type: JobType, fields: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """The parameters for the core, and what is wrong with them already; such a value the core refuses as well."""
    values: dict[str, Any] = {}
    problems: Problems = []
    for parameter in job_type.parameters:
        value = fields[parameter.name]
        if parameter.kind == "object":
            value, wrong = _object(value)
            problems += [(f"parameters.{parameter.name}", message) for message in wrong]
        elif parameter.kind == "list" and not parameter.choices:
            value = [line.strip() for line in value.splitlines() if line.strip()]
        values[parameter.name] = value
    return values, problems


def _object(rows: Iterable[ValueRow]) -> tuple[Any, Sequence[str]]:
    values: dict[str, Any] = {}
    wrong = []
    for row in rows:
        name = row.name.strip()
        try:
            if not name or name in values:
                raise ValueError("every value needs a name of its own")
            values[name] = _value(row)
        except ValueError as error:
            wrong.append(f"{name or row.text!r}: {error}.")
    return ("wrong" if wrong else values), wrong


def _value(row: ValueRow) -> Any:
    text = row.text.strip()
    match row.kind:
        case "null":
            return None
        case "truth" if text.lower() in TRUTHS:
            return TRUTHS[text.lower()]
        case "truth":
            raise ValueError("write true or false")
        case "number":
            return _number(text)
    return row.text


def _number(text: str) -> int | float:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{text!r} is no number")
    return value


def _refuse(text: str) -> None:
    raise ValueError(text)
