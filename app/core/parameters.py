"""Parameters of a job: from what people and machines send to what a job type declared."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.core.errors import FieldError, InvalidError
from app.core.job_types import JobType, Parameter


def coerce(job_type: JobType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give every declared parameter with its type; an absent or empty one gets its default, an unknown one is dropped.

    Texts that stand for a number or a truth value are taken as such (the DHIS2 app sends ``"250"``).
    Raises ``InvalidError`` with all problems; fields are named ``parameters.<name>``.
    """
    errors: list[FieldError] = []
    values: dict[str, Any] = {}
    for parameter in job_type.parameters:
        try:
            values[parameter.name] = coerce_one(parameter, _given(parameter, given))
        except ValueError as error:
            errors.append(FieldError(f"parameters.{parameter.name}", str(error)))
    if not errors:
        errors = [
            FieldError(f"parameters.{problem.field}", problem.message, problem.code)
            for problem in job_type.problems(values)
        ]
    if errors:
        raise InvalidError(errors)
    return values


def _given(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    return next((given[name] for name in (parameter.name, *parameter.aliases) if given.get(name) is not None), None)


def coerce_one(parameter: Parameter, given: Any) -> Any:
    """Give one parameter with its type. Raises ``ValueError`` with words for people."""
    if given is None or (given == "" and parameter.kind != "text"):
        given = parameter.default
    if parameter.required and (given is None or given == [] or (isinstance(given, str) and not given.strip())):
        raise ValueError(f"{parameter.label} is required")
    return None if given is None else READERS[parameter.kind](parameter, given)


def _text(parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{parameter.label} must be text")
    if "\x00" in given:
        raise ValueError(f"{parameter.label} must not hold a NUL character")
    if parameter.maximum is not None and len(given) > parameter.maximum:
        raise ValueError(f"{parameter.label} must have at most {parameter.maximum} characters")
    return given


def _integer(parameter: Parameter, given: Any) -> int:
    value = _as_integer(given)
    if value is None:
        raise ValueError(f"{parameter.label} must be a whole number")
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"{parameter.label} must be {_range_words(low, high)}, but was {value}")
    return value


def _range_words(low: int | None, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"from {low} to {high}"


def _as_integer(given: Any) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int | str | float) or len(str(given)) > 20:
        return None
    try:
        value = int(given)
    except (ValueError, OverflowError):
        return None
    return value if not isinstance(given, float) or given == value else None


def _boolean(parameter: Parameter, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.lower() in ("true", "false"):
        return given.lower() == "true"
    raise ValueError(f"{parameter.label} must be true or false")


def _choice(parameter: Parameter, given: Any) -> str:
    values = [value for value, _ in parameter.choices]
    if given not in values:
        raise ValueError(f"{parameter.label} must be one of: {', '.join(values)}")
    return str(given)


def _list(parameter: Parameter, given: Any) -> list[str]:
    """Numbers in it are taken as texts, as people write ids."""
    if not isinstance(given, list) or not all(isinstance(item, str | int) for item in given):
        raise ValueError(f"{parameter.label} must be a list of texts")
    known = [value for value, _ in parameter.choices]
    items = [_text(parameter, item if isinstance(item, str) else json.dumps(item)) for item in given]
    unknown = next((item for item in items if known and item not in known), None)
    if unknown is not None:
        raise ValueError(f"{parameter.label}: {unknown[:100]!r} is none of: {', '.join(known)}")
    return items


def _object(parameter: Parameter, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{parameter.label} must be an object of names and values")
    for name, value in given.items():
        if isinstance(value, list | dict):
            raise ValueError(f"{parameter.label}: {name!r} must be text, a number, true, false or null")
    return dict(given)  # a default is one object for all jobs


READERS: dict[str, Callable[[Parameter, Any], Any]] = {
    "text": _text,
    "sql": _text,
    "connection": _text,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
    "list": _list,
    "object": _object,
}
