"""Reading a whole cron expression: cutting it into fields, and the rules that hold between fields."""

import re

from app.schedule.cron_fields import Field, Fields, Span
from app.schedule.cron_reader import CronSyntaxError, FieldReader
from app.schedule.dialects import SECOND, YEAR, Dialect

LONGEST_TEXT = 2000  # all values of all fields listed one by one are shorter

_DAY_OF_MONTH, _DAY_OF_WEEK = 3, 5  # where Quartz has them


def read_fields(text: str, dialect: Dialect, seed: str | None) -> Fields:
    """Read an expression field by field; ``seed`` names the job for which ``H`` picks a time.

    :raises CronSyntaxError: where the text leaves the grammar of the dialect.
    """
    _check_characters(text, dialect)
    pieces = _pieces(text, dialect)
    _check_count(text, pieces, dialect)
    specs = (*dialect.fields, YEAR)
    read = [FieldReader(spec, dialect, seed).read(*piece) for spec, piece in zip(specs, pieces, strict=False)]
    fields = _completed(read, dialect)
    if dialect.days_combine == "one":
        _check_one_day_field(pieces, fields, dialect)
    return fields


_Piece = tuple[str, int]


def _check_characters(text: str, dialect: Dialect) -> None:
    if len(text) > LONGEST_TEXT:
        raise CronSyntaxError(f"the expression is longer than {LONGEST_TEXT} characters", None, LONGEST_TEXT)
    for position, character in enumerate(text):
        if not "!" <= character <= "~" and character not in dialect.blanks:
            raise CronSyntaxError(f"unexpected character {character!r}", None, position)


def _pieces(text: str, dialect: Dialect) -> list[_Piece]:
    """Cut the text at its blanks: upper-case pieces with the positions at which they start."""
    macro = text.strip(dialect.blanks).lower()
    if macro.startswith("@"):
        text = _expanded(macro, text.index("@"), dialect)
    return [(piece[0].upper(), piece.start()) for piece in re.finditer(f"[^{dialect.blanks}]+", text)]


def _expanded(macro: str, position: int, dialect: Dialect) -> str:
    if macro in dialect.macros:
        return dialect.macros[macro]
    known = f"it knows {', '.join(dialect.macros)}" if dialect.macros else "spring and unix know @daily and others"
    raise CronSyntaxError(f"the {dialect.name} dialect has no macro {macro[:20]!r}; {known}", None, position)


def _check_count(text: str, pieces: list[_Piece], dialect: Dialect) -> None:
    least = len(dialect.fields)
    most = least + 1 if dialect.optional_year else least
    if least <= len(pieces) <= most:
        return
    if not pieces:
        raise CronSyntaxError("the expression is empty")
    wanted = f"{least} or {most}" if most > least else f"{least}"
    message = f"the {dialect.name} dialect has {wanted} fields, here are {len(pieces)}"
    if len(pieces) > most:
        raise CronSyntaxError(message + _without_seconds_perhaps(pieces, dialect), None, pieces[most][1])
    raise CronSyntaxError(message + _with_seconds_perhaps(pieces, dialect), None, len(text))


def _completed(read: list[Field], dialect: Dialect) -> Fields:
    if not dialect.has_seconds:
        read = [Field(SECOND, (Span("value", 0, 0),)), *read]
    if len(read) < len(Fields._fields):
        read = [*read, Field(YEAR, (Span("star", YEAR.low, YEAR.high),))]
    return Fields(*read)


def _check_one_day_field(pieces: list[_Piece], fields: Fields, dialect: Dialect) -> None:
    by_month, by_week = bool(fields.day_of_month.elements), bool(fields.day_of_week.elements)
    if by_month != by_week:
        return
    position = pieces[_DAY_OF_WEEK][1]
    if not by_month:
        offer = _offer(pieces, _DAY_OF_WEEK, "*", dialect)
        raise CronSyntaxError(f"only one of day-of-month and day-of-week can be '?'{offer}", "day-of-week", position)
    hint = "; the spring dialect takes both"
    for index in (_DAY_OF_WEEK, _DAY_OF_MONTH):
        if pieces[index][0] == "*":
            position, hint = pieces[index][1], _offer(pieces, index, "?", dialect)
            break
    raise CronSyntaxError(f"one of day-of-month and day-of-week must be '?'{hint}", "day-of-week", position)


# What may have been meant; only what the dialect can read is offered.


def _offer(pieces: list[_Piece], index: int, replacement: str, dialect: Dialect) -> str:
    texts = [text for text, _ in pieces]
    texts[index] = replacement
    return _did_you_mean(texts, dialect)


def _with_seconds_perhaps(pieces: list[_Piece], dialect: Dialect) -> str:
    texts = ["0", *(text for text, _ in pieces)]
    if len(texts) != len(dialect.fields) or not dialect.has_seconds:
        return ""
    if dialect.days_combine == "one" and "?" not in texts:
        texts[_DAY_OF_MONTH if texts[_DAY_OF_WEEK] != "*" else _DAY_OF_WEEK] = "?"
    return _did_you_mean(texts, dialect)


def _without_seconds_perhaps(pieces: list[_Piece], dialect: Dialect) -> str:
    texts = [text.replace("?", "*") for text, _ in pieces[1:6]]
    return _did_you_mean(texts, dialect) if not dialect.has_seconds and pieces[0][0] == "0" else ""


def _did_you_mean(texts: list[str], dialect: Dialect) -> str:
    candidate = " ".join(texts)
    try:
        read_fields(candidate, dialect, seed="any")
    except CronSyntaxError:
        return ""
    return f"; did you mean {candidate!r}?"
