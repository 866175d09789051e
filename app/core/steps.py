"""A queue's run: its first step, the next one, its end.

It is a run of the queue itself that no worker takes. It begins when its first step is queued; each further step is
queued in the transaction that ends the one before. So it goes on after a crash where it was, and no step starts twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.models import IS_ACTIVE, IS_OF_A_QUEUE, QUEUE, Fire, Job, QueueStep, Run, RunStep
from app.core.queueing import queue_one
from app.core.statuses import (
    FailureReason,
    FireOutcome,
    NotStarted,
    OnFailure,
    Origin,
    RunStatus,
)

if TYPE_CHECKING:
    from app.core.recording import End

FIRST_STEP = "first_step"
"""In the parameters of a queue's run: the position of the step with which it begins."""
WORDS = {
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.INTERRUPTED: "was interrupted",
    NotStarted.DISABLED: "did not start: its job is switched off",
    NotStarted.DELETED: "did not start: its job was deleted",
}


@dataclass(frozen=True)
class StepState:
    """A step of a queue's run with the status of its own run; ``None`` as long as it has none."""

    row: RunStep
    status: RunStatus | None

    @property
    def is_decided(self) -> bool:
        return self.row.step_run_id is not None or self.row.not_started is not None

    @property
    def word(self) -> str:
        """How it stands, in one word: the status of its run, ``waiting`` or ``not_started``."""
        if self.row.not_started:
            return "not_started"
        return self.status.value if self.status else "waiting"

    @property
    def fault(self) -> RunStatus | NotStarted | None:
        """What went wrong with it; a step that an earlier one held up has no fault of its own."""
        if self.row.not_started in (NotStarted.DISABLED, NotStarted.DELETED):
            return self.row.not_started
        return self.status if self.status and self.status.is_final and self.status is not RunStatus.SUCCEEDED else None


def states(session: Session, run_ids: Iterable[int]) -> list[StepState]:
    """The steps of these runs of queues, in their order."""
    query = select(RunStep, Run.status).outerjoin(Run, Run.id == RunStep.step_run_id)
    query = query.where(RunStep.run_id.in_(list(run_ids))).order_by(RunStep.run_id, RunStep.position)
    return [StepState(row, status) for row, status in session.execute(query)]


_ANY_QUEUED = select(Run.id).where(Run.status == RunStatus.QUEUED, IS_OF_A_QUEUE).limit(1)


def begin(session: Session, now: datetime) -> list[Run]:
    """Begin the runs of queues that are queued. Gives those that are over at once, because no step could start."""
    if session.connection().scalar(_ANY_QUEUED) is None:
        return []
    query = select(Run).where(Run.status == RunStatus.QUEUED, IS_OF_A_QUEUE).order_by(Run.id)
    queued = session.scalars(query.with_for_update(skip_locked=True)).all()
    return [run for run in queued if _begin(session, run, now)]


def _begin(session: Session, run: Run, now: datetime) -> bool:
    run.status, run.started_at, run.heartbeat_at, run.attempts = RunStatus.RUNNING, now, now, 1
    steps = select(QueueStep, Job.name).join(Job, Job.id == QueueStep.job_id).where(QueueStep.queue_id == run.job_id)
    for step, name in session.execute(steps.order_by(QueueStep.position)):
        if step.position >= int(run.parameters.get(FIRST_STEP) or 0):
            session.add(
                RunStep(
                    run_id=run.id, position=step.position, job_id=step.job_id, job_name=name, on_failure=step.on_failure
                )
            )
    session.flush()
    return _go_on(session, run, now)


def advance(session: Session, ends: Sequence["End"]) -> list[Run]:
    """After the end of steps: queue the next ones. Gives the runs of queues that are over with that."""
    return [
        run
        for end in ends
        if end.run.origin is Origin.QUEUE
        for run in _queue_runs_of(session, end.run.id)
        if _go_on(session, run, end.at)
    ]


def _queue_runs_of(session: Session, step_run_id: int) -> Sequence[Run]:
    """The one run of a queue that this run is a step of, locked and read anew, unless it is over."""
    query = select(Run).join(RunStep, RunStep.run_id == Run.id).where(RunStep.step_run_id == step_run_id)
    query = query.where(IS_ACTIVE).with_for_update(of=Run)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _go_on(session: Session, run: Run, now: datetime) -> bool:
    """Queue the next step that may start, or end the run. Says whether the run is over."""
    before: list[StepState] = []
    for state in states(session, [run.id]):
        if not state.is_decided:
            job = session.get_one(Job, state.row.job_id)
            state.row.not_started, state.row.decided_at = _why_not(run, state.row, job, before), now
            if state.row.not_started is None:
                state.row.step_run_id = _start(session, run, job, now).id
                return False
        before.append(state)
    _end(run, before, now)
    return True


def _why_not(run: Run, step: RunStep, job: Job, before: Sequence[StepState]) -> NotStarted | None:
    if run.status is RunStatus.CANCELLING:
        return NotStarted.CANCELLED
    if has_stopped(before) and step.on_failure is not OnFailure.ALWAYS:
        return NotStarted.STOPPED
    if job.deleted_at is not None:
        return NotStarted.DELETED
    return None if job.enabled else NotStarted.DISABLED


def has_stopped(before: Iterable[StepState]) -> bool:
    return any(state.fault and state.row.on_failure is not OnFailure.CONTINUE for state in before)


def _start(session: Session, run: Run, job: Job, now: datetime) -> Run:
    fire = Fire(job_id=job.id, scheduled_for=now, decided_at=now, outcome=FireOutcome.STARTED)
    session.add(fire)
    return queue_one(session, fire, now, Origin.QUEUE, run.requested_by)


def _end(run: Run, steps: Sequence[StepState], now: datetime) -> None:
    """A queue's run has succeeded when all its steps have."""
    faults = [state for state in steps if state.fault]
    run.finished_at = run.heartbeat_at = now
    if run.status is RunStatus.CANCELLING:
        run.status = RunStatus.CANCELLED
    elif faults:
        run.status, run.reason, run.error = RunStatus.FAILED, FailureReason.STEP, _error(steps, faults)
    else:
        run.status = RunStatus.SUCCEEDED


def _error(steps: Sequence[StepState], faults: Sequence[StepState]) -> str:
    told = [f"step {state.row.position + 1}, {state.row.job_name!r}, {WORDS[state.fault]}" for state in faults]  # type: ignore[index]
    held_up = sum(state.row.not_started is NotStarted.STOPPED for state in steps)
    if held_up:
        told.append("1 later step did not start" if held_up == 1 else f"{held_up} later steps did not start")
    return "; ".join(told)


def active(session: Session, run: Run) -> Sequence[Run]:
    """The runs of a queue's run that are to be cancelled with it; of any other run none."""
    if run.job_type != QUEUE:
        return ()
    return lock_active(session, run.id)


def lock_active(session: Session, run_id: int) -> Sequence[Run]:
    """Lock the step that is going on. Who needs both locks this one first: the recorder has it when it looks up."""
    query = select(Run).join(RunStep, RunStep.step_run_id == Run.id)
    return session.scalars(query.where(RunStep.run_id == run_id, IS_ACTIVE).with_for_update(of=Run)).all()
