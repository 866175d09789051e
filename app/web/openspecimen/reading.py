"""What comes in the address: ids, numbers, moments. In bodies, moments are milliseconds since 1970."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from flask import request

from app.core.errors import InvalidError
from app.web.auth import services

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**31 - 1  # of an id in the database


def whole_number(name: str, text: str) -> int:
    """Raises ``InvalidError``. What is larger than any id or count of ours comes back as the largest."""
    if not (text.isascii() and text.isdecimal()):
        raise InvalidError.of(name, f"{name} must be a whole number, but was {text[:50]!r}")
    return min(int(text[:20]), LARGEST)


def number_argument(name: str, default: int) -> int:
    text = request.args.get(name)
    return whole_number(name, text) if text else default


def choice_argument(name: str, choices: tuple[str, ...]) -> str | None:
    """One of the choices, or ``None`` when it is absent or empty. Raises ``InvalidError``."""
    text = request.args.get(name)
    if text and text not in choices:
        raise InvalidError.of(name, f"{name} must be one of {', '.join(choices)}, but was {text[:50]!r}")
    return text or None


def from_argument(name: str) -> datetime | None:
    return _moment(name, time.min, fold=0)


def to_argument(name: str) -> datetime | None:
    """The last moment that is meant: a date alone means the whole day, a time that comes twice its second coming."""
    return _moment(name, time.max, fold=1)


def _moment(name: str, time_of_day: time, fold: int) -> datetime | None:
    """Read ``20220221``, ``20220221T061500``, ``2022-02-21 06:15`` or ISO 8601; without a zone it is the server's."""
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        return moment(text, time_of_day, fold)
    except ValueError:
        message = f"{name} must look like 20220221, 20220221T061500 or 2022-02-21 06:15, but was {text[:50]!r}"
        raise InvalidError.of(name, message) from None


def moment(text: str, time_of_day: time = time.min, fold: int = 0) -> datetime:
    """Read one of these; a date alone gets the time of day. Raises ``ValueError``."""
    found = _parsed(text, time_of_day)
    if found.tzinfo is None:
        found = found.replace(tzinfo=services().settings.zone, fold=fold)
    try:
        return found.astimezone(UTC)
    except OverflowError:  # the first or the last day of the calendar, in another zone
        return found.replace(tzinfo=UTC)


def milliseconds(found: datetime | None) -> int | None:
    return None if found is None else (found - EPOCH) // timedelta(milliseconds=1)


def _parsed(text: str, time_of_day: time) -> datetime:
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(text), time_of_day)
    # The + of an offset that was not escaped arrives as a blank.
    return datetime.fromisoformat(re.sub(r"(T.*) (\d\d:?\d\d)$", r"\1+\2", text))
