"""Carillon's upkeep of itself: the work of the system job HOUSEKEEPING, done in the server's own process.

A task is a few small transactions and says how many things it saw to. Add new ones where ``Upkeep`` is built.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.job_types import JobContext, JobType, JobTypes
from app.core.models import Attempt, Fire, LogEntry, Run
from app.core.statuses import RunStatus

HOUSEKEEPING = "HOUSEKEEPING"


@dataclass(frozen=True)
class Task:
    done: str  # "expired logins were removed"
    run: Callable[[], int]


class Upkeep:
    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks

    def run(self, context: JobContext) -> None:
        counts = []
        for task in self.tasks:
            context.check_cancelled()
            counts.append((task.run(), task.done))
        told = [f"{count} {words}" for count, words in counts if count]
        context.log("; ".join(told) or "there was nothing to do")


@dataclass(frozen=True)
class OwnJobType(JobType):
    """A job type whose function is an object of this process: only an executor within it can run its jobs."""

    work: Callable[[JobContext], None] | None = None

    def load(self) -> Callable[[JobContext], None]:
        return self.work or super().load()


def own_types(types: JobTypes, upkeep: Upkeep) -> JobTypes:
    """The types whose runs stay in the server."""
    return JobTypes(
        OwnJobType(job_type.name, job_type.label, job_type.description, job_type.function, work=upkeep.run)
        for job_type in types
        if job_type.name == HOUSEKEEPING
    )


def is_usual(run: Any, status: RunStatus) -> bool:
    """Whether it is not worth a line in the server's log."""
    return run.job_type == HOUSEKEEPING and status is RunStatus.SUCCEEDED


def forget_earlier(session: Session, ended: Sequence[Any]) -> None:
    """Of housekeeping only the newest run is kept, and those that failed: it runs every few seconds.

    ``ended`` are rows of runs with ``id``, ``job_id`` and ``job_type``.
    """
    for run in ended:
        if run.job_type == HOUSEKEEPING:
            _forget_before(session, run)


def _forget_before(session: Session, newest: Any) -> None:
    earlier = select(Run.id, Run.fire_id).where(
        Run.job_id == newest.job_id, Run.id < newest.id, Run.status.in_((RunStatus.SUCCEEDED, RunStatus.CANCELLED))
    )
    rows = session.execute(earlier).all()
    run_ids, fire_ids = [row.id for row in rows], [row.fire_id for row in rows]
    if rows:
        for part in (LogEntry, Attempt):
            session.execute(delete(part).where(part.run_id.in_(run_ids)))
        session.execute(delete(Run).where(Run.id.in_(run_ids)))
        session.execute(delete(Fire).where(Fire.id.in_(fire_ids)))
