"""Runs: asked for, claimed, reported on, cancelled, looked up."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, selectinload

from app.core import claiming, queueing, recording, steps
from app.core.claiming import Claimant, Claimed, Unsure
from app.core.db import Database
from app.core.errors import ConflictError, NotFoundError
from app.core.models import QUEUE, Fire, Job, LogEntry, Run
from app.core.ports import Clock, Ended, Report
from app.core.statuses import (
    ACTIVE,
    FINAL,
    FailureReason,
    FireOutcome,
    Origin,
    RunStatus,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFilter:
    """All given conditions must hold. ``created`` times are those of the run's record, inclusive."""

    job_id: int | None = None
    statuses: Sequence[RunStatus] = ()
    origin: Origin | None = None
    text: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


class Runs:
    def __init__(self, db: Database, clock: Clock, changed: Callable[[], None], claimant: Claimant) -> None:
        """``changed`` is called after a commit that queued, freed or cancelled something."""
        self.db = db
        self.clock = clock
        self.changed = changed
        self.claimant = claimant

    def request(
        self, uid: str, by: str | None, *, parameters: Mapping[str, Any] | None = None, arguments: str | None = None
    ) -> Run:
        """Run a job now, whatever its triggers say, also when it is disabled.

        ``parameters`` replace single values of the job's own (already coerced). Raises ``NotFoundError``,
        ``ConflictError`` with the code ``already_running``.
        """
        now = self.clock()
        with self.db.transaction() as session:
            job = session.scalar(select(Job).where(Job.uid == uid, Job.deleted_at.is_(None)).with_for_update())
            if job is None:
                raise NotFoundError(f"no job with uid {uid!r}")
            queueing.refuse_active(session, job)
            fire = Fire(job_id=job.id, scheduled_for=now, decided_at=now, outcome=FireOutcome.STARTED)
            session.add(fire)
            session.flush()
            run = queueing.queue_one(session, fire, now, Origin.MANUAL, by)
            run.parameters, run.arguments = {**job.parameters, **(parameters or {})}, arguments
            session.add(run)
        self.changed()
        return run

    def claim(
        self, limit: int, note: Callable[[Sequence[Claimed]], Sequence[Claimed]] = lambda claimed: claimed
    ) -> Sequence[Claimed]:
        """Take up to ``limit`` queued runs, oldest first. They are ``running``, durably, when this returns.

        ``note`` hears of them before the commit, which may fail and be durable all the same.
        """
        with self.db.transaction() as session:
            return note(self.claim_in(session, limit))

    def claim_in(self, session: Session, limit: int) -> Sequence[Claimed]:
        """The same within a transaction that is open already."""
        if limit <= 0:
            return ()
        now = self.clock()
        recording.settle(session, [recording.End(run, run.status, now) for run in steps.begin(session, now)])
        return claiming.claim(session, limit, now, self.claimant)

    def durable(self, unsure: Unsure) -> list[Claimed]:
        """Which claims were committed, though it did not look so."""
        with self.db.reading() as session:
            return unsure.durable(session)

    def record(self, reports: Sequence[Report]) -> list[Ended]:
        """Write many reports in one transaction. Gives the ends that are durable now."""
        with self.db.transaction() as session:
            recording.write(session, reports)
        ended = [report for report in reports if isinstance(report, Ended)]
        if ended:
            self.changed()
        return ended

    def cancel(self, run_id: int, by: str | None) -> Run:
        """Ask for the end of a run. A queued one is cancelled at once, a running one when it has really stopped.

        Raises ``NotFoundError``, ``ConflictError`` when it is over already.
        """
        with self.db.transaction() as session:
            steps.lock_active(session, run_id)
            run = session.get(Run, run_id, with_for_update=True)
            if run is None:
                raise NotFoundError(f"no run {run_id}")
            if run.status in FINAL:
                raise ConflictError(f"the run has already {_ended_words(run.status)}", code="not_running")
            self._cancel(session, run, by)
        self.changed()
        return run

    def _cancel(self, session: Session, run: Run, by: str | None) -> None:
        run.cancelled_by, run.cancelled_at = by, self.clock()
        if run.status is RunStatus.QUEUED:
            run.status, run.finished_at = RunStatus.CANCELLED, self.clock()
            recording.settle(session, [recording.End(run, run.status, run.finished_at)])
        else:
            run.status = RunStatus.CANCELLING
            for step in steps.active(session, run):
                self._cancel(session, step, by)

    def cancel_job(self, job_id: int, by: str | None) -> None:
        """Cancel what a job has queued or running."""
        self._cancel_all(by, Run.job_id == job_id, Run.status.in_(ACTIVE))

    def cancel_type(self, job_type: str, by: str | None) -> None:
        """Cancel what is running of a type; what is queued stays so."""
        self._cancel_all(by, Run.job_type == job_type, Run.status == RunStatus.RUNNING)

    def _cancel_all(self, by: str | None, *which: ColumnElement[bool]) -> None:
        with self.db.reading() as session:
            ids = session.scalars(select(Run.id).where(*which)).all()
        for run_id in ids:
            try:
                self.cancel(run_id, by)
            except ConflictError:
                log.debug("run %s ended before it could be cancelled", run_id)

    def any_queued(self) -> bool:
        """Look without taking the turn of a writer."""
        with self.db.reading() as session:
            return session.scalar(select(Run.id).where(Run.status == RunStatus.QUEUED).limit(1)) is not None

    def cancelling(self) -> Sequence[tuple[int, str]]:
        """The (run id, token) of every run that is to be cancelled and has not ended."""
        query = select(Run.id, Run.token).where(Run.status == RunStatus.CANCELLING, Run.job_type != QUEUE)
        with self.db.reading() as session:
            return [(run_id, token or "") for run_id, token in session.execute(query)]

    def reap(self) -> int:
        """End the runs that an earlier server start left behind: nothing of them is running any more."""
        with self.db.transaction() as session:
            lost = session.scalars(
                select(Run)
                .where(Run.status.in_(recording.GOING_ON), Run.boot != self.claimant.boot)
                .where(Run.job_type != QUEUE)  # goes on with its next step
            ).all()
            for run in lost:
                run.status, run.reason, run.finished_at = RunStatus.INTERRUPTED, FailureReason.SERVER_LOST, self.clock()
                run.error = "the server ended while this was running"
                recording.settle(session, [recording.End(run, run.status, self.clock())])
        return len(lost)

    def get(self, run_id: int) -> Run:
        """Raises ``NotFoundError``."""
        query = select(Run).where(Run.id == run_id).options(selectinload(Run.files))
        with self.db.reading() as session:
            run = session.scalar(query)
        if run is None:
            raise NotFoundError(f"no run {run_id}")
        return run

    def list(self, wanted: RunFilter, *, before: int | None = None, limit: int = 50) -> Sequence[Run]:
        """Newest first; ``before`` is the id of the last run of the page before (keyset paging)."""
        query = _filtered(select(Run), wanted).order_by(Run.id.desc()).limit(limit).options(selectinload(Run.files))
        if before is not None:
            query = query.where(Run.id < before)
        with self.db.reading() as session:
            return session.scalars(query).all()

    def log_lines(self, run_id: int, *, after: int = 0, limit: int = 500) -> Sequence[LogEntry]:
        """Log lines in order, those with a number above ``after``."""
        query = select(LogEntry).where(LogEntry.run_id == run_id, LogEntry.number > after)
        with self.db.reading() as session:
            return session.scalars(query.order_by(LogEntry.number).limit(limit)).all()

    def counts(self) -> dict[RunStatus, int]:
        """How many runs are queued, running and being cancelled."""
        query = select(Run.status, func.count()).where(Run.status.in_(ACTIVE)).group_by(Run.status)
        with self.db.reading() as session:
            return dict(session.execute(query).all())


def _filtered(query: Select[Any], wanted: RunFilter) -> Select[Any]:
    if wanted.job_id is not None:
        query = query.where(Run.job_id == wanted.job_id)
    if wanted.statuses:
        query = query.where(Run.status.in_(wanted.statuses))
    if wanted.origin is not None:
        query = query.where(Run.origin == wanted.origin)
    if wanted.text:
        query = query.where(func.lower(Run.job_name).contains(wanted.text.lower(), autoescape=True))
    if wanted.created_from is not None:
        query = query.where(Run.queued_at >= wanted.created_from)
    if wanted.created_to is not None:
        query = query.where(Run.queued_at <= wanted.created_to)
    return query


def _ended_words(status: RunStatus) -> str:
    return {"cancelled": "been cancelled", "interrupted": "been interrupted"}.get(status, status.value)
