"""The ledger of a job: what became of each expected moment, and why it did or did not run at one."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import admission, jobs, members, retention_rules
from app.core.calendars import pure
from app.core.day_ledger import outcomes_by_hour
from app.core.db import Database
from app.core.errors import ConflictError, NotFoundError
from app.core.models import Calendar, Fire, Job, Run
from app.core.ports import Clock
from app.core.queueing import queue_one
from app.core.statuses import FireOutcome, FireReason, Origin, RunStatus
from app.core.triggers import calculator
from app.schedule.simulate import simulate

NEAR = timedelta(minutes=1)
"""A question names a minute: what lies within it is meant."""


@dataclass(frozen=True)
class LedgerRow:
    """A fire and, where one started, the status of its run."""

    fire: Fire
    run_id: int | None
    run_status: RunStatus | None


@dataclass(frozen=True)
class Why:
    """The answer to "why did it (not) run then?" in one sentence, with what it is drawn from."""

    at: datetime
    answer: str
    row: LedgerRow | None
    before: datetime | None  # the nearest moments of the ledger on both sides, where ``at`` itself has none
    after: datetime | None


class Ledger:
    def __init__(self, db: Database, clock: Clock, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit that queued a run."""
        self.db = db
        self.clock = clock
        self.changed = changed

    def by_hour(self, edges: Sequence[datetime]) -> Sequence[Counter[FireOutcome]]:
        """Count what became of all jobs' moments between these times; see ``outcomes_by_hour``."""
        with self.db.reading() as session:
            return outcomes_by_hour(session, edges)

    def page(
        self,
        uid: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[LedgerRow]:
        """Newest first, bounds included; ``before`` is the id of the last fire of the page before.

        Raises ``NotFoundError``.
        """
        with self.db.reading() as session:
            query = select(Fire, Run.id, Run.status).outerjoin(Run, Run.fire_id == Fire.id)
            query = query.where(Fire.job_id == jobs.find_any(session, uid).id).order_by(Fire.id.desc()).limit(limit)
            if start is not None:
                query = query.where(func.coalesce(Fire.range_to, Fire.scheduled_for) >= start)
            if end is not None:
                query = query.where(Fire.scheduled_for <= end)
            if before is not None:
                query = query.where(Fire.id < before)
            return [LedgerRow(fire, run_id, status) for fire, run_id, status in session.execute(query)]

    def owner(self, uid: str) -> Job:
        """The job or queue that the moments are of. Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return jobs.find_any(session, uid)

    def why(self, uid: str, at: datetime) -> Why:
        """Say why a job did or did not run at a moment (aware; its minute counts). Raises ``NotFoundError``."""
        at = at.replace(second=0, microsecond=0)
        with self.db.reading() as session:
            job = jobs.find_any(session, uid)
            row = _nearest(session, job, at)
            if row is not None:
                return Why(at, _row_words(row), row, None, None)
            before, after = _around(session, job, at)
            return Why(at, self._absence_words(session, job, at), None, before, after)

    def _absence_words(self, session: Session, job: Job, at: datetime) -> str:
        if at < job.created_at - NEAR:
            return f"the job did not exist yet: it was made on {_said(job.created_at)}"
        gone = self._gone_words(session, job, at)
        if gone is not None:
            return gone
        expected = _expected(session, job, at)
        if at > self.clock():
            if expected and job.triggers_suspended:
                return members.why_suspended(session, job)
            return "it is due then" if expected else "no trigger of the job is due then"
        if not expected:
            return "no trigger of the job, as it is now, was due then"
        if job.triggers_suspended:
            return members.why_suspended(session, job)
        if not job.enabled:
            return f"the job is switched off, since {_said(job.updated_at)} or later"
        return f"the job, as it is now, would have been due; it was changed on {_said(job.updated_at)}"

    def _gone_words(self, session: Session, job: Job, at: datetime) -> str | None:
        """Why nothing is known of a time that long ago; ``None`` when something would be."""
        rules = retention_rules.of_job(session, job.id)
        kept = [(rules.run_days, "runs"), (rules.moment_days, "moments without a run")]
        gone = [(days, of) for days, of in kept if days is not None and at < self.clock() - timedelta(days=days)]
        if gone:
            return "nothing is known of it any more: " + " and ".join(
                f"{of} are kept for {days} days" for days, of in gone
            )
        counts = [count for count in (rules.run_count, rules.moment_count) if count is not None]
        if counts and at < (_newest_but(session, job, min(counts) - 1) or at):
            return f"nothing is known of it any more: of the job the newest {min(counts):,} moments are kept"
        return None

    def decide(self, fire_id: int, start: bool, by: str | None) -> Fire:
        """Answer a fire that waits: start it late, or leave it out.

        Raises ``NotFoundError``, ``ConflictError`` when it does not wait, or when the job is running or deleted.
        """
        now = self.clock()
        with self.db.transaction() as session:
            fire = session.get(Fire, fire_id, with_for_update=True)
            if fire is None:
                raise NotFoundError(f"no fire {fire_id}")
            if fire.outcome is FireOutcome.HELD and fire.reason is FireReason.CLOCK_BACK:
                raise ConflictError("this fire waits for the clock, not for an answer", code="not_held")
            if fire.outcome is not FireOutcome.HELD:
                raise ConflictError(f"this fire does not wait for an answer: it was {fire.outcome}", code="not_held")
            fire.decided_at = now
            if start:
                fire.outcome, fire.reason = FireOutcome.STARTED, None
                job = session.get_one(Job, fire.job_id, with_for_update=True)
                if job.deleted_at is not None:
                    raise ConflictError("its job has been deleted", code="job_deleted")
                admission.admit(session, job, now)
                queue_one(session, fire, now, Origin.TRIGGER, by)
            else:
                fire.outcome, fire.reason = FireOutcome.MISSED, FireReason.DECLINED
        self.changed()
        return fire


def _nearest(session: Session, job: Job, at: datetime) -> LedgerRow | None:
    """The fire of that minute; among several the one that started, else the newest."""
    query = (
        select(Fire, Run.id, Run.status)
        .outerjoin(Run, Run.fire_id == Fire.id)
        .where(Fire.job_id == job.id, Fire.scheduled_for < at + NEAR)
        .where(func.coalesce(Fire.range_to, Fire.scheduled_for) >= at)
        .order_by((Fire.outcome == FireOutcome.STARTED).desc(), Fire.id.desc())
        .limit(1)
    )
    found = session.execute(query).first()
    return LedgerRow(*found) if found else None


def _around(session: Session, job: Job, at: datetime) -> tuple[datetime | None, datetime | None]:
    moments = select(func.max(Fire.scheduled_for)).where(Fire.job_id == job.id, Fire.scheduled_for < at)
    later = select(func.min(Fire.scheduled_for)).where(Fire.job_id == job.id, Fire.scheduled_for > at)
    return session.scalar(moments), session.scalar(later)


def _newest_but(session: Session, job: Job, skipped: int) -> datetime | None:
    moments = select(Fire.scheduled_for).where(Fire.job_id == job.id).order_by(Fire.scheduled_for.desc())
    return session.scalar(moments.offset(skipped).limit(1))


def _expected(session: Session, job: Job, at: datetime) -> bool:
    triggers = {row.id: calculator(row, job.uid) for row in job.triggers}
    fires = simulate(triggers, {}, at, at + NEAR - timedelta(microseconds=1), 1000)
    closed = {
        row.id: pure(session, session.get_one(Calendar, row.calendar_id)) for row in job.triggers if row.calendar_id
    }
    return any(fire.trigger not in closed or not closed[fire.trigger].excludes(fire.instant) for fire in fires)


SENTENCES = {
    FireReason.OVERLAP: "skipped: the run before was still going on",
    FireReason.QUEUE_FULL: "skipped: as many runs of the job were waiting already as may",
    FireReason.DST_GAP: "skipped: the clocks were put forward over this time",
    FireReason.DISABLED: "skipped: the job was switched off before it could be decided",
    FireReason.EDITED: "skipped: the trigger was changed before it could be decided",
    FireReason.DELETED: "skipped: the job was deleted before it could be decided",
    FireReason.PAUSED: "missed: it was paused, and the trigger leaves out what is late",
    FireReason.DRAIN: "missed: the server was drained, and the trigger leaves out what is late",
    FireReason.DOWNTIME: "missed: no server kept the time, and the trigger leaves out what is late",
    FireReason.CLOCK_JUMP: "missed: the clock was put forward, and the trigger leaves out what is late",
    FireReason.ASLEEP: "missed: a backup was restored, and nothing was decided until somebody woke Carillon",
    FireReason.CATCH_UP_CAP: "missed: more moments were late than the trigger makes up for",
    FireReason.CALENDAR: "skipped: an exclusion calendar takes this time out",
    FireReason.COALESCED: "missed: it was noticed too late, and a later fire stood for it",
    FireReason.LATE: "missed: it was noticed too late, and the trigger leaves out what is late",
    FireReason.CLOCK_BACK: "held: the clock was put back, and this waits until it has passed what is decided",
    FireReason.ASK: "held: it was noticed too late and waits for somebody's answer",
    FireReason.DECLINED: "missed: it was noticed too late, and somebody decided against a late run",
    FireReason.UNREADABLE: "missed: the trigger cannot be read",
}


def _row_words(row: LedgerRow) -> str:
    fire = row.fire
    if fire.outcome is FireOutcome.STARTED:
        late = (fire.decided_at - fire.scheduled_for).total_seconds()
        words = f"started as run {row.run_id}" + (f", {late:.0f} s late" if late >= 1 else "")
        return f"{words}; the run is {row.run_status}" if row.run_status else words
    words = SENTENCES[fire.reason] if fire.reason else str(fire.outcome)
    if fire.detail:
        words += f" ({fire.detail})"
    if fire.blocking_run_id:
        words += f" (run {fire.blocking_run_id})"
    return f"{words} (one of {fire.count} in a row)" if fire.count > 1 else words


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
