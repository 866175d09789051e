"""What can be said of an export's parameters without a database. The database has the last word when the job runs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.core.errors import FieldError
from app.job_types.sql_export.binds import MOMENTS
from app.job_types.sql_export.csv_text import delimiter_of
from app.job_types.sql_export.encoding import MARKS
from app.job_types.sql_export.file_names import placeholder_words, unknown_placeholders
from app.job_types.sql_export.source import QUERY_HEADS
from app.job_types.sql_export.sql_text import LEXICONS, SqlTextError, Statement, read_statement

_BIND_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def problems(parameters: Mapping[str, Any]) -> Iterable[FieldError]:
    yield from query_problems(parameters["query"], parameters["parameters"] or {})
    yield from value_problems(parameters["parameters"] or {})
    yield from _csv_problems(delimiter_of(parameters["delimiter"]), parameters["nullText"] or "")
    yield from _format_problems(parameters)


def query_problems(query: str, values: Mapping[str, Any]) -> Iterator[FieldError]:
    """The kind of database is not known here: only what every lexicon agrees on is a problem."""
    statements, error = _readings(query)
    if not statements:
        yield FieldError("query", str(error))
    elif not any(statement.head in QUERY_HEADS for statement in statements):
        yield FieldError("query", "a query begins with SELECT, WITH, VALUES or TABLE")
    else:
        names = frozenset.intersection(*(statement.bind_names for statement in statements))
        for name in sorted(names - values.keys() - set(MOMENTS)):
            yield FieldError("query", f"the bind :{name} has no value: add {name!r} to the parameters", "missing_bind")


def _readings(query: str) -> tuple[list[Statement], SqlTextError | None]:
    statements, first_error = [], None
    for lexicon in LEXICONS:
        try:
            statements.append(read_statement(query, lexicon))
        except SqlTextError as error:
            first_error = first_error or error
    return statements, first_error


def value_problems(values: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, value in values.items():
        if not _BIND_NAME.fullmatch(name):
            yield FieldError("parameters", f"{name!r} is no name of a bind: letters, digits and _ only")
        elif name in MOMENTS:
            yield FieldError("parameters", f"{name!r} is always there and cannot be set")
        elif not isinstance(value, str | int | float | bool | None):
            yield FieldError("parameters", f"the value of {name!r} must be a text, a number, true, false or null")


def _csv_problems(delimiter: str, null_text: str) -> Iterator[FieldError]:
    """COPY's own rules."""
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
        yield FieldError("delimiter", "must be one ASCII character, or the word tab; no quote and no line break")
    elif delimiter in null_text:
        yield FieldError("nullText", "must not contain the delimiter")
    if any(sign in null_text for sign in '"\r\n\0'):
        yield FieldError("nullText", "must not contain a quote or a line break")


def _format_problems(parameters: Mapping[str, Any]) -> Iterator[FieldError]:
    for column, name in (parameters["headerNames"] or {}).items():
        if not isinstance(name, str):
            yield FieldError("headerNames", f"the name for {column!r} must be a text")
    if parameters["byteOrderMark"] and parameters["encoding"] not in MARKS:
        yield FieldError("byteOrderMark", f"there is none in {parameters['encoding']}: only in UTF-8 and UTF-16")
    values = (parameters["parameters"] or {}).keys()
    if wrong := unknown_placeholders(parameters["filename"] or "", values):
        yield FieldError("filename", f"there is no {{{wrong[0]}}}: there are {placeholder_words(values)}")
