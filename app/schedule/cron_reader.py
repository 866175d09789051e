"""Reading one field of a cron expression, with errors that help.

The grammar is the documented one, so what Quartz swallows without a word (``15?``, ``MONDAY``, ``1,``) is refused.
Every number is bounded before anything is expanded: no text can hang or fill the memory.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from app.schedule.cron_fields import DayElement, Element, Field, Span
from app.schedule.dialects import MONTH_NAMES, QUARTZ, SPRING, WEEKDAY_NAMES, Dialect, FieldSpec
from app.schedule.month_days import FromMonthEnd, LastWeekday, NearestWorkday, NthWeekday
from app.schedule.spread import stable_number

_HASHED = re.compile(r"H(?:\(([0-9]{1,4})-([0-9]{1,4})\))?")
_MONTH_END = re.compile(r"L(?:-([0-9]{1,4}))?(W?)")
_DAY_EVERY_MONTH_HAS = 28


class CronSyntaxError(ValueError):
    """The text is no cron expression of the dialect.

    ``message`` says what is wrong and, where it can be guessed, what was meant. ``field`` names the field, or is
    ``None`` when the text as a whole is wrong. ``position`` is the 0-based character offset in the text.
    """

    def __init__(self, message: str, field: str | None = None, position: int = 0) -> None:
        super().__init__(message, field, position)
        self.message = message
        self.field = field
        self.position = position

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class FieldReader:
    """Reads one field; ``seed`` names the job for which ``H`` picks a time."""

    def __init__(self, spec: FieldSpec, dialect: Dialect, seed: str | None) -> None:
        self.spec = spec
        self.dialect = dialect
        self.seed = seed
        self.is_day = spec.name == "day-of-month"
        self.is_weekday = spec.name == "day-of-week"

    def read(self, text: str, position: int) -> Field:
        """Read the upper-case text of the field, which starts at ``position`` of the whole expression.

        :raises CronSyntaxError: where something cannot be read.
        """
        if text == "?" and self.dialect.day_specials and (self.is_day or self.is_weekday):
            return Field(self.spec, ())
        elements = []
        for piece in text.split(","):
            elements.append(self._element(piece, position, listed=piece != text))
            position += len(piece) + 1
        return Field(self.spec, tuple(elements))

    def _element(self, text: str, position: int, *, listed: bool) -> Element:
        special = self._special(text, position) if self.dialect.day_specials else None
        if special is not None:
            self._check_may_be_listed(text, position, listed=listed)
            return special
        head, slash, step = text.partition("/")
        if not slash:
            return self._span(head, position)
        return self._stepped(head, self._step(step, position + len(head) + 1), position)

    def _span(self, head: str, position: int) -> Span:
        if head == "*":
            return Span("star", self.spec.star_from, self.spec.high)
        if hashed := _HASHED.fullmatch(head):
            low, high = self._hash_bounds(hashed, position)
            value = low + self._hash() % (high - low + 1)
            return Span("value", value, value)
        first, dash, last = head.partition("-")
        if dash:
            return self._range(first, last, position)
        value = self._number(head, position)
        return Span("value", value, value)

    def _stepped(self, head: str, step: int, position: int) -> Span:
        if hashed := _HASHED.fullmatch(head):
            low, high = self._hash_bounds(hashed, position)
            return Span("range", low + self._hash() % min(step, high - low + 1), high, step)
        if not head and self.dialect is QUARTZ:
            head = "*"  # "/5", which only Quartz knows
        span = self._span(head, position)
        if span.form == "value":
            return Span("open", span.first, self.spec.high, step)
        return Span(span.form, span.first, span.last, step)

    def _range(self, first_text: str, last_text: str, position: int) -> Span:
        first = self._number(first_text, position)
        last = self._number(last_text, position + len(first_text) + 1)
        if self.is_weekday and self.spec.low == 0:
            # Sunday is 0 and 7: it may begin a range (SUN-FRI, 7-2) and, by name, end one (FRI-SUN).
            first = 0 if first == 7 and last < 7 else first
            last = 7 if last_text == "SUN" and first else last
        if first > last and not self.spec.wraps:
            raise self._wrong(f"a range cannot run backwards: {_quoted(f'{first_text}-{last_text}')}", position)
        return Span("range", first, last)

    def _step(self, text: str, position: int) -> int:
        if not re.fullmatch("[0-9]{1,9}", text):
            raise self._wrong(
                f"a whole number must follow '/', not {_quoted(text)}" if text else "a number must follow '/'", position
            )
        step = int(text)
        if step == 0:
            raise self._wrong("a step of 0 never moves on", position)
        if step > self.spec.max_step:
            raise self._wrong(f"a step of {step} leaves the field: at most {self.spec.max_step}", position)
        return step

    def _number(self, text: str, position: int) -> int:
        if text in self.spec.names:
            return self.spec.names[text]
        digits = text.removeprefix("+") if self.dialect.signed_numbers else text
        if not re.fullmatch("[0-9]+", digits):
            raise self._unreadable(text, position)
        significant = digits.lstrip("0") or "0"
        if len(significant) > 4 or not self.spec.low <= int(significant) <= self.spec.high:
            raise self._out_of_range(significant, position)
        return int(significant)

    # What a job's name picks

    def _hash_bounds(self, match: "re.Match[str]", position: int) -> tuple[int, int]:
        if self.seed is None:
            raise self._wrong("'H' is a time picked for each job, and no job is known here", position)
        if self.spec.name == "year":
            raise self._wrong("'H' cannot pick a year", position)
        if not match[1]:
            return self.spec.star_from, self._hash_high()
        low = self._number(match[1], position + 2)
        high = self._number(match[2], position + 3 + len(match[1]))
        if low > high:
            raise self._wrong(f"a range cannot run backwards: '{match[1]}-{match[2]}'", position + 2)
        return low, high

    def _hash_high(self) -> int:
        if self.is_weekday:
            return self.spec.star_from + 6  # where Sunday is both 0 and 7 it must not be picked twice as often
        return _DAY_EVERY_MONTH_HAS if self.is_day else self.spec.high

    def _hash(self) -> int:
        return stable_number(self.seed or "", self.spec.name)

    # L, W and #

    def _special(self, text: str, position: int) -> Element | None:
        if self.is_day and ("L" in text or "W" in text) and text not in MONTH_NAMES + WEEKDAY_NAMES:
            return self._special_day(text, position)
        if self.is_weekday and (text.endswith("L") or "#" in text):
            return self._special_weekday(text, position)
        return None

    def _special_day(self, text: str, position: int) -> DayElement:
        if match := _MONTH_END.fullmatch(text):
            days_before = int(match[1] or 0)
            if days_before > 30 or (self.dialect is SPRING and match[1] and not days_before):
                raise self._wrong(f"cannot count {days_before} days back from the last day: 1 to 30", position + 2)
            if self.dialect is SPRING and match[1] and match[2]:
                raise self._wrong(f"the spring dialect has no {_quoted(text)}; quartz has", position)
            return FromMonthEnd(days_before, workday=bool(match[2]))
        if re.fullmatch("[0-9]+W", text):
            return NearestWorkday(self._number(text[:-1], position), forward_only=self.dialect is SPRING)
        raise self._wrong(f"cannot read {_quoted(text)}: L and W are written L, L-3, LW, L-3W and 15W", position)

    def _special_weekday(self, text: str, position: int) -> Element:
        day, sign, nth = text.partition("#")
        if sign:
            return NthWeekday(self._weekday(day, position), self._nth(nth, position + len(day) + 1))
        if text == "L" and self.dialect is QUARTZ:
            return Span("value", self.spec.high, self.spec.high)  # Quartz: the last day of the week, SAT
        if text == "L":
            raise self._wrong("a weekday must stand before 'L', as in FRIL", position)
        return LastWeekday(self._weekday(text[:-1], position))

    def _weekday(self, text: str, position: int) -> int:
        return self.dialect.weekday(self._number(text, position))

    def _nth(self, text: str, position: int) -> int:
        if not re.fullmatch("[1-5]", text):
            raise self._wrong("a number from 1 to 5 must follow '#'", position)
        return int(text)

    def _check_may_be_listed(self, text: str, position: int, *, listed: bool) -> None:
        if listed and self.is_weekday and not self.dialect.special_weekdays_in_lists:
            raise self._wrong(f"{_quoted(text)} cannot be part of a list", position)

    # What is wrong, and what may have been meant

    def _wrong(self, message: str, position: int) -> CronSyntaxError:
        return CronSyntaxError(message, self.spec.name, position)

    def _out_of_range(self, digits: str, position: int) -> CronSyntaxError:
        spec = self.spec
        message = f"{_shortened(digits)} is not between {spec.low} and {spec.high}"
        if int(digits[:4]) == spec.high + 1 and spec.low == 0 and not self.is_weekday:
            message += "; did you mean 0?"
        if self.is_weekday and digits == "0":
            message += "; did you mean SUN?"
        return self._wrong(message, position)

    def _unreadable(self, text: str, position: int) -> CronSyntaxError:
        if not text:
            return self._wrong("a value is missing", position)
        if "?" in text:
            return self._wrong("'?' stands alone, and only in day-of-month or day-of-week", position + text.index("?"))
        if text.startswith("*") and text[1:].isdigit():
            return self._wrong(f"cannot read {_quoted(text)}; did you mean '*/{text[1:]}'?", position)
        if re.fullmatch("[A-Z]+", text):
            return self._unknown_word(text, position)
        if stray := re.search("[^0-9A-Z]", text):
            return self._wrong(f"unexpected {stray[0]!r} in {_quoted(text)}", position + stray.start())
        return self._wrong(f"cannot read {_quoted(text)}", position)

    def _unknown_word(self, word: str, position: int) -> CronSyntaxError:
        close = _closest(word, self.spec.names)
        if close:
            return self._wrong(f"cannot read {_quoted(word)}; did you mean {close}?", position)
        if word in ("L", "W", "LW"):
            return self._wrong(self._where_specials_belong(word), position)
        if word in MONTH_NAMES or word in WEEKDAY_NAMES:
            kind = "month" if word in MONTH_NAMES else "weekday"
            return self._wrong(f"{word} is a {kind}, which has no place here", position)
        return self._wrong(f"cannot read {_quoted(word)}", position)

    def _where_specials_belong(self, word: str) -> str:
        if not self.dialect.day_specials:
            return f"the {self.dialect.name} dialect has no {word!r}; quartz and spring have"
        return f"{word!r} belongs into day-of-month or day-of-week"


def _closest(word: str, names: Iterable[str]) -> str | None:
    """Guess the name that was meant: MONDAY, TUES, SEPT, but also slips such as WEN."""
    known = list(names)
    begun = [name for name in known if word.startswith(name)]
    return next(iter(begun or get_close_matches(word[:3], known, n=1, cutoff=0.6)), None)


def _quoted(text: str) -> str:
    return repr(_shortened(text))


def _shortened(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:17]}..."
