"""The dialect detector: in which dialects a text can be read, what each makes of it, and what is easily misread."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from app.schedule.cron import CronExpression, CronSyntaxError, parse
from app.schedule.cron_fields import Field, Fields
from app.schedule.dialects import DIALECTS
from app.schedule.month_days import shortest_of
from app.schedule.words import Words


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that is easily misread; ``code`` is one of a closed list, ``message`` is for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one dialect makes of a text: an expression with its next fires (UTC), or an error."""

    dialect: str
    expression: CronExpression | None
    error: CronSyntaxError | None
    fires: tuple[datetime, ...]
    hints: tuple[Hint, ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """All dialects in the order quartz, spring, unix, with what is to say about them together."""

    all: tuple[Reading, ...]
    hints: tuple[Hint, ...]

    @property
    def possible(self) -> tuple[Reading, ...]:
        return tuple(reading for reading in self.all if reading.expression is not None)


def readings(
    text: str, after: datetime, zone: tzinfo = UTC, count: int = 3, *, seed: str | None = None, locale: str = "en"
) -> Readings:
    """Read a text in every dialect and list ``count`` fires after a time, by the default policies of clock changes."""
    read = tuple(_read(text, dialect, after, zone, count, seed, locale) for dialect in DIALECTS)
    meanings = {reading.expression for reading in read if reading.expression is not None}
    if len(meanings) < 2:
        return Readings(read, ())
    words = Words(locale)
    dialects = words.join([reading.dialect.capitalize() for reading in read if reading.expression is not None])
    return Readings(read, (Hint("dialects_differ", words.say("dialects differ", dialects=dialects)),))


def _read(text: str, dialect: str, after: datetime, zone: tzinfo, count: int, seed: str | None, locale: str) -> Reading:
    try:
        expression = parse(text, dialect, seed)
    except CronSyntaxError as error:
        return Reading(dialect, None, error, (), ())
    return Reading(dialect, expression, None, _fires(expression, after, zone, count), hints(expression, locale))


def _fires(expression: CronExpression, instant: datetime, zone: tzinfo, count: int) -> tuple[datetime, ...]:
    fires: list[datetime] = []
    while len(fires) < count and (fire := expression.next_after(instant, zone)) is not None:
        fires.append(fire)
        instant = fire
    return tuple(fires)


def hints(expression: CronExpression, locale: str = "en") -> tuple[Hint, ...]:
    """List what is easily misread in an expression."""
    words = Words(locale)
    found: list[Hint] = []
    for phrase, parts in _phrases(expression, words):
        found.append(Hint(phrase.replace(" ", "_"), words.say(phrase, **parts)))
    return tuple(found)


_Phrase = tuple[str, dict[str, object]]


def _phrases(expression: CronExpression, words: Words) -> Iterator[_Phrase]:
    fields = expression.fields
    if expression.never_fires:
        yield "never fires", {}
    if len(fields.second.values) == 60:
        yield "every second", {}
    for field in (fields.second, fields.minute, fields.hour, fields.day_of_month, fields.day_of_week):
        yield from _steps(field)
    if _names_a_day_that_months_lack(fields) and not expression.never_fires:
        yield "not every month", {}
    if _has_weekday_number(expression):
        yield "weekday number", _first_weekdays(expression.dialect, words)
    if _restricts_both(expression):
        is_or = DIALECTS[expression.dialect].days_combine == "or"
        stars = fields.day_of_month.begins_with_star or fields.day_of_week.begins_with_star
        yield "either day" if is_or and not stars else "both days", {}


def _steps(field: Field) -> Iterator[_Phrase]:
    """Steps that do not divide their field; days never do, as months differ and a week has seven."""
    size = field.spec.high - field.spec.low + 1
    is_day = field.spec.name in ("day-of-month", "day-of-week")
    for span in field.spans:
        values = sorted(span.values(field.spec.low, field.spec.high))
        if span.step > 1 and len(values) == 1:
            yield "step too long", {"step": span.step}
        elif span.step > 1 and span.form != "range" and (is_day or size % span.step):
            yield "uneven step", {"step": span.step, "field": field.spec.name, "last": values[-1]}


def _names_a_day_that_months_lack(fields: Fields) -> bool:
    """Whether a day is named that a selected month may not have; a range to the 31st just means the month's end."""
    named = [span.first for span in fields.day_of_month.spans if span.form == "value"]
    specials = (*fields.day_of_month.specials, *fields.day_of_week.specials)
    needed = max([*named, *(element.needed_length for element in specials)], default=0)
    return needed > shortest_of(fields.month.values)


def _has_weekday_number(expression: CronExpression) -> bool:
    """Whether a weekday is written as a number: not the count after ``#`` or ``/``."""
    pieces = expression.text.split()
    position = 5 if DIALECTS[expression.dialect].has_seconds else 4
    if len(pieces) <= position:
        return False  # a macro
    return re.search(r"(?<![#/0-9])[0-9]", pieces[position]) is not None


def _first_weekdays(dialect: str, words: Words) -> dict[str, object]:
    others = [other for other in DIALECTS.values() if other.weekday(1) != DIALECTS[dialect].weekday(1)]
    return {
        "dialect": dialect,
        "first": words.weekday(DIALECTS[dialect].weekday(1)),
        "others": words.join([other.name for other in others]),
        "other_first": words.weekday(others[0].weekday(1)),
    }


def _restricts_both(expression: CronExpression) -> bool:
    of_month, of_week = expression.fields.day_of_month, expression.fields.day_of_week
    weekdays = {DIALECTS[expression.dialect].weekday(number) for number in of_week.values}
    by_number = bool(of_month.elements) and len(of_month.values) < 31
    return by_number and bool(of_week.elements) and len(weekdays) < 7
