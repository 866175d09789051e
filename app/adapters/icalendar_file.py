"""Holidays from an iCalendar file (RFC 5545), as calendars on the web offer them.

``icalendar`` reads the file, ``dateutil`` unrolls what repeats. A file is hostile until it is read: the time for it and
the number of days are bounded, because a rule may come too often, or name a day that never comes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import chain, takewhile
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr
from icalendar import Calendar, Event, vRecur

from app.core.calendars import MAX_DATES
from app.core.errors import InvalidError

YEARS = 20  # how far what repeats is unrolled
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
TIMED = ("refuse", "days", "skip")
LONGEST_READING = 5.0  # seconds
DAY = timedelta(days=1)
TICK = datetime.resolution

MISTAKES = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What the libraries raise over a file that is none. Nothing but the file is touched under them."""


@dataclass(frozen=True)
class Days:
    name: str  # what the file calls itself
    dates: frozenset[date]
    skipped: Sequence[str]  # titles of events that were left out

    @property
    def texts(self) -> list[str]:
        return [day.isoformat() for day in sorted(self.dates)]


def read_days(data: bytes, zone: str, now: datetime, timed: str = "refuse") -> Days:
    """Read the days of all events from the day before ``now`` until ``YEARS`` later, on the clock of ``zone``.

    ``timed`` says what becomes of events with times of day: ``refuse`` the file, take the whole ``days`` that they
    touch, or ``skip`` them. Raises ``InvalidError``.
    """
    calendar = _parsed(data)
    reading = _Reading(_zone(zone), now, timed)
    events = [event for event in calendar.walk("VEVENT") if event.get("STATUS") != "CANCELLED"]
    changed = _changed_moments(calendar)
    for event in events:
        reading.add(event, changed.get(_uid(event), []))
    return Days(str(calendar.get("X-WR-CALNAME") or ""), frozenset(reading.dates), reading.skipped)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidError.of("timezone", f"{name!r} is no time zone") from None


def _parsed(data: bytes) -> Any:
    try:
        calendar = Calendar.from_ical(data)
    except MISTAKES as error:
        raise _refused(f"the file is no iCalendar file: {error}") from None
    if calendar.name != "VCALENDAR":
        raise _refused("the file is no iCalendar file: it does not begin with BEGIN:VCALENDAR")
    return calendar


def _changed_moments(calendar: Any) -> dict[str, list[date]]:
    """By event those of its moments that an event of their own replaces, or cancels."""
    found: dict[str, list[date]] = {}
    for event in calendar.walk("VEVENT"):
        if event.get("RECURRENCE-ID"):
            found.setdefault(_uid(event), []).append(event["RECURRENCE-ID"].dt)
    return found


@dataclass
class _Reading:
    zone: ZoneInfo
    now: datetime
    timed: str
    dates: set[date] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)
    over_at: float = field(default_factory=lambda: time.monotonic() + LONGEST_READING)

    def __post_init__(self) -> None:
        self.first = self.now.astimezone(self.zone).date() - DAY
        self.last = self.first + YEARS * 366 * DAY

    def add(self, event: Event, changed: Sequence[date]) -> None:
        try:
            start = event.start
            if not isinstance(start, datetime):
                self._take(event, None, changed)
            elif self.timed == "days":
                self._take(event, start.tzinfo or self.zone, changed)
            elif self.timed == "skip":
                self.skipped.append(_title(event))
            else:
                raise ValueError("it has times of day, and a calendar of days has none; see the parameter `timed`")
        except MISTAKES as error:
            raise _refused(f"event {_title(event)!r}: {error}") from None

    def _take(self, event: Event, zone: tzinfo | None, changed: Sequence[date]) -> None:
        length = max(event.duration, timedelta(0))
        begin = datetime.combine(self.first - DAY, datetime.min.time()) - length
        end = datetime.combine(self.last + DAY, datetime.max.time())
        replaced = set() if event.get("RECURRENCE-ID") else {_wall(moment, zone) for moment in changed}
        for wall in _moments(event, zone, end):
            self._check_time()
            if wall >= begin and wall not in replaced:
                self._take_days(*self._local(wall, length, zone))
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() > self.over_at:
            raise _refused(f"the file takes longer than {LONGEST_READING:g} s to unroll")

    def _local(self, wall: datetime, length: timedelta, zone: tzinfo | None) -> tuple[date, date]:
        """Answer the first and the last day; whole days are the same everywhere."""
        if zone is None:
            return wall.date(), (wall + max(length, DAY) - TICK).date()
        start = wall.replace(tzinfo=zone).astimezone(UTC)
        end = max(start, start + length - TICK)
        return start.astimezone(self.zone).date(), end.astimezone(self.zone).date()

    def _take_days(self, first: date, last: date) -> None:
        first, last = max(first, self.first), min(last, self.last)
        self.dates.update(first + number * DAY for number in range((last - first).days + 1))
        if len(self.dates) > MAX_DATES:
            raise _refused(f"the file has more than {MAX_DATES} days")


def _moments(event: Event, zone: tzinfo | None, end: datetime) -> Iterator[datetime]:
    """Yield the moments of an event up to ``end``: naive, on the clock of ``zone``."""
    start = _wall(event.start, zone)
    without = {_wall(moment, zone) for moment in event.exdates}
    rules = [takewhile(lambda wall: wall <= end, _rule(rule, start, zone)) for rule in event.rrules]
    extra = [_wall(moment, zone) for moment, _ in event.rdates]
    return (wall for wall in chain([start], extra, *rules) if wall not in without)


def _rule(rule: vRecur, start: datetime, zone: tzinfo | None) -> rrule:
    parts = dict(rule)
    frequency = str(parts["FREQ"][0])
    if frequency not in FREQUENCIES:
        raise ValueError(f"it repeats {frequency}; days need one of: {', '.join(FREQUENCIES)}")
    until = parts.pop("UNTIL", [None])[0]
    text = vRecur(parts).to_ical().decode()  # type: ignore[no-untyped-call]
    made = rrulestr(text, dtstart=start)
    return made.replace(until=_until(until, zone)) if until else made


def _until(until: date, zone: tzinfo | None) -> datetime:
    is_day = not isinstance(until, datetime)
    return datetime.combine(until, datetime.max.time()) if is_day else _wall(until, zone)


def _wall(moment: date, zone: tzinfo | None) -> datetime:
    """What the clock of the event's own zone shows; ``None`` for whole days."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, datetime.min.time())
    if zone is not None and moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    return moment.replace(tzinfo=None)


def _uid(event: Event) -> str:
    return str(event.get("UID") or id(event))


def _title(event: Event) -> str:
    return str(event.get("SUMMARY") or event.get("UID") or "without a title")[:100]


def _refused(message: str) -> InvalidError:
    return InvalidError.of("file", message, "ics")
