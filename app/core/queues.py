"""Queues: jobs that run one after another under a trigger of their own.

A queue is itself a job, of type ``QUEUE``: so its trigger, its ledger, its overlap with itself and the list of its runs
are those of every job. What its runs do is in ``core/steps.py``.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from app.core import members, steps
from app.core.db import Database
from app.core.errors import FieldError, InvalidError, NotFoundError
from app.core.jobs import Jobs, present, refuse_other, trigger_problems
from app.core.models import QUEUE, Job, QueueStep, Run, RunStep
from app.core.ports import Clock
from app.core.runs import Runs
from app.core.statuses import OnFailure
from app.core.steps import StepState
from app.core.triggers import TriggerSpec
from app.core.uids import UID, new_uid

MAX_NAME = 50  # as DHIS2's column
FEWEST_STEPS, MOST_STEPS = 2, 200


@dataclass(frozen=True)
class StepSpec:
    """A step: the uid of its job, and what follows when it does not succeed."""

    job: str
    on_failure: OnFailure = OnFailure.STOP


@dataclass(frozen=True)
class QueueSpec:
    """A queue as somebody wants it."""

    name: str
    triggers: Sequence[TriggerSpec]
    steps: Sequence[StepSpec]
    enabled: bool = True
    description: str = ""

    @classmethod
    def of(cls, queue: Job) -> "QueueSpec":
        """What a stored queue says: for changes that leave the rest as it is."""
        return cls(
            queue.name,
            [TriggerSpec.of(row) for row in queue.triggers],
            [StepSpec(step.job.uid, step.on_failure) for step in queue.steps],
            queue.enabled,
            queue.description,
        )


class Queues:
    def __init__(self, db: Database, clock: Clock, jobs: Jobs, runs: Runs, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit that may have made something due earlier."""
        self.db = db
        self.clock = clock
        self.jobs = jobs
        self.runs = runs
        self.changed = changed

    def create(self, spec: QueueSpec, by: str | None, uid: str | None = None) -> Job:
        """``uid``: its own, where it has one from elsewhere. Raises ``InvalidError`` with everything that is wrong."""
        with self.db.transaction() as session:
            wanted = self._check(session, spec, None)
            if uid is not None and (not UID.fullmatch(uid) or session.scalar(select(Job.id).where(Job.uid == uid))):
                raise InvalidError.of("uid", f"{uid!r} is no uid (11 letters and digits), or is taken")
            queue = Job(uid=uid or new_uid(), job_type=QUEUE, parameters={}, created_at=self.clock(), created_by=by)
            session.add(queue)
            self._apply(session, queue, spec, wanted, by)
        self.changed()
        return queue

    def update(self, uid: str, spec: QueueSpec, by: str | None, version: int | None = None) -> Job:
        """Replace what a queue is, its name too; a run that is going on keeps its steps.

        Jobs that leave are switched off. ``version`` is the one that the caller has seen. Raises ``NotFoundError``,
        ``InvalidError``, ``ConflictError`` with the code ``changed`` if that is no longer the present one.
        """
        with self.db.transaction() as session:
            queue = find(session, uid)
            refuse_other(queue, version)
            wanted = self._check(session, spec, queue)
            queue.version += 1
            self._apply(session, queue, spec, wanted, by)
        self.changed()
        return queue

    def _check(self, session: Session, spec: QueueSpec, queue: Job | None) -> dict[str, Job]:
        """Give the jobs of the steps by uid, their rows locked."""
        query = present().where(Job.uid.in_({step.job for step in spec.steps})).order_by(Job.id)
        found = {job.uid: job for job in session.scalars(query.with_for_update(of=Job))}
        errors = [
            *_name_problems(session, spec.name, queue),
            *trigger_problems(session, spec.triggers, queue, self.clock()),
            *_step_problems(session, spec.steps, found, queue),
        ]
        if errors:
            raise InvalidError(errors)
        return found

    def _apply(self, session: Session, queue: Job, spec: QueueSpec, wanted: dict[str, Job], by: str | None) -> None:
        was_enabled = bool(queue.enabled)
        queue.name, queue.description, queue.enabled = spec.name.strip(), spec.description, spec.enabled
        queue.updated_at, queue.updated_by = self.clock(), by
        self.jobs.set_triggers(session, queue, spec.triggers, only_new=was_enabled and spec.enabled)
        self._set_steps(queue, spec.steps, wanted, by)

    def _set_steps(self, queue: Job, specs: Sequence[StepSpec], wanted: dict[str, Job], by: str | None) -> None:
        there = {step.job.uid: step for step in queue.steps}
        for uid in there.keys() - wanted.keys():
            members.leave(there[uid].job, self.clock(), by)
        for uid in wanted.keys() - there.keys():
            members.join(wanted[uid])
        queue.steps = [there.get(spec.job) or QueueStep(job=wanted[spec.job]) for spec in specs]
        for step, spec in zip(queue.steps, specs, strict=True):
            step.on_failure = spec.on_failure
        members.renumber(queue)

    def enable(self, uid: str, by: str | None) -> Job:
        return self._switch(uid, True, by)

    def disable(self, uid: str, by: str | None) -> Job:
        """Its trigger fires no more; a run that is going on goes on."""
        return self._switch(uid, False, by)

    def _switch(self, uid: str, enabled: bool, by: str | None) -> Job:
        with self.db.transaction() as session:
            queue = find(session, uid)
            if queue.enabled != enabled:
                queue.enabled, queue.updated_at, queue.updated_by = enabled, self.clock(), by
                queue.version += 1
                self.jobs.schedule(queue)
        self.changed()
        return queue

    def delete(self, uid: str, by: str | None, version: int | None = None) -> Job:
        """Take the queue away and cancel its run. Its jobs stay, switched off; so does its history.

        ``version`` as for ``update``.
        """
        with self.db.transaction() as session:
            queue = find(session, uid)
            refuse_other(queue, version)
            for step in queue.steps:
                members.leave(step.job, self.clock(), by)
            queue.steps = []
            self.jobs.remove(queue, by)
        self.runs.cancel_job(queue.id, by)
        self.changed()
        return queue

    def start(self, uid: str, by: str | None, *, first_step: int = 0, key: str | None = None) -> Run:
        """Run it now, from a step on (counted from 0), whatever its trigger says. ``key`` as for a job's run.

        Raises ``NotFoundError``, ``InvalidError``, ``ConflictError`` with the code ``already_running``.
        """
        queue = self.get(uid)
        if not 0 <= first_step < len(queue.steps):
            raise InvalidError.of("first_step", f"must be from 0 to {len(queue.steps) - 1}, but was {first_step}")
        parameters = {steps.FIRST_STEP: first_step} if first_step else None
        return self.runs.request(queue.uid, by, parameters=parameters, key=key)

    def get(self, uid: str) -> Job:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return find(session, uid)

    def get_by_id(self, queue_id: int) -> Job:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return _found(session.scalar(_present().where(Job.id == queue_id)), f"no queue with id {queue_id}")

    def named(self, name: str) -> Job:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return _found(session.scalar(_present().where(Job.name == name)), f"no queue named {name!r}")

    def list(self, *, text: str = "") -> Sequence[Job]:
        """Queues by name, ignoring case. ``text`` is looked for inside the name."""
        query = _present().order_by(func.lower(Job.name), Job.id)
        if text:
            query = query.where(func.lower(Job.name).contains(text.lower(), autoescape=True))
        with self.db.reading() as session:
            return session.scalars(query).all()

    def left_out(self, jobs: Sequence[Job]) -> dict[int, datetime]:
        """When jobs were last a step that did not start, by job id; without those that never were."""
        query = select(RunStep.job_id, func.max(RunStep.decided_at)).where(RunStep.not_started.is_not(None))
        query = query.where(RunStep.job_id.in_([job.id for job in jobs])).group_by(RunStep.job_id)
        with self.db.reading() as session:
            return {job_id: at for job_id, at in session.execute(query) if at}

    def steps_of(self, runs: Sequence[Run]) -> dict[int, Sequence[StepState]]:
        """How the steps of queues' runs stand, by run id; of a run that has not begun nothing."""
        with self.db.reading() as session:
            found = steps.states(session, [run.id for run in runs])
        return {run.id: [state for state in found if state.row.run_id == run.id] for run in runs}

    def step_runs(self, states: Sequence[StepState]) -> dict[int, Run]:
        """The runs of these steps, by id."""
        ids = [state.row.step_run_id for state in states if state.row.step_run_id]
        with self.db.reading() as session:
            return {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(ids)))}

    def part_of(self, run: Run) -> tuple[Run, RunStep] | None:
        """The run of a queue that a run is a step of, and which of them."""
        query = select(Run, RunStep).join(RunStep, RunStep.run_id == Run.id).where(RunStep.step_run_id == run.id)
        with self.db.reading() as session:
            found = session.execute(query).one_or_none()
        return (found[0], found[1]) if found else None


def find(session: Session, uid: str) -> Job:
    return _found(session.scalar(_present().where(Job.uid == uid)), f"no queue with uid {uid!r}")


def _found(queue: Job | None, message: str) -> Job:
    if queue is None:
        raise NotFoundError(message)
    return queue


def _present() -> Select[Job]:
    return present().where(Job.job_type == QUEUE).options(selectinload(Job.steps).joinedload(QueueStep.job))


def _name_problems(session: Session, name: str, queue: Job | None) -> list[FieldError]:
    name = name.strip()
    if not name:
        return [FieldError("name", "a name is required", "required")]
    if len(name) > MAX_NAME or "\x00" in name:
        return [FieldError("name", f"must have at most {MAX_NAME} characters", "too_long")]
    holder = session.scalar(present().where(Job.job_type == QUEUE, Job.name == name))
    if holder and (queue is None or holder.id != queue.id):
        return [FieldError("name", f"a queue named {name!r} already exists", "taken")]
    return []


def _step_problems(
    session: Session, specs: Sequence[StepSpec], found: dict[str, Job], queue: Job | None
) -> Iterator[FieldError]:
    if len([spec for spec in specs if spec.job in found]) < FEWEST_STEPS:
        yield FieldError("steps", "a queue must have at least two jobs", "too_few")
    if len(specs) > MOST_STEPS:
        yield FieldError("steps", f"a queue has at most {MOST_STEPS} jobs", "too_many")
    places = members.places(session, [job.id for job in found.values()])
    times = Counter(spec.job for spec in specs)
    for number, spec in enumerate(specs):
        field, job = f"steps.{number}.job", found.get(spec.job)
        place = places.get(job.id) if job else None
        if job is None or job.job_type == QUEUE:
            yield FieldError(field, f"no job with uid {spec.job!r}", "unknown")
        elif job.is_system:
            yield FieldError(field, f"job {job.name!r} is a system job and cannot be in a queue", "system")
        elif place and (queue is None or place.queue.id != queue.id):
            yield FieldError(field, f"job {job.name!r} is already used in queue {place.queue.name!r}", "in_queue")
        elif job.is_system:
            yield FieldError(field, f"job {job.name!r} is a system job: no queue can have it", "system")
        elif times[spec.job] > 1:
            yield FieldError(field, f"job {job.name!r} is in the queue more than once", "twice")
