"""Exclusion calendars: time taken out of triggers, by name, each on top of another if it likes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

import app.schedule.calendars as schedule
from app.core.db import Database
from app.core.errors import ConflictError, FieldError, InvalidError, NotFoundError
from app.core.models import Calendar, Job, Trigger
from app.core.ports import Clock
from app.core.statuses import CalendarKind
from app.schedule.cron import CronSyntaxError, parse

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MAX_NAME = 100
MAX_DATES = 10_000


@dataclass(frozen=True)
class CalendarSpec:
    """What somebody asks for. ``content`` by kind:

    holidays ``{"dates": ["2026-12-25", ...]}``; weekly ``{"weekdays": ["SAT", "SUN"]}``; monthly ``{"days": [1, 15]}``;
    annual ``{"days": ["12-25", ...]}``; daily ``{"from": "22:00", "to": "06:00", "inverted": false}``;
    cron ``{"expression": "* * 8-17 ? * MON-FRI"}``; periods ``{"periods": [["2026-12-24T12:00Z", "2026-12-27T00:00Z"],
    ...]}``.
    """

    name: str
    kind: CalendarKind
    timezone: str
    content: Mapping[str, Any]
    base: str | None = None
    description: str = ""


class Calendars:
    def __init__(self, db: Database, clock: Clock, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit: triggers may fire at other times now."""
        self.db = db
        self.clock = clock
        self.changed = changed

    def list(self) -> Sequence[Calendar]:
        with self.db.reading() as session:
            return session.scalars(select(Calendar).order_by(Calendar.name)).all()

    def get(self, name: str) -> Calendar:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return find(session, name)

    def save(self, spec: CalendarSpec) -> Calendar:
        """Add a calendar or replace the one of its name. Raises ``InvalidError``."""
        with self.db.transaction() as session:
            row = session.scalar(select(Calendar).where(Calendar.name == spec.name))
            base = self._base(session, spec, row)
            calendar_of(spec.kind, spec.timezone, spec.content, None)
            if row is None:
                row = Calendar(name=_name(spec.name), created_at=self.clock())
                session.add(row)
            row.kind, row.timezone, row.content = spec.kind, spec.timezone, dict(spec.content)
            row.base_id, row.description, row.updated_at = base.id if base else None, spec.description, self.clock()
        self.changed()
        return row

    def _base(self, session: Session, spec: CalendarSpec, row: Calendar | None) -> Calendar | None:
        if not spec.base:
            return None
        base = session.scalar(select(Calendar).where(Calendar.name == spec.base))
        if base is None:
            raise InvalidError.of("base", f"no calendar named {spec.base!r}")
        if row is not None and row.id in {link.id for link in chain(session, base)}:
            raise InvalidError.of("base", f"{spec.base!r} itself builds on {spec.name!r}")
        return base

    def remove(self, name: str) -> None:
        """Raises ``NotFoundError``, ``ConflictError`` while jobs or other calendars use it."""
        with self.db.transaction() as session:
            row = find(session, name)
            users = [*self._jobs(session, row), *self._children(session, row)]
            if users:
                raise ConflictError(f"calendar {name!r} is used by {', '.join(map(repr, users[:5]))}", code="in_use")
            session.delete(row)

    def used_by(self, name: str) -> Sequence[str]:
        """The names of the jobs whose triggers a calendar cuts."""
        with self.db.reading() as session:
            return self._jobs(session, find(session, name))

    def pure(self, name: str) -> schedule.Calendar:
        """The calculator's calendar, with its bases. Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return pure(session, find(session, name))

    def by_id(self) -> dict[int, str]:
        return {row.id: row.name for row in self.list()}

    def _jobs(self, session: Session, row: Calendar) -> Sequence[str]:
        query = select(Job.name).join(Trigger).where(Trigger.calendar_id == row.id, Job.deleted_at.is_(None)).distinct()
        return session.scalars(query.order_by(Job.name)).all()

    def _children(self, session: Session, row: Calendar) -> Sequence[str]:
        return session.scalars(select(Calendar.name).where(Calendar.base_id == row.id)).all()


def find(session: Session, name: str) -> Calendar:
    row = session.scalar(select(Calendar).where(Calendar.name == name))
    if row is None:
        raise NotFoundError(f"no calendar named {name!r}")
    return row


def chain(session: Session, row: Calendar) -> list[Calendar]:
    """The calendar and those it builds on."""
    links = [row]
    while links[-1].base_id is not None:
        links.append(session.get_one(Calendar, links[-1].base_id))
    return links


def pure(session: Session, row: Calendar) -> schedule.Calendar:
    """The calculator's calendar, with its bases."""
    made: schedule.Calendar | None = None
    for link in reversed(chain(session, row)):
        made = calendar_of(link.kind, link.timezone, link.content, made)
    assert made is not None  # noqa: S101 - a chain has at least one link
    return made


def calendar_of(
    kind: CalendarKind, timezone: str, content: Mapping[str, Any], base: schedule.Calendar | None
) -> schedule.Calendar:
    """Raises ``InvalidError`` with what is wrong in the content."""
    try:
        return MAKERS[kind](content, {"zone": ZoneInfo(timezone), "base": base})
    except (ZoneInfoNotFoundError, OSError):
        raise InvalidError.of("timezone", f"{timezone!r} is no time zone") from None
    except CronSyntaxError as error:
        raise InvalidError.of("content", str(error), "cron") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError.of("content", _content_words(kind, error)) from None


def _holidays(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    dates = content["dates"]
    if len(dates) > MAX_DATES:
        raise ValueError(f"at most {MAX_DATES} dates")
    return schedule.Holidays(frozenset(date.fromisoformat(text) for text in dates), **common)


def _weekly(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    return schedule.Weekly(frozenset(WEEKDAYS.index(text.upper()) for text in content["weekdays"]), **common)


def _monthly(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    return schedule.Monthly(frozenset(int(day) for day in content["days"]), **common)


def _annual(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    days = (text.split("-") for text in content["days"])
    return schedule.Annual(frozenset((int(month), int(day)) for month, day in days), **common)


def _daily(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    begin, end = time.fromisoformat(content["from"]), time.fromisoformat(content["to"])
    return schedule.Daily(begin, end, bool(content.get("inverted", False)), **common)


def _cron(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    return schedule.CronTimes(parse(content["expression"], content.get("dialect", "quartz")), **common)


def _periods(content: Mapping[str, Any], common: dict[str, Any]) -> schedule.Calendar:
    periods = content["periods"]
    if len(periods) > MAX_DATES:
        raise ValueError(f"at most {MAX_DATES} periods")
    instants = ((datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in periods)
    return schedule.Periods(tuple(instants), base=common["base"])


MAKERS: dict[CalendarKind, Callable[[Mapping[str, Any], dict[str, Any]], schedule.Calendar]] = {
    CalendarKind.HOLIDAYS: _holidays,
    CalendarKind.WEEKLY: _weekly,
    CalendarKind.MONTHLY: _monthly,
    CalendarKind.ANNUAL: _annual,
    CalendarKind.DAILY: _daily,
    CalendarKind.CRON: _cron,
    CalendarKind.PERIODS: _periods,
}


def _content_words(kind: CalendarKind, error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return f"{kind.value}: {error}"


def _name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME or "\x00" in name or "/" in name:
        raise InvalidError([FieldError("name", f"a name of 1 to {MAX_NAME} characters without / is required")])
    return name.strip()
