"""Values for one run by position: OpenSpecimen's ``args`` name no binds, so the order in the query names them."""

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

from app.core.errors import InvalidError
from app.job_types.sql_export.sql_text import LEXICONS, SqlTextError, Statement, read_statement


def argument_names(parameters: Mapping[str, Any]) -> Sequence[str]:
    """The job's own binds, in the order in which the query first names them."""
    return bind_names(parameters["query"], (parameters["parameters"] or {}).keys())


def bind_names(query: str, known: Set[str]) -> list[str]:
    """Which of these a query names, in the order in which it first does."""
    best = max(_readings(query), key=lambda found: len(found.bind_names & known), default=None)
    return list(dict.fromkeys(bind.name for bind in best.binds if bind.name in known)) if best else []


def arguments(parameters: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Replace the first values by these words, each read as what it replaces. Raises ``InvalidError``."""
    names = argument_names(parameters)
    if len(words) > len(names):
        takes = f"takes {len(names)} at most: {', '.join(names)}" if names else "takes none"
        raise InvalidError.of("args", f"{len(words)} arguments were given, but the query {takes}")
    values = parameters["parameters"] or {}
    given = {name: _like(name, values[name], word) for name, word in zip(names, words, strict=False)}
    return {"parameters": {**values, **given}}


def _readings(query: str) -> list[Statement]:
    """The kind of database is not known here, so all lexicons read; the one that finds most binds has understood."""
    found = []
    for lexicon in LEXICONS:
        try:
            found.append(read_statement(query, lexicon))
        except SqlTextError:
            continue
    return found


def _like(name: str, old: object, word: str) -> object:
    try:
        match old:
            case bool():
                return {"true": True, "false": False}[word.lower()]
            case int():
                return int(word)
            case float():
                return _finite(word)
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "a whole number"}.get(type(old), "a number")
        raise InvalidError.of("args", f"the argument for {name!r} must be {kind}, but was {word[:50]!r}") from None
    return word


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError
    return number
