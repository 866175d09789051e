"""A document that somebody wrote, into what the core takes: every field checked, every problem told with its place.

A place is a path like ``jobs.3.triggers.0.expression``, counted from 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from app.core.calendars import CalendarSpec
from app.core.definitions.documents import FORMAT, KINDS
from app.core.errors import FieldError, InvalidError
from app.core.jobs import JobSpec
from app.core.policies import Policies
from app.core.retries import RetryPolicy
from app.core.statuses import CalendarKind, OnFailure, OverlapRule, Recovery, TriggerKind
from app.core.triggers import TriggerSpec

Read = Callable[[Any], Any]
"""Gives a value as the core wants it. Raises ``ValueError`` with what it should have been."""
T = TypeVar("T")
MOST = 100_000  # things of one kind


@dataclass(frozen=True)
class QueueItem:
    """A queue whose steps name their jobs by name."""

    name: str
    uid: str | None
    description: str
    enabled: bool
    steps: Sequence[tuple[str, OnFailure]]
    triggers: Sequence[TriggerSpec]


@dataclass(frozen=True)
class ConnectionItem:
    name: str
    url: str
    max_runs: int | None


@dataclass(frozen=True)
class PoolItem:
    name: str
    places: int


@dataclass(frozen=True)
class Wanted:
    """What the document wants, by kind and place; a kind that it does not name is ``None``."""

    pools: Sequence[PoolItem] | None = None
    calendars: Sequence[CalendarSpec] | None = None
    connections: Sequence[ConnectionItem] | None = None
    jobs: Sequence[JobSpec] | None = None
    queues: Sequence[QueueItem] | None = None


def text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("must be a text (in quotes where it looks like something else)")
    return value


def trimmed(value: Any) -> str:
    """The name of a job or a queue, which is kept without blanks around it."""
    return text(value).strip()


def whole_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**53:
        raise ValueError("must be a whole number")
    return value


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be an object: names with values")
    return value


def moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        raise ValueError("must be a moment with its offset, for example 2026-12-24T18:00:00Z") from None
    if found.tzinfo is None:
        raise ValueError("must say its offset, for example 2026-12-24T18:00:00Z")
    return found


def one_of(listed: Any) -> Read:
    def read(value: Any) -> Any:
        try:
            return listed(text(value))
        except ValueError:
            raise ValueError(f"must be one of: {', '.join(each.value for each in listed)}") from None

    return read


def optional(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


NUMBERS = (
    "every_seconds", "delay_seconds", "repeat_count", "every_count", "misfire_threshold_seconds", "catch_up_cap",
)  # fmt: skip
TRIGGER: dict[str, Read] = {
    name: optional(whole_number if name in NUMBERS else moment if name in ("start_at", "end_at") else text)
    for name in (each.name for each in fields(TriggerSpec))
} | {"kind": one_of(TriggerKind), "timezone": text, "gap": text, "overlap": text, "misfire": text,
     "misfire_threshold_seconds": whole_number}  # fmt: skip
POLICIES: dict[str, Read] = {
    "overlap": one_of(OverlapRule), "overlap_limit": whole_number, "start_deadline_seconds": optional(whole_number),
    "priority": whole_number, "pool": optional(text), "retry": optional(mapping),
    "attempt_timeout_seconds": optional(whole_number), "recovery": one_of(Recovery),
}  # fmt: skip
NAMED: dict[str, Read] = {"name": text}
OF_JOB: dict[str, Read] = {
    "name": trimmed,
    "uid": text,
    "description": text,
    "enabled": switch,
    "triggers": lambda value: value,
}
JOB = OF_JOB | {
    "type": text, "group": text, "timeout_seconds": optional(whole_number), "parameters": mapping,
    "policies": mapping,
}  # fmt: skip
QUEUE = OF_JOB | {"steps": lambda value: value}
STEP: dict[str, Read] = {"job": trimmed, "on_failure": one_of(OnFailure)}
POOL = NAMED | {"places": whole_number}
CALENDAR = NAMED | {
    "kind": one_of(CalendarKind), "timezone": text, "content": mapping, "base": optional(text), "description": text,
}  # fmt: skip
CONNECTION = NAMED | {"url": text, "max_runs": optional(whole_number)}


def read(document: Any, timezone: str) -> Wanted:
    """Raises ``InvalidError`` with everything that is wrong. ``timezone`` is that of whatever names none."""
    return _Reading(timezone).whole(document)


@dataclass
class _Reading:
    timezone: str
    errors: list[FieldError] = field(default_factory=list)

    def whole(self, document: Any) -> Wanted:
        makers: dict[str, Callable[[Any, str], Any]] = {
            "pools": self.pool, "calendars": self.calendar, "connections": self.connection, "jobs": self.job,
            "queues": self.queue,
        }  # fmt: skip
        known: dict[str, Read] = {"carillon": whole_number} | dict.fromkeys(KINDS, lambda value: value)
        given = self.fields(document, "", known, ("carillon",))
        if given.get("carillon", FORMAT) != FORMAT:
            self.errors.append(FieldError("carillon", f"this version reads format {FORMAT}"))
        found: dict[str, Any] = {kind: self.each(given[kind], kind, makers[kind]) for kind in KINDS if kind in given}
        for kind, items in found.items():
            self.once(kind, [item.name for item in items if item is not None])
        if self.errors:
            raise InvalidError(self.errors)
        return Wanted(**found)

    def once(self, kind: str, names: Sequence[str]) -> None:
        seen = set[str]()
        for number, name in enumerate(names):
            if name in seen:
                self.errors.append(FieldError(f"{kind}.{number}.name", f"{name!r} is there twice", "twice"))
            seen.add(name)

    def each(self, given: Any, path: str, make: Callable[[Any, str], T | None]) -> list[T]:
        if given is None:
            return []
        if not isinstance(given, list) or len(given) > MOST:
            self.errors.append(FieldError(path, f"must be a list of at most {MOST}"))
            return []
        made = [make(value, f"{path}.{number}") for number, value in enumerate(given)]
        return [each for each in made if each is not None]

    def fields(self, given: Any, path: str, known: Mapping[str, Read], required: Sequence[str] = ()) -> dict[str, Any]:
        """The values of an object by name; those that are wrong are missing."""
        at = f"{path}." if path else ""
        if not isinstance(given, dict):
            self.errors.append(FieldError(path or "carillon", "must be an object: names with values"))
            return {}
        for name in given.keys() - known.keys():
            self.errors.append(
                FieldError(f"{at}{name}", f"there is no such field; there are: {', '.join(known)}", "unknown")
            )
        for name in required:
            if name not in given:
                self.errors.append(FieldError(f"{at}{name}", "is required", "required"))
        values = {}
        for name in (name for name in known if name in given):
            try:
                values[name] = known[name](given[name])
            except ValueError as error:
                self.errors.append(FieldError(f"{at}{name}", str(error)))
        return values

    def pool(self, given: Any, path: str) -> PoolItem | None:
        said = self.fields(given, path, POOL, ("name", "places"))
        return PoolItem(said["name"], said["places"]) if said.keys() >= {"name", "places"} else None

    def calendar(self, given: Any, path: str) -> CalendarSpec | None:
        said = self.fields(given, path, CALENDAR, ("name", "kind", "content"))
        if not said.keys() >= {"name", "kind", "content"}:
            return None
        return CalendarSpec(**{"timezone": self.timezone} | said)

    def connection(self, given: Any, path: str) -> ConnectionItem | None:
        said = self.fields(given, path, CONNECTION, ("name", "url"))
        return ConnectionItem(**{"max_runs": None} | said) if said.keys() >= {"name", "url"} else None

    def job(self, given: Any, path: str) -> JobSpec | None:
        said = self.fields(given, path, JOB, ("name", "type"))
        triggers = self.each(said.pop("triggers", None), f"{path}.triggers", self.trigger)
        policies = self.policies(said.pop("policies", {}), f"{path}.policies")
        if not said.keys() >= {"name", "type"} or policies is None:
            return None
        return JobSpec(said.pop("name"), said.pop("type"), triggers=triggers, policies=policies, **said)

    def policies(self, given: dict[str, Any], path: str) -> Policies | None:
        said = self.fields(given, path, POLICIES)
        try:
            return Policies(**said | {"retry": RetryPolicy.read(said.get("retry"))})
        except InvalidError as error:
            self.errors += [FieldError(f"{path}.{each.field}", each.message, each.code) for each in error.errors]
            return None

    def trigger(self, given: Any, path: str) -> TriggerSpec | None:
        said = self.fields(given, path, TRIGGER, ("kind",))
        return TriggerSpec(**{"timezone": self.timezone} | said) if "kind" in said else None

    def queue(self, given: Any, path: str) -> QueueItem | None:
        said = self.fields(given, path, QUEUE, ("name", "steps"))
        triggers = self.each(said.pop("triggers", None), f"{path}.triggers", self.trigger)
        steps = self.each(said.pop("steps", None), f"{path}.steps", self.step)
        if "name" not in said:
            return None
        return QueueItem(**{"uid": None, "description": "", "enabled": True} | said, steps=steps, triggers=triggers)

    def step(self, given: Any, path: str) -> tuple[str, OnFailure] | None:
        said = self.fields(given, path, STEP, ("job",))
        return (said["job"], said.get("on_failure", OnFailure.STOP)) if "job" in said else None
