"""A document into the database: all of it in one transaction or nothing, and beforehand what would change.

The dry run is the import itself, rolled back: what it says is what will be done.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import calendars as closed
from app.core.calendars import Calendars, CalendarSpec
from app.core.connections import Connections
from app.core.db import Database
from app.core.definitions import documents, reading
from app.core.definitions.documents import FORMAT, KINDS, Document
from app.core.definitions.fire_changes import FireChange, fire_changes
from app.core.definitions.reading import ConnectionItem, PoolItem, QueueItem, Wanted
from app.core.errors import CarillonError, ConflictError, FieldError, InvalidError
from app.core.jobs import Jobs, JobSpec
from app.core.models import Calendar
from app.core.pools import Pools
from app.core.ports import Clock
from app.core.pulse import Monotonic
from app.core.queues import Queues, QueueSpec, StepSpec
from app.core.triggers import TriggerSpec
from app.schedule.calendars import Calendar as PureCalendar

T = TypeVar("T")
Snapshot = dict[str, dict[str, Document]]
"""Of each kind the documents by what does not change: the uid of jobs and queues, the name of everything else."""
MOST_ERRORS = 100
LONGEST = 10.0  # seconds for which a server may let nobody else write: no job starts meanwhile
Fires = Callable[[], list[FireChange]]


@dataclass(frozen=True)
class Change:
    """``fields``: path, value before, value after; ``None`` stands for what is not there."""

    kind: str  # one of KINDS
    name: str
    what: str  # created, changed, removed
    fields: Sequence[tuple[str, Any, Any]] = ()


@dataclass(frozen=True)
class Plan:
    changes: Sequence[Change]
    unchanged: int
    left_alone: Sequence[tuple[str, str]]  # (kind, name) of what is in the database and not in the document
    fires: Sequence[FireChange]  # of the next days
    notes: Sequence[str] = ()
    done: bool = False


class _DryRunError(Exception):
    """Takes the plan past the end of a transaction that shall not be kept."""

    def __init__(self, plan: Plan, fires: Fires) -> None:
        super().__init__()
        self.plan = plan
        self.fires = fires


@dataclass
class _Course:
    """What an import has met so far."""

    by: str | None
    before: Snapshot
    in_time: Callable[[], None]  # raises ``InvalidError`` when it has taken too long
    met: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})
    errors: list[FieldError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Definitions:
    def __init__(
        self, db: Database, clock: Clock, jobs: Jobs, queues: Queues, calendars: Calendars, pools: Pools,
        connections: Connections, timezone: str, monotonic: Monotonic = time.monotonic,
    ) -> None:  # fmt: skip
        """``timezone`` is that of whatever in a document names none."""
        self.db = db
        self.clock = clock
        self.jobs = jobs
        self.queues = queues
        self.calendars = calendars
        self.pools = pools
        self.connections = connections
        self.timezone = timezone
        self.monotonic = monotonic

    def export(self) -> Document:
        """Everything as a document: connections without secrets, no history, no system jobs, no users."""
        with self.db.reading() as session:
            return {"carillon": FORMAT} | self._documents(session)

    def _documents(self, session: Session) -> Document:
        views = [view for view in self.connections.list() if not view.from_environment]
        shown = [
            {"name": view.name, "url": view.url} | ({"max_runs": view.max_runs} if view.max_runs else {})
            for view in views
        ]
        return dict(documents.whole(session, shown))

    def apply(
        self, document: Any, by: str | None, *, prune: bool = False, dry_run: bool = False,
        seconds: float | None = None,
    ) -> Plan:  # fmt: skip
        """Make the database say what the document says; ``prune`` also removes what it does not name.

        Kinds that the document leaves out are left alone. Raises ``InvalidError`` with everything that is wrong, or
        when it takes longer than ``seconds``, and changes nothing then.
        """
        wanted = reading.read(document, self.timezone)
        try:
            with self.db.together() as session:
                plan, fires = self._apply(session, wanted, by, prune, self._limit(seconds))
                if dry_run:
                    raise _DryRunError(plan, fires)
        except _DryRunError as tried:
            return replace(tried.plan, fires=tried.fires())
        self.jobs.changed()
        return replace(plan, fires=fires(), done=True)

    def _limit(self, seconds: float | None) -> Callable[[], None]:
        began = self.monotonic()

        def in_time() -> None:
            if seconds is not None and self.monotonic() - began > seconds:
                raise InvalidError.of(
                    "file",
                    f"takes longer than {seconds:g} s, and no job starts meanwhile: nothing was changed. Import it in"
                    " parts, or on the command line while the server is stopped",
                    "too_large",
                )

        return in_time

    def _apply(
        self, session: Session, wanted: Wanted, by: str | None, prune: bool, in_time: Callable[[], None]
    ) -> tuple[Plan, Fires]:
        """Gives also what finds out about fires: that takes its time, and needs no transaction."""
        before, closed_before = self._snapshot(session), _pure(session)
        course = _Course(by, before, in_time)
        self._each(course, session, "pools", wanted.pools, self._pool)
        self._each(course, session, "calendars", _in_order(wanted.calendars), self._calendar)
        self._each(course, session, "connections", wanted.connections, self._connection)
        self._each(course, session, "jobs", wanted.jobs, self._job)
        self._each(course, session, "queues", wanted.queues, self._queue)
        extra = {kind: before[kind].keys() - course.met[kind] for kind in KINDS if getattr(wanted, kind) is not None}
        if prune:
            self._prune(course, session, extra)
        if course.errors:
            raise InvalidError(course.errors[:MOST_ERRORS])
        self._switch_on(course, wanted.jobs or ())
        session.expire_all()
        after = self._snapshot(session)
        changes = list(_changes(before, after))
        left = [] if prune else [(kind, before[kind][key]["name"]) for kind in extra for key in sorted(extra[kind])]
        same = sum(len(course.met[kind]) for kind in KINDS) - sum(each.what != "removed" for each in changes)
        course.in_time()
        closed_after, now = _pure(session), self.clock()
        fires = lambda: fire_changes(_timed(before), _timed(after), closed_before, closed_after, now)  # noqa: E731
        return Plan(changes, max(0, same), left, (), course.notes), fires

    def _snapshot(self, session: Session) -> Snapshot:
        found = self._documents(session)
        return {
            kind: {each["uid" if kind in ("jobs", "queues") else "name"]: each for each in found[kind]}
            for kind in KINDS
        }

    def _each(
        self, course: _Course, session: Session, kind: str, items: Sequence[T] | None,
        take: Callable[[_Course, T], str],
    ) -> None:  # fmt: skip
        """Take them one by one, each in a savepoint: what is wrong with one does not hide what is wrong with others."""
        for number, item in enumerate(items or ()):
            course.in_time()
            try:
                with session.begin_nested():
                    course.met[kind].add(take(course, item))
            except InvalidError as error:
                course.errors += [_placed(each, f"{kind}.{number}") for each in error.errors]
            except CarillonError as error:
                course.errors.append(FieldError(f"{kind}.{number}", error.message, error.code))
            if len(course.errors) > MOST_ERRORS:
                return

    # One thing. Each gives what it goes by in the snapshot

    def _pool(self, course: _Course, item: PoolItem) -> str:
        there = course.before["pools"].get(item.name)
        if there is None:
            self.pools.create(item.name, item.places)
        elif there["places"] != item.places:
            self.pools.change(item.name, item.places)
        return item.name

    def _calendar(self, course: _Course, spec: CalendarSpec) -> str:
        there = course.before["calendars"].get(spec.name)
        said: Document = {"name": spec.name, "kind": spec.kind.value, "timezone": spec.timezone}
        said |= {"base": spec.base} if spec.base else {}
        said |= {"description": spec.description} if spec.description else {}
        if there != said | {"content": dict(spec.content)}:
            self.calendars.save(spec)
        return spec.name

    def _connection(self, course: _Course, item: ConnectionItem) -> str:
        if item.name in self.connections.environment:
            course.notes.append(f"connection {item.name!r} is set by the environment here, and left as it is")
            return item.name
        there = course.before["connections"].get(item.name)
        if there is None or (there["url"], there.get("max_runs")) != (item.url, item.max_runs):
            self.connections.save(item.name, item.url, max_runs=item.max_runs)
            if not self.connections.get(item.name).has_password and "@" in item.url:
                course.notes.append(f"connection {item.name!r} has no password here: enter it if it needs one")
        return item.name

    def _job(self, course: _Course, spec: JobSpec) -> str:
        uid = _known(course.before["jobs"], spec.uid, spec.name)
        if uid is None:
            return self.jobs.create(spec, course.by).uid
        there = course.before["jobs"][uid]
        if there["type"] != spec.job_type:
            raise InvalidError.of("type", f"the type of a job cannot change: it is {there['type']}")
        row = self.jobs.get(uid)
        present = JobSpec.of(row)
        wanted = replace(spec, uid=None, triggers_suspended=row.triggers_suspended)
        if not _says_the_same(present, wanted):
            self.jobs.update(uid, wanted, course.by)
        return uid

    def _queue(self, course: _Course, item: QueueItem) -> str:
        steps, errors = [], []
        for number, (name, on_failure) in enumerate(item.steps):
            try:
                steps.append(StepSpec(self.jobs.get_by_name(name).uid, on_failure))
            except CarillonError as error:
                errors.append(FieldError(f"steps.{number}.job", error.message, "unknown"))
        if errors:
            raise InvalidError(errors)
        spec = QueueSpec(item.name, item.triggers, steps, item.enabled, item.description)
        uid = _known(course.before["queues"], item.uid, item.name)
        if uid is None:
            return self.queues.create(spec, course.by, uid=item.uid).uid
        if QueueSpec.of(self.queues.get(uid)) != replace(spec, triggers=list(spec.triggers)):
            self.queues.update(uid, spec, course.by)
        return uid

    def _switch_on(self, course: _Course, specs: Sequence[JobSpec]) -> None:
        """Who leaves a queue is switched off; but here the document says what is on."""
        for spec in specs:
            course.in_time()
            job = self.jobs.get_by_name(spec.name)
            if spec.enabled and not job.enabled:
                self.jobs.enable(job.uid, course.by)

    def _prune(self, course: _Course, session: Session, extra: Mapping[str, set[str]]) -> None:
        removers: dict[str, Callable[[str], object]] = {
            "queues": lambda uid: self.queues.delete(uid, course.by),
            "jobs": lambda uid: self.jobs.delete(uid, course.by),
            "connections": self.connections.remove,
            "calendars": self.calendars.remove,
            "pools": self.pools.remove,
        }
        for kind, remove in removers.items():
            for key in reversed(list(course.before[kind])):  # calendars that build on others go first
                if key in extra.get(kind, ()):
                    course.in_time()
                    try:
                        with session.begin_nested():
                            remove(key)
                    except ConflictError as error:
                        course.errors.append(FieldError(kind, f"cannot be pruned: {error.message}", error.code))


def _placed(error: FieldError, place: str) -> FieldError:
    """What the core calls ``job_type`` is ``type`` in a document."""
    return replace(error, field=f"{place}.{'type' if error.field == 'job_type' else error.field}")


def _known(there: Mapping[str, Document], uid: str | None, name: str) -> str | None:
    """Which one is meant: that of the uid, else that of the name, as another installation gave it another uid."""
    if uid in there:
        return uid
    return next((key for key, each in there.items() if each["name"] == name), None)


def _says_the_same(present: JobSpec, wanted: JobSpec) -> bool:
    """Triggers in any order: they have none."""

    def plain(spec: JobSpec) -> JobSpec:
        return replace(spec, triggers=sorted(spec.triggers, key=repr), parameters=dict(spec.parameters))

    return plain(present) == plain(wanted)


def _in_order(specs: Sequence[CalendarSpec] | None) -> Sequence[CalendarSpec] | None:
    """Those that others build on come first; what builds on itself is left for who saves it to refuse."""
    if specs is None:
        return None
    bases = {spec.name: spec.base for spec in specs}

    def depth(name: str | None, steps: int = 0) -> int:
        return steps if name not in bases or steps > len(bases) else depth(bases[name], steps + 1)

    return sorted(specs, key=lambda spec: depth(spec.name))


def _pure(session: Session) -> dict[str, PureCalendar]:
    return {row.name: closed.pure(session, row) for row in session.scalars(select(Calendar))}


def _timed(snapshot: Snapshot) -> dict[str, tuple[str, list[TriggerSpec]]]:
    """Name and triggers of what is switched on, by uid. Members of queues fire with their queue."""
    members = {step["job"] for queue in snapshot["queues"].values() for step in queue["steps"]}
    return {
        uid: (each["name"], [_spec(one) for one in each.get("triggers", ())])
        for kind in ("jobs", "queues")
        for uid, each in snapshot[kind].items()
        if each.get("enabled", True) and not (kind == "jobs" and each["name"] in members)
    }


def _spec(said: Document) -> TriggerSpec:
    return TriggerSpec(**{name: reading.TRIGGER[name](value) for name, value in said.items()})


# What is different


def _changes(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for kind in KINDS:
        for key in before[kind] | after[kind]:
            old, new = before[kind].get(key), after[kind].get(key)
            if old is None and new is not None:
                yield Change(kind, new["name"], "created")
            elif new is None and old is not None:
                yield Change(kind, old["name"], "removed")
            elif old != new:
                yield Change(kind, str((new or {})["name"]), "changed", list(_fields(old, new)))


def _fields(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    were, are = dict(_flat(old)), dict(_flat(new))
    for path in were | are:
        if were.get(path) != are.get(path):
            yield path, were.get(path), are.get(path)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inside is None:
        yield path, value
    else:
        for name, each in inside:
            yield from _flat(each, f"{path}.{name}" if path else str(name))
