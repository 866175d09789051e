"""What a cron expression says, field by field, in the words of its dialect."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from app.schedule.dialects import FieldSpec
from app.schedule.month_days import FromMonthEnd, LastWeekday, NearestWorkday, NthWeekday


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from first to last (past the field's end it goes on at its start), as they were written.

    The form ``star`` is ``*``, ``value`` a single number, ``range`` is ``a-b`` and ``open`` is ``a/n``; all but a value
    may have a step.
    """

    form: Literal["star", "value", "range", "open"]
    first: int
    last: int
    step: int = 1

    def values(self, low: int, high: int) -> Iterator[int]:
        size = high - low + 1
        last = self.last if self.first <= self.last else self.last + size
        return ((value - low) % size + low for value in range(self.first, last + 1, self.step))


DayElement = NearestWorkday | FromMonthEnd | LastWeekday | NthWeekday
Element = Span | DayElement


@dataclass(frozen=True, slots=True)
class Field:
    """One field; no elements stand for ``?``."""

    spec: FieldSpec
    elements: tuple[Element, ...]

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(element for element in self.elements if isinstance(element, Span))

    @property
    def specials(self) -> tuple[DayElement, ...]:
        return tuple(element for element in self.elements if not isinstance(element, Span))

    @property
    def values(self) -> frozenset[int]:
        """All plain numbers of the field, in the numbers of the dialect."""
        return _values(self.spans, self.spec.low, self.spec.high)

    @property
    def is_fixed(self) -> bool:
        """Whether it holds single values only: no wildcard, range or step."""
        return all(span.form == "value" for span in self.spans)

    @property
    def begins_with_star(self) -> bool:
        return bool(self.spans) and self.elements[0] is self.spans[0] and self.spans[0].form == "star"


@lru_cache(maxsize=1024)
def _values(spans: tuple[Span, ...], low: int, high: int) -> frozenset[int]:
    """Thousands of expressions share their fields: most have every month, and all have every year."""
    return frozenset(value for span in spans for value in span.values(low, high))


class Fields(NamedTuple):
    """The fields of an expression; Unix cron has second 0, and a missing year is every year."""

    second: Field
    minute: Field
    hour: Field
    day_of_month: Field
    month: Field
    day_of_week: Field
    year: Field
