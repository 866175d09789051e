"""Jobs: what to run, with which parameters, when."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session, selectinload

from app.core import calendars, due, job_order, members, pauses
from app.core import triggers as timing
from app.core.db import Database
from app.core.errors import ConflictError, FieldError, InvalidError, NotFoundError
from app.core.job_order import ORDERS, JobOrder
from app.core.job_types import JobType, JobTypes
from app.core.members import Place
from app.core.models import IS_A_JOB, IS_ACTIVE, QUEUE, Calendar, Job, Pool, Run, Trigger
from app.core.policies import Policies
from app.core.ports import Clock
from app.core.runs import Runs
from app.core.statuses import FireReason, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec
from app.core.uids import UID, new_uid

log = logging.getLogger(__name__)

MAX_NAME = 230  # as DHIS2's column


@dataclass(frozen=True)
class JobSpec:
    """A job as somebody wants it. ``parameters`` may still be raw; they are coerced by the job type."""

    name: str
    job_type: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    triggers: Sequence[TriggerSpec] = ()
    enabled: bool = True
    description: str = ""
    group: str = "DEFAULT"
    timeout_seconds: int | None = None
    policies: Policies | None = None  # None: as they are, or the defaults
    uid: str | None = None  # only when creating: a client may bring its own
    triggers_suspended: bool = True  # False: those of a job that has left its queue count again

    @classmethod
    def of(cls, job: Job) -> "JobSpec":
        """What a stored job says: for changes that leave the rest as it is."""
        same = {
            name: getattr(job, name) for name in cls.__dataclass_fields__ if name not in ("triggers", "policies", "uid")
        }
        return cls(**same, policies=Policies.of(job), triggers=[TriggerSpec.of(row) for row in job.triggers])


class Jobs:
    def __init__(self, db: Database, clock: Clock, types: JobTypes, runs: Runs, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit that may have made something due earlier."""
        self.db = db
        self.clock = clock
        self.types = types
        self.runs = runs
        self.changed = changed

    def create(self, spec: JobSpec, by: str | None) -> Job:
        """Raises ``InvalidError`` with everything that is wrong, ``ConflictError`` when the uid is taken."""
        if spec.job_type in self.types and self.types.get(spec.job_type).system:
            raise ConflictError(f"Job {spec.name} must be configurable but was not.", code="system_job")
        with self.db.transaction() as session:
            job = self.make(session, spec, by)
        self.changed()
        return job

    def make(self, session: Session, spec: JobSpec, by: str | None, *, is_system: bool = False) -> Job:
        """The same in the caller's transaction, also for system jobs."""
        parameters = self.checked(session, spec, None)
        uid = spec.uid or new_uid()
        if session.scalar(select(Job.id).where(Job.uid == uid)):
            raise ConflictError(f"a job with uid {uid!r} already exists", code="uid_taken")
        job = Job(uid=uid, job_type=spec.job_type, is_system=is_system, created_at=self.clock(), created_by=by)
        self._apply(session, job, spec, parameters, by)
        session.add(job)
        session.flush()
        pauses.apply(session, job.id)
        return job

    def update(self, uid: str, spec: JobSpec, by: str | None, version: int | None = None) -> Job:
        """Replace what a job is; its type stays. Triggers that stay as they are keep their place in time.

        ``version`` is the one that the caller has seen. Raises ``InvalidError``, ``ConflictError`` with the code
        ``changed`` if that is no longer the present one, or for a system job of which more than the schedule would
        change.
        """
        with self.db.transaction() as session:
            job = find(session, uid)
            refuse_other(job, version)
            parameters = self.checked(session, spec, job)
            job.version += 1
            self._apply(session, job, spec, parameters, by)
            pauses.apply(session, job.id)
            pauses.end_orphans(session, self.clock(), by)
        self.changed()
        return job

    def check(self, spec: JobSpec, uid: str | None = None) -> None:
        """Raise what ``create``, or ``update`` of this uid, would find wrong; nothing is stored."""
        with self.db.reading() as session:
            self.checked(session, spec, find(session, uid) if uid else None)

    def checked(self, session: Session, spec: JobSpec, job: Job | None) -> dict[str, Any]:
        """Give the parameters as the job type takes them. Raises ``InvalidError`` with everything that is wrong."""
        errors = _name_problems(session, spec.name, job)
        errors += trigger_problems(session, spec.triggers, job, self.clock())
        if spec.uid is not None and not UID.fullmatch(spec.uid):
            errors.append(FieldError("uid", f"{spec.uid!r} is no uid: 11 letters and digits, the first a letter"))
        if spec.timeout_seconds is not None and not 1 <= spec.timeout_seconds <= timing.MAX_SECONDS:
            errors.append(FieldError("timeout_seconds", "must be at least 1 second"))
        if spec.policies is not None:
            wrong = spec.policies.problems(set(session.scalars(select(Pool.name))))
            errors += [replace(error, field=f"policies.{error.field}") for error in wrong]
        parameters: dict[str, Any] = {}
        try:
            job_type = self.types.get(job.job_type if job else spec.job_type)
            errors += _shared_schedules(session, spec, job, job_type)
            parameters = job_type.coerce(spec.parameters)
        except NotFoundError as error:
            errors.append(FieldError("job_type", error.message, "unknown"))
        except InvalidError as error:
            errors += error.errors
        if job and job.is_system:
            errors += _system_problems(job, spec, parameters)
        if errors:
            raise InvalidError(errors)
        return parameters

    def _apply(self, session: Session, job: Job, spec: JobSpec, parameters: dict[str, Any], by: str | None) -> None:
        was_enabled = bool(job.enabled)
        job.name, job.group, job.description = spec.name.strip(), spec.group, spec.description
        job.parameters, job.timeout_seconds = parameters, spec.timeout_seconds
        job.connections = "\n".join(self.connections_of(job))
        if spec.policies is not None:
            spec.policies.apply_to(job)
        job.updated_at, job.updated_by = self.clock(), by
        if was_enabled and not spec.enabled:
            self._leave_out(session, job, job.triggers, FireReason.DISABLED)
        job.enabled = spec.enabled
        members.give_back(session, job, even_if_off=not spec.triggers_suspended)
        self.set_triggers(session, job, spec.triggers, only_new=was_enabled and spec.enabled)
        if was_enabled and not spec.enabled:
            drop_delayed(session, job)

    def set_triggers(
        self, session: Session, job: Job, wanted: Sequence[TriggerSpec], *, only_new: bool = False
    ) -> None:
        """Give a job, or a queue, these triggers. ``only_new``: those that were there go on as they are."""
        self._replace_triggers(session, job, wanted)
        self.schedule(job, only_new=only_new)

    def connections_of(self, job: Job) -> Sequence[str]:
        try:
            return self.types.get(job.job_type).connections(job.parameters)
        except Exception:  # the job type's own code: each run will say what is wrong
            log.exception("job type %r cannot tell which connections it needs", job.job_type, extra={"job_id": job.id})
            return ()

    def _replace_triggers(self, session: Session, job: Job, wanted: Sequence[TriggerSpec]) -> None:
        """Keep the rows that say the same as before: their ids and their ledger stay one story."""
        kept, missing = [], list(wanted)
        for row in job.triggers:
            same = next((spec for spec in missing if spec.says_the_same(row)), None)
            if same:
                missing.remove(same)
                kept.append(row)
        self._leave_out(session, job, [row for row in job.triggers if row not in kept], FireReason.EDITED)
        job.triggers = kept + [self._row(session, spec) for spec in missing]

    def _leave_out(self, session: Session, job: Job, rows: Sequence[Trigger], reason: FireReason) -> None:
        """What has come due since the last tick and will not be decided gets its rows in the ledger here."""
        now = self.clock()
        ids = [row.id for row in rows if row.next_fire_at is not None and row.next_fire_at <= now]
        if ids:
            due.leave_out(session, job.id, ids, reason, now)

    def _row(self, session: Session, spec: TriggerSpec) -> Trigger:
        row = spec.row(self.clock())
        row.calendar = calendars.find(session, spec.calendar) if spec.calendar else None
        return row

    def schedule(self, job: Job, *, only_new: bool = False) -> None:
        for row in job.triggers:
            if not job.enabled or job.triggers_suspended:
                row.next_fire_at = None
            elif not (only_new and row.id):
                row.next_fire_at = timing.first_fire(row, self.clock(), job.uid)

    def enable(self, uid: str, by: str | None) -> Job:
        return self._switch(uid, True, by)

    def disable(self, uid: str, by: str | None) -> Job:
        """Nothing new fires; what runs goes on."""
        return self._switch(uid, False, by)

    def _switch(self, uid: str, enabled: bool, by: str | None) -> Job:
        with self.db.transaction() as session:
            job = find(session, uid)
            _refuse_system(job, "modified")
            if job.enabled != enabled:
                if not enabled:
                    self._leave_out(session, job, job.triggers, FireReason.DISABLED)
                job.enabled, job.updated_at, job.updated_by = enabled, self.clock(), by
                job.version += 1
                members.give_back(session, job)
                self.schedule(job)
            if not enabled:
                drop_delayed(session, job)
        self.changed()
        return job

    def delete(self, uid: str, by: str | None, version: int | None = None) -> Job:
        """Take the job and its triggers away and cancel what runs. Its history stays; the name is free again.

        Its queue goes on without it; one without any job goes, too. ``version`` as for ``update``.
        """
        with self.db.transaction() as session:
            job = find(session, uid)
            _refuse_system(job, "deleted")
            refuse_other(job, version)
            drop_delayed(session, job)
            gone = [job, *members.forget(session, job)]
            for each in gone:
                self._leave_out(session, each, each.triggers, FireReason.DELETED)
                self.remove(each, by)
        for each in gone:
            self.runs.cancel_job(each.id, by)
        self.changed()
        return job

    def remove(self, job: Job, by: str | None) -> None:
        """Mark a job, or a queue, as deleted; in the caller's transaction."""
        job.triggers = []
        job.enabled, job.deleted_at, job.updated_by = False, self.clock(), by

    def get(self, uid: str) -> Job:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return find(session, uid)

    def get_by_id(self, job_id: int) -> Job:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return found(session.scalar(_present().where(Job.id == job_id)), f"no job with id {job_id}")

    def get_by_name(self, name: str) -> Job:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return found(session.scalar(_present().where(Job.name == name)), f"no job named {name!r}")

    def uids(self, job_ids: Iterable[int]) -> Mapping[int, str]:
        """The uids of jobs and queues by id, of those that were deleted, too."""
        wanted = set(job_ids)
        with self.db.reading() as session:
            return {row.id: row.uid for row in session.execute(select(Job.id, Job.uid).where(Job.id.in_(wanted)))}

    def get_any(self, uid: str) -> Job:
        """A job or a queue. Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return find_any(session, uid)

    def of_trigger(self, trigger_id: int) -> Job:
        """The job or queue. Raises ``NotFoundError``."""
        query = present().join(Trigger, Trigger.job_id == Job.id).where(Trigger.id == trigger_id)
        with self.db.reading() as session:
            return found(session.scalar(query), f"no trigger {trigger_id}")

    def groups(self) -> Sequence[str]:
        """The names of the groups that have jobs."""
        with self.db.reading() as session:
            return session.scalars(
                select(Job.group).where(Job.deleted_at.is_(None), Job.job_type != QUEUE).distinct().order_by(Job.group)
            ).all()

    def with_uids(self, uids: Sequence[str]) -> Sequence[Job]:
        """Those of these uids that are there, in no certain order."""
        with self.db.reading() as session:
            return session.scalars(_present().where(Job.uid.in_(uids))).all()

    def list(
        self,
        *,
        text: str = "",
        job_type: str = "",
        enabled: bool | None = None,
        system: bool | None = None,
        offset: int = 0,
        limit: int | None = None,
        order: JobOrder = JobOrder.NAME,
    ) -> Sequence[Job]:
        """Jobs in an order; by their next start only with a ``limit``. ``text`` is looked for inside the name."""
        filtered = partial(_filtered, text=text, job_type=job_type, enabled=enabled, system=system)
        with self.db.reading() as session:
            if order is JobOrder.NEXT_START:
                ids = job_order.by_next_start(session, filtered, offset, limit or 0)
                found = {job.id: job for job in session.scalars(_present().where(Job.id.in_(ids)))}
                return [found[job_id] for job_id in ids]
            page = filtered(select(Job.id).where(IS_A_JOB)).order_by(*ORDERS[order]).offset(offset).limit(limit)
            query = _present().where(Job.id.in_(page.scalar_subquery()))  # the page is found in an index
            return session.scalars(query.order_by(*ORDERS[order])).all()

    def page(
        self, *, text: str = "", job_type: str = "", group: str = "", enabled: bool | None = None,
        system: bool | None = None, after: int = 0, limit: int = 100,
    ) -> Sequence[Job]:  # fmt: skip
        """Jobs in the order in which they were made; ``after`` is the id of the last one of the page before."""
        query = _filtered(_present().where(Job.id > after), text, job_type, enabled, system)
        if group:
            query = query.where(Job.group == group)
        with self.db.reading() as session:
            return session.scalars(query.order_by(Job.id).limit(limit)).all()

    def that_fire(self) -> Sequence[Job]:
        """Jobs and queues that are switched on and whose triggers are not suspended; without system jobs."""
        query = present().where(Job.enabled.is_(True), Job.triggers_suspended.is_(False), Job.is_system.is_(False))
        with self.db.reading() as session:
            return session.scalars(query.order_by(func.lower(Job.name), Job.id)).all()

    def count(
        self, *, text: str = "", job_type: str = "", enabled: bool | None = None, system: bool | None = None
    ) -> int:
        query = select(func.count()).select_from(Job).where(IS_A_JOB)
        with self.db.reading() as session:
            return session.scalar(_filtered(query, text, job_type, enabled, system)) or 0

    def last_runs(self, jobs: Sequence[Job]) -> dict[int, Run]:
        """The newest run of each job, by job id, whatever its status."""
        active = (
            select(func.max(Run.id)).where(Run.job_id.in_([job.id for job in jobs]), IS_ACTIVE).group_by(Run.job_id)
        )
        with self.db.reading() as session:
            ids = {job.last_run_id for job in jobs} | set(session.scalars(active))
            query = select(Run).where(Run.id.in_(ids)).order_by(Run.id)
            return {run.job_id: run for run in session.scalars(query)}

    def places(self, jobs: Sequence[Job]) -> dict[int, Place]:
        """Where jobs stand in queues, by job id; without those that are in none."""
        with self.db.reading() as session:
            return members.places(session, [job.id for job in jobs])

    def active_runs(self, jobs: Sequence[Job]) -> dict[int, RunStatus]:
        """The status of the run that is queued or going on, by job id."""
        query = select(Run.job_id, Run.status).where(Run.job_id.in_([job.id for job in jobs]), IS_ACTIVE)
        with self.db.reading() as session:
            return dict(session.execute(query).all())


def find(session: Session, uid: str) -> Job:
    return found(session.scalar(_present().where(Job.uid == uid)), f"no job with uid {uid!r}")


def find_any(session: Session, uid: str) -> Job:
    """A job or a queue."""
    return found(session.scalar(present().where(Job.uid == uid)), f"no job with uid {uid!r}")


def found(job: Job | None, message: str) -> Job:
    if job is None:
        raise NotFoundError(message)
    return job


def refuse_other(job: Job, version: int | None) -> None:
    """Raise ``ConflictError`` when a job, or a queue, is no longer what its caller has seen."""
    if version is not None and job.version != version:
        what = "queue" if job.job_type == QUEUE else "job"
        raise ConflictError(f"the {what} is at version {job.version} by now, not {version}", code="changed")


def drop_delayed(session: Session, job: Job) -> None:
    """Take away the runs that were asked for with a delay and have not begun."""
    session.execute(delete(Trigger).where(Trigger.job_id == job.id, Trigger.delayed.is_(True)))


def next_fire(job: Job) -> Trigger | None:
    """The trigger that fires next, or ``None`` when nothing will."""
    waiting = [row for row in job.triggers if row.next_fire_at]
    return min(waiting, key=lambda row: row.next_fire_at, default=None)  # type: ignore[arg-type, return-value]


def _present() -> Select[Job]:
    return present().where(Job.job_type != QUEUE)


def present() -> Select[Job]:
    """Jobs and queues that are not deleted."""
    return select(Job).where(Job.deleted_at.is_(None)).options(selectinload(Job.triggers).joinedload(Trigger.calendar))


def _filtered(query: Select[Any], text: str, job_type: str, enabled: bool | None, system: bool | None) -> Select[Any]:
    if text:
        query = query.where(func.lower(Job.name).contains(text.lower(), autoescape=True))
    if job_type:
        query = query.where(Job.job_type == job_type)
    if enabled is not None:
        query = query.where(Job.enabled.is_(enabled))
    if system is not None:
        query = query.where(Job.is_system.is_(system))
    return query


def _refuse_system(job: Job, what: str) -> None:
    if job.is_system:
        raise ConflictError(f"Job {job.uid} is a system job that cannot be {what}.", code="system_job")


def _system_problems(job: Job, spec: JobSpec, parameters: Mapping[str, Any]) -> list[FieldError]:
    """A system job keeps a schedule; to change anything else of it is refused."""
    there = JobSpec.of(job)
    wanted = replace(
        there, name=spec.name.strip(), parameters=parameters, enabled=spec.enabled, description=spec.description,
        group=spec.group, timeout_seconds=spec.timeout_seconds, policies=spec.policies or there.policies,
    )  # fmt: skip
    if wanted != there:
        _refuse_system(job, "modified")
    return [] if spec.triggers else [FieldError("triggers.0.expression", "a system job has a schedule", "required")]


def _name_problems(session: Session, name: str, job: Job | None) -> list[FieldError]:
    name = name.strip()
    if not name:
        return [FieldError("name", "a name is required", "required")]
    if len(name) > MAX_NAME or "\x00" in name:
        return [FieldError("name", f"must have at most {MAX_NAME} characters", "too_long")]
    holder = session.scalar(_present().where(Job.name == name))
    if holder and (job is None or holder.id != job.id):
        return [FieldError("name", f"a job named {name!r} already exists ({holder.uid})", "taken")]
    return []


def trigger_problems(
    session: Session, wanted_triggers: Sequence[TriggerSpec], job: Job | None, now: datetime
) -> list[FieldError]:
    """What is wrong with the new ones: a ``once`` that was there before may lie in the past by now."""
    rows = job.triggers if job else []
    calendars_there = set(session.scalars(select(Calendar.name)))
    found = []
    for number, wanted in enumerate(wanted_triggers):
        if any(wanted.says_the_same(row) for row in rows):
            continue
        found += timing.problems_of(wanted, now, number)
        if wanted.calendar and wanted.calendar not in calendars_there:
            found.append(FieldError(f"triggers.{number}.calendar", f"no calendar named {wanted.calendar!r}", "unknown"))
    return found


def _shared_schedules(session: Session, spec: JobSpec, job: Job | None, job_type: JobType) -> list[FieldError]:
    """Where one run of a type goes on at a time, two jobs that are always due together are one too many."""
    if not job_type.one_at_a_time or (job and job.triggers_suspended):
        return []
    expressions = select(Trigger.expression).join(Job).where(Trigger.kind == TriggerKind.CRON)
    expressions = expressions.where(Job.job_type == job_type.name, Job.deleted_at.is_(None))
    expressions = expressions.where(Job.triggers_suspended.is_(False))
    taken = set(session.scalars(expressions.where(Job.id != job.id) if job else expressions))
    message = f"another job of the type {job_type.label!r} has this cron expression already"
    return [
        FieldError(f"triggers.{number}.expression", message, "shared")
        for number, trigger in enumerate(spec.triggers)
        if trigger.kind is TriggerKind.CRON and trigger.expression in taken
    ]
