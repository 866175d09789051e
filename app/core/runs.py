"""Runs: asked for, claimed, reported on, cancelled, looked up."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session, selectinload

from app.core import admission, claiming, queueing, recording, run_filter, start_keys, steps, waiting
from app.core.claiming import Claimant, Claimed, Unsure
from app.core.clock_watch import TOLERANCE
from app.core.db import Database
from app.core.errors import ConflictError, NotFoundError
from app.core.models import IS_ACTIVE, IS_GOING_ON, IS_QUEUED, QUEUE, Attempt, Fire, Job, LogEntry, Run, StartKey
from app.core.ports import Clock, Ended, Report
from app.core.run_filter import RunFilter as RunFilter
from app.core.statuses import (
    FINAL,
    FailureReason,
    FireOutcome,
    Origin,
    RunStatus,
)

log = logging.getLogger(__name__)


SILENT = timedelta(minutes=1)
"""A run of which something was heard within this time is alive."""


class Runs:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        changed: Callable[[], None],
        claimant: Claimant,
        one_at_a_time: Iterable[str] = (),
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """``changed`` is called after a commit that queued or cancelled something, ``ended`` after reports of ends.

        ``one_at_a_time`` are the job types of which one run may go on at a time.
        """
        self.db = db
        self.clock = clock
        self.changed = changed
        self.claimant = claimant
        self.one_at_a_time = frozenset(one_at_a_time)
        self.ended = ended

    def request(
        self,
        uid: str,
        by: str | None,
        *,
        parameters: Mapping[str, Any] | None = None,
        arguments: str | None = None,
        key: str | None = None,
    ) -> Run:
        """Run a job now, whatever its triggers say, also when it is disabled.

        ``parameters`` replace single values of the job's own (already coerced). The same ``key`` gives the same run
        again, however often it is asked for. Raises ``NotFoundError``, ``InvalidError`` for a key that was used for
        something else, ``ConflictError`` with the code ``already_running`` or ``queue_full``.
        """
        now = self.clock()
        with self.db.transaction() as session:
            job = session.scalar(select(Job).where(Job.uid == uid, Job.deleted_at.is_(None)).with_for_update())
            if job is None:
                raise NotFoundError(f"no job with uid {uid!r}")
            earlier = start_keys.find(session, job.id, key, parameters) if key else None
            if earlier:
                return earlier
            admission.admit(session, job, now)
            run = self._queue_by_hand(session, job, now, by)
            run.parameters, run.arguments = {**job.parameters, **(parameters or {})}, arguments
            if key:
                start_keys.keep(session, run, key, parameters)
        self.changed()
        return run

    def _queue_by_hand(self, session: Session, job: Job, scheduled_for: datetime, by: str | None) -> Run:
        now = self.clock()
        fire = Fire(job_id=job.id, scheduled_for=scheduled_for, decided_at=now, outcome=FireOutcome.STARTED)
        session.add(fire)
        return queueing.queue_one(session, fire, now, Origin.MANUAL, by)

    def decide(self, run_id: int, again: bool, by: str | None) -> Run:
        """Answer an interrupted run that asks: run it once more for the same moment, or leave it as it is.

        Gives the new run, or the old one. Raises ``NotFoundError``, ``ConflictError`` when it does not ask.
        """
        with self.db.transaction() as session:
            run = session.get(Run, run_id, with_for_update=True)
            if run is None:
                raise NotFoundError(f"no run {run_id}")
            if not run.asks:
                raise ConflictError("this run does not wait for an answer", code="not_asking")
            run.asks = False
            if again:
                job = session.get_one(Job, run.job_id, with_for_update=True)
                if job.deleted_at is not None:
                    raise ConflictError("its job has been deleted", code="job_deleted")
                admission.admit(session, job, self.clock())
                new = self._queue_by_hand(session, job, run.scheduled_for, by)
                new.parameters, new.arguments = run.parameters, run.arguments
                run = new
        self.changed()
        return run

    def started_with(self, job_id: int, key: str) -> bool:
        """Whether a run was started with this key."""
        with self.db.reading() as session:
            return session.get(StartKey, (job_id, key)) is not None

    def claim(
        self, limit: int, note: Callable[[Sequence[Claimed]], Sequence[Claimed]] = lambda claimed: claimed
    ) -> Sequence[Claimed]:
        """Take up to ``limit`` queued runs that may begin. They are ``running``, durably, when this returns.

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
        return claiming.claim(session, limit, now, self.claimant, self.one_at_a_time)

    def durable(self, unsure: Unsure) -> list[Claimed]:
        """Which claims were committed, though it did not look so."""
        with self.db.reading() as session:
            return unsure.durable(session)

    def record(self, reports: Sequence[Report]) -> list[Ended]:
        """Write many reports in one transaction. Gives the ends that are durable now."""
        now = self.clock()
        with self.db.transaction() as session:
            recording.write(session, [_not_ahead(report, now) for report in reports])
        ended = [report for report in reports if isinstance(report, Ended)]
        if ended:
            self.ended()
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
            session.refresh(run)
        self.changed()
        return run

    def _cancel(self, session: Session, run: Run, by: str | None) -> None:
        if run.status is RunStatus.QUEUED:
            recording.cancel_queued(session, Run.id == run.id, self.clock(), by)
            return
        run.status, run.cancelled_by, run.cancelled_at = RunStatus.CANCELLING, by, self.clock()
        session.flush()
        for step in steps.active(session, run):
            self._cancel(session, step, by)

    def cancel_job(self, job_id: int, by: str | None) -> None:
        """Cancel what a job has queued or running."""
        self._cancel_all(by, Run.job_id == job_id, IS_ACTIVE)

    def cancel_type(self, job_type: str, by: str | None) -> None:
        """Cancel what is running of a type; what is queued stays so."""
        self._cancel_all(by, Run.job_type == job_type, IS_GOING_ON, Run.status == RunStatus.RUNNING)

    def _cancel_all(self, by: str | None, *which: ColumnElement[bool]) -> None:
        with self.db.reading() as session:
            ids = session.scalars(select(Run.id).where(*which)).all()
        for run_id in ids:
            try:
                self.cancel(run_id, by)
            except ConflictError:
                log.debug("run %s ended before it could be cancelled", run_id, extra={"run_id": run_id})

    def revert(self, job_id: int, by: str | None) -> tuple[int, str]:
        """Interrupt a job's run of which nothing was heard for a minute. Gives its id and its token.

        Raises ``ConflictError`` when none is going on, or when it is still heard of.
        """
        now = self.clock()
        with self.db.transaction() as session:
            going_on = select(Run).where(Run.job_id == job_id, IS_GOING_ON).order_by(Run.id)
            run = session.scalars(going_on.with_for_update()).first()
            if run is None:
                raise ConflictError("Job is not running", code="not_running")
            heard_at, token = run.heartbeat_at or run.queued_at, run.token or ""
            if heard_at > now - SILENT:
                raise ConflictError("Failed to transition job from RUNNING state", code="alive")
            error = f"nothing was heard of it since {heard_at:%Y-%m-%d %H:%M:%S} UTC; {by} gave it up"
            recording.lost(session, Run.id == run.id, now, FailureReason.WORKER_LOST, error)
        self.changed()
        return run.id, token

    def expire(self) -> int:
        """End the runs that have waited longer than their jobs allow. Gives their number."""
        with self.db.reading() as session:
            if session.scalar(_ANY_WITH_DEADLINE) is None:
                return 0
        with self.db.transaction() as session:
            return recording.expire(session, self.clock())

    def next_begin(self) -> datetime | None:
        """When the first queued run may begin, as far as time is concerned; ``None`` when nothing is queued.

        A look without taking the turn of a writer.
        """
        with self.db.reading() as session:
            return session.scalar(_NEXT_BEGIN)

    def cancelling(self) -> Sequence[tuple[int, str]]:
        """The (run id, token) of every run that is to be cancelled and has not ended."""
        with self.db.reading() as session:
            return [(run_id, token or "") for run_id, token in session.execute(_CANCELLING)]

    def reap(self) -> int:
        """End the runs that an earlier server start left behind: nothing of them is running any more."""
        with self.db.transaction() as session:
            earlier = (Run.boot != self.claimant.boot) & (Run.job_type != QUEUE)  # a queue goes on with its next step
            return recording.lost(session, earlier, self.clock(), FailureReason.SERVER_LOST, SERVER_LOST)

    def forsaken(self) -> Sequence[tuple[int, str]]:
        """The (run id, token) of runs of this server start whose lease is over: nobody has answered for them."""
        query = select(Run.id, Run.token).where(IS_GOING_ON, Run.lease_until < self.clock())
        query = query.where(Run.job_type != QUEUE)
        with self.db.reading() as session:
            return [(run_id, token or "") for run_id, token in session.execute(query)]

    def give_up(self, run_id: int, token: str) -> None:
        """Interrupt an attempt of which its executor knows nothing."""
        with self.db.transaction() as session:
            attempt = (Run.id == run_id) & (Run.token == token)
            recording.lost(session, attempt, self.clock(), FailureReason.WORKER_LOST, WORKER_LOST)
        self.changed()

    def waits_for(self, run: Run) -> str:
        """Say in words what a queued run waits for."""
        if run.begin_after is not None and run.begin_after > self.clock():
            return f"attempt {run.attempts + 1} begins at {run.begin_after:%Y-%m-%d %H:%M:%S} UTC"
        with self.db.reading() as session:
            missing = waiting.missing(session, run.id, self.one_at_a_time)
        return missing or "it begins as soon as a worker is free"

    def attempts(self, run_id: int) -> Sequence[Attempt]:
        """The attempts of a run that ended and were followed by another one, in order."""
        with self.db.reading() as session:
            return session.scalars(select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.number)).all()

    def get(self, run_id: int) -> Run:
        """Raises ``NotFoundError``."""
        query = select(Run).where(Run.id == run_id).options(selectinload(Run.files))
        with self.db.reading() as session:
            run = session.scalar(query)
            if run is None:
                was_there = run_id < (session.scalar(select(func.max(Run.id))) or 0)
                raise NotFoundError(f"run {run_id} is not kept any more" if was_there else f"no run {run_id}")
        return run

    def list(self, wanted: RunFilter, *, before: int | None = None, limit: int = 50) -> Sequence[Run]:
        """Newest first; ``before`` is the id of the last run of the page before (keyset paging)."""
        with self.db.reading() as session:
            ids = run_filter.newest(session, wanted, before, limit)
            query = select(Run).where(Run.id.in_(ids)).order_by(Run.id.desc()).options(selectinload(Run.files))
            return session.scalars(query).all()

    def count(self, wanted: RunFilter) -> int:
        """How many there are, up to ``run_filter.COUNTED``; one more stands for all above."""
        with self.db.reading() as session:
            return run_filter.count(session, wanted)

    def log_lines(self, run_id: int, *, after: int = 0, limit: int = 500) -> Sequence[LogEntry]:
        """Log lines in order, those with a number above ``after``."""
        query = select(LogEntry).where(LogEntry.run_id == run_id, LogEntry.number > after)
        with self.db.reading() as session:
            return session.scalars(query.order_by(LogEntry.number).limit(limit)).all()

    def log_start(self, run_id: int, before: int, limit: int = 500) -> int:
        """After which number the ``limit`` lines begin that come before a number and are there; 0 for the beginning."""
        query = select(LogEntry.number).where(LogEntry.run_id == run_id, LogEntry.number <= before)
        with self.db.reading() as session:
            first = session.scalar(query.order_by(LogEntry.number.desc()).offset(limit).limit(1))
        return first or 0

    def counts(self) -> dict[RunStatus, int]:
        """How many runs are queued, running and being cancelled."""
        query = select(Run.status, func.count()).where(IS_ACTIVE).group_by(Run.status)
        with self.db.reading() as session:
            return dict(session.execute(query).all())


_ANY_WITH_DEADLINE = select(Run.id).where(IS_QUEUED, Run.start_deadline_seconds.is_not(None)).limit(1)
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # when it was queued may lie ahead: clocks are put back
_NEXT_BEGIN = select(func.min(func.coalesce(Run.begin_after, literal(AT_ONCE, Run.begin_after.type)))).where(IS_QUEUED)
_CANCELLING = select(Run.id, Run.token).where(IS_GOING_ON, Run.status == RunStatus.CANCELLING, Run.job_type != QUEUE)
SERVER_LOST = "the server ended while this was running"
WORKER_LOST = "nobody has answered for this run for a minute"


def _not_ahead(report: Report, now: datetime) -> Report:
    """An end that was told before the clock was put back lies ahead: retries and delays would count from there."""
    return replace(report, at=now) if isinstance(report, Ended) and report.at - now > TOLERANCE else report


def _ended_words(status: RunStatus) -> str:
    return {"cancelled": "been cancelled", "interrupted": "been interrupted"}.get(status, status.value)
