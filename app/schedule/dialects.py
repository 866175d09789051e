"""The three cron dialects: which fields they have, in which numbers they count, what they allow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

FIRST_YEAR, LAST_YEAR = 1970, 2199

MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAY_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_SUNDAY_FIRST = ("SUN", *WEEKDAY_NAMES[:6])


def _numbered(names: tuple[str, ...], start: int) -> Mapping[str, int]:
    return MappingProxyType({name: number for number, name in enumerate(names, start)})


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What one field may hold, in the numbers of its dialect.

    ``star_from`` is the first value of ``*`` (Spring's weekday takes 0, but ``*/2`` counts from 1). ``wraps`` allows
    ``22-2``. ``max_step`` bounds the number after ``/``.
    """

    name: str
    low: int
    high: int
    star_from: int
    wraps: bool
    max_step: int
    names: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text is cut into fields and what the day fields may say.

    ``weekday_of_zero`` is the weekday (0 = Monday) that the number 0 of this dialect stands for, or would stand for.
    ``days_combine`` tells how day-of-month and day-of-week meet: ``"one"`` must be ``?`` (Quartz), both must match
    (``"and"``), or either (``"or"``, unless one of them begins with ``*``).
    """

    name: str
    fields: tuple[FieldSpec, ...]
    weekday_of_zero: int
    days_combine: str
    blanks: str = " \t"
    optional_year: bool = False
    day_specials: bool = True
    special_weekdays_in_lists: bool = False
    signed_numbers: bool = False
    macros: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def has_seconds(self) -> bool:
        return self.fields[0].name == "second"

    def weekday(self, number: int) -> int:
        """Turn a weekday number of this dialect into Python's (0 = Monday)."""
        return (number + self.weekday_of_zero) % 7


def _fields(*, wraps: bool, steps: bool, weekday: FieldSpec) -> tuple[FieldSpec, ...]:
    """Build second ... day-of-week; ``steps`` holds steps within their field (Spring and Unix take any)."""

    def spec(name: str, low: int, high: int, max_step: int) -> FieldSpec:
        return FieldSpec(name, low, high, low, wraps, max_step if steps else 999)

    months = FieldSpec("month", 1, 12, 1, wraps, 12 if steps else 999, _numbered(MONTH_NAMES, 1))
    times = (spec("second", 0, 59, 59), spec("minute", 0, 59, 59), spec("hour", 0, 23, 23))
    return (*times, spec("day-of-month", 1, 31, 31), months, weekday)


SECOND = FieldSpec("second", 0, 59, 0, True, 59)
YEAR = FieldSpec("year", FIRST_YEAR, LAST_YEAR, FIRST_YEAR, False, LAST_YEAR - FIRST_YEAR)

_SPRING_MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}

QUARTZ = Dialect(
    name="quartz",
    fields=_fields(
        wraps=True, steps=True, weekday=FieldSpec("day-of-week", 1, 7, 1, True, 7, _numbered(_SUNDAY_FIRST, 1))
    ),
    weekday_of_zero=5,
    days_combine="one",
    optional_year=True,
)
SPRING = Dialect(
    name="spring",
    fields=_fields(
        wraps=False, steps=False, weekday=FieldSpec("day-of-week", 0, 7, 1, False, 999, _numbered(WEEKDAY_NAMES, 1))
    ),
    weekday_of_zero=6,
    days_combine="and",
    blanks=" ",  # Spring 5.3 takes a tab for part of a field
    special_weekdays_in_lists=True,
    signed_numbers=True,  # Java's Integer.parseInt reads "+1"
    macros=MappingProxyType(_SPRING_MACROS),
)
UNIX = Dialect(
    name="unix",
    fields=_fields(
        wraps=False, steps=False, weekday=FieldSpec("day-of-week", 0, 7, 0, False, 999, _numbered(_SUNDAY_FIRST, 0))
    )[1:],
    weekday_of_zero=6,
    days_combine="or",
    day_specials=False,
    macros=MappingProxyType({name: text.removeprefix("0 ") for name, text in _SPRING_MACROS.items()}),
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in (QUARTZ, SPRING, UNIX)})
