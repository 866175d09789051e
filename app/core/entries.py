"""Scheduled entries: what waits to fire. One per trigger of an enabled job, and one per run asked for with a delay.

They are what a companion program on this machine sees of the schedule, takes away and puts back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.core import members, pauses
from app.core import triggers as timing
from app.core.calendars import Calendars
from app.core.day_plan import Hour, day_plan
from app.core.db import Database
from app.core.errors import FieldError, InvalidError, NotFoundError
from app.core.jobs import Jobs, JobSpec, drop_delayed
from app.core.models import IS_ACTIVE, QUEUE, Job, Run, Trigger
from app.core.ports import Clock, TimerList
from app.core.statuses import TriggerKind
from app.core.triggers import MAX_SECONDS, TriggerSpec


@dataclass(frozen=True)
class Orphan:
    """Something in the schedule that should not be there (``is_gone``), or is not there and should be."""

    is_gone: bool
    trigger_id: int
    job_id: int | None
    next_fire_at: datetime | None
    reason: str


class Entries:
    def __init__(
        self, db: Database, clock: Clock, jobs: Jobs, calendars: Calendars, timer: TimerList,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        """``changed`` is called after a commit that may have made something due earlier."""
        self.db = db
        self.clock = clock
        self.jobs = jobs
        self.calendars = calendars
        self.timer = timer
        self.changed = changed

    def list(self) -> Sequence[Trigger]:
        """Triggers with their jobs, the next to fire first, those that never will again last."""
        with self.db.reading() as session:
            return session.scalars(_entries().order_by(Trigger.next_fire_at.nulls_last(), Trigger.id)).all()

    def plan(self, zone: ZoneInfo, *, all_jobs: bool = False) -> Sequence[Hour]:
        """Count what the entries will do in the next 24 hours; see ``day_plan``.

        ``all_jobs`` counts queues and system jobs, too.
        """
        entries = self._all() if all_jobs else self.list()
        named = {row.calendar.name for row in entries if row.calendar}
        return day_plan(entries, {name: self.calendars.pure(name) for name in named}, self.clock().astimezone(zone))

    def _all(self) -> Sequence[Trigger]:
        with self.db.reading() as session:
            return session.scalars(_scheduled().options(joinedload(Trigger.calendar))).all()

    def job(self, job_id: int) -> Job:
        """A job that has entries of its own. Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return _found(session, job_id)

    def add(self, job_id: int, by: str) -> Job:
        """Schedule a job anew by what its triggers say now, enable it, and drop its delayed runs.

        Takes up rows that somebody else wrote, too. Raises ``NotFoundError``, ``InvalidError`` with everything that is
        wrong about them; then nothing has changed.
        """
        now = self.clock()
        with self.db.transaction() as session:
            job = _found(session, job_id)
            job.parameters = self._check(session, job, now)
            job.connections = "\n".join(self.jobs.connections_of(job))
            drop_delayed(session, job)
            _switch(job, True, now, by)
            members.give_back(session, job)
            _anchor(job.triggers, now)
            self.jobs.schedule(job)
            pauses.apply(session, job.id)
        self.changed()
        return job

    def _check(self, session: Session, job: Job, now: datetime) -> dict[str, object]:
        errors = [*_trigger_problems(job.triggers, now)]
        try:
            parameters = self.jobs.checked(session, replace(JobSpec.of(job), uid=job.uid), job)
        except InvalidError as error:
            errors = [*error.errors, *errors]
        if errors:
            raise InvalidError(errors)
        return parameters

    def remove(self, job_id: int, by: str) -> Job:
        """Take all entries of a job away and disable it; its triggers stay. Raises ``NotFoundError``."""
        with self.db.transaction() as session:
            job = _found(session, job_id)
            drop_delayed(session, job)
            for row in job.triggers:
                row.next_fire_at = None
            _switch(job, False, self.clock(), by)
        self.changed()
        return job

    def remove_all(self, by: str) -> None:
        """The same for every job."""
        theirs = Trigger.job_id.in_(select(Job.id).where(_has_entries()))
        changes = {"enabled": False, "updated_at": self.clock(), "updated_by": by}
        with self.db.transaction() as session:
            session.execute(delete(Trigger).where(theirs, Trigger.delayed.is_(True)))
            session.execute(update(Trigger).where(theirs).values(next_fire_at=None))
            session.execute(update(Job).where(_has_entries(), Job.enabled.is_(True)).values(changes))
        self.changed()

    def delay(self, job_id: int, minutes: int) -> Trigger:
        """Run a job once, so many minutes from now, whether it is enabled or not.

        Raises ``NotFoundError``, ``InvalidError`` for a time that is negative or farther away than a trigger may be.
        """
        if not 0 <= minutes * 60 <= MAX_SECONDS:
            raise InvalidError.of("minutes", f"must be from 0 to {MAX_SECONDS // 60}, but was {minutes}")
        at = self.clock() + timedelta(minutes=minutes)
        with self.db.transaction() as session:
            job = _found(session, job_id)
            row = TriggerSpec(TriggerKind.ONCE, "UTC", start_at=at).row(at)
            row.job_id, row.delayed, row.next_fire_at = job.id, True, at
            session.add(row)
            pauses.apply(session, job.id)
        self.changed()
        return row

    def delayed(self, job_id: int) -> Sequence[Trigger]:
        """The runs of a job that were asked for with a delay and have not begun, the next one first."""
        waiting = select(Trigger).where(Trigger.job_id == job_id, Trigger.delayed.is_(True))
        with self.db.reading() as session:
            return session.scalars(waiting.order_by(Trigger.next_fire_at, Trigger.id)).all()

    def take_back(self, job_id: int, trigger_id: int) -> None:
        """Drop one of them. Raises ``NotFoundError`` for one that is not waiting, or not any more."""
        which = and_(Trigger.id == trigger_id, Trigger.job_id == job_id, Trigger.delayed.is_(True))
        with self.db.transaction() as session:
            if session.scalar(select(Trigger.id).where(which).with_for_update()) is None:
                raise NotFoundError("no such run waits: it has begun, or somebody has taken it back")
            session.execute(delete(Trigger).where(which))
        self.changed()

    def orphans(self) -> Sequence[Orphan]:
        """What stands in the schedule without a job, and what is missing in it."""
        with self.db.reading() as session:
            listed = self.timer.listed(session)
            return [*_gone(session, listed), *self._missing(session, listed)]

    def tidy(self) -> None:
        """Take away the triggers of jobs that are gone, schedule what is missing, and put the timer's list right."""
        with self.db.transaction() as session:
            listed = self.timer.listed(session)
            gone = [orphan.trigger_id for orphan in _gone(session, listed)]
            session.execute(delete(Trigger).where(Trigger.id.in_(gone)))
            for orphan in self._missing(session, listed):
                session.get_one(Trigger, orphan.trigger_id).next_fire_at = orphan.next_fire_at
        self.timer.reconcile()
        self.changed()

    def _missing(self, session: Session, listed: Mapping[int, datetime | None]) -> Iterator[Orphan]:
        """A fixed delay has no next time while its job runs, and what is over has none any more."""
        now, active = self.clock(), _active(session)
        for row in session.scalars(_scheduled().order_by(Trigger.id)):
            at = row.next_fire_at
            if at is None and not (row.kind is TriggerKind.FIXED_DELAY and row.job_id in active):
                at = timing.first_fire(row, now, row.job.uid)
            if at is not None and row.next_fire_at is None:
                yield Orphan(False, row.id, row.job_id, at, "the trigger has no next time")
            elif at is not None and row.id not in listed:
                yield Orphan(False, row.id, row.job_id, at, "the timer's list lacks the entry")


def _has_entries() -> ColumnElement[bool]:
    """Queues and system jobs have none of their own: a companion knows nothing of them."""
    return and_(Job.deleted_at.is_(None), Job.job_type != QUEUE, Job.is_system.is_(False))


def _entries() -> Select[Trigger]:
    """An ordinary trigger is an entry while its job is enabled; a moment that is over is none any more."""
    has_turns = or_(Trigger.kind != TriggerKind.ONCE, Trigger.next_fire_at.is_not(None))
    return _scheduled().where(_has_entries(), has_turns).options(joinedload(Trigger.calendar))


def _scheduled() -> Select[Trigger]:
    """Triggers that may fire, those of queues and system jobs among them."""
    switched_on = or_(and_(Job.enabled.is_(True), Job.triggers_suspended.is_(False)), Trigger.delayed.is_(True))
    query = select(Trigger).join(Trigger.job).where(Job.deleted_at.is_(None), switched_on)
    return query.options(contains_eager(Trigger.job))


def _gone(session: Session, listed: Mapping[int, datetime | None]) -> Iterator[Orphan]:
    """Entries of the timer's list without a trigger, and triggers without a job.

    An entry without a next time has fired for the last time: it is cleared away by itself.
    """
    known = set(session.scalars(select(Trigger.id)))
    for trigger_id in sorted(listed.keys() - known):
        if listed[trigger_id] is not None:
            yield Orphan(True, trigger_id, None, listed[trigger_id], "there is no such trigger")
    jobless = or_(Job.id.is_(None), Job.deleted_at.is_not(None))
    for row in session.scalars(select(Trigger).outerjoin(Job, Job.id == Trigger.job_id).where(jobless)):
        yield Orphan(True, row.id, row.job_id, row.next_fire_at, "its job is gone")


def _active(session: Session) -> set[int]:
    return set(session.scalars(select(Run.job_id).where(IS_ACTIVE)))


def _found(session: Session, job_id: int) -> Job:
    job = session.scalar(select(Job).where(Job.id == job_id, _has_entries()).with_for_update())
    if job is None:
        raise NotFoundError(f"no job with id {job_id}")
    return job


def _trigger_problems(rows: Sequence[Trigger], now: datetime) -> list[FieldError]:
    """What is wrong with stored triggers. A moment that is past by now is right: it was future once."""
    found = []
    for number, row in enumerate(rows):
        if row.kind is not TriggerKind.ONCE or row.start_at is None:
            found += timing.problems_of(TriggerSpec.of(row), now, number)
    return found


def _anchor(rows: Sequence[Trigger], now: datetime) -> None:
    """What counts from a moment that nobody named counts from now on."""
    for row in rows:
        if row.kind in timing.ANCHORED and row.start_at is None:
            row.start_at = now


def _switch(job: Job, enabled: bool, now: datetime, by: str) -> None:
    if job.enabled != enabled:
        job.enabled, job.updated_at, job.updated_by = enabled, now, by
