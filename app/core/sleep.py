"""Asleep: nothing fires, no run starts and nothing is delivered until an administrator says so.

A restored database is of yesterday: what it believes to be due may have been done by the one that is lost. So it sleeps
first, shows what would follow, and somebody decides.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.orm import Session

from app.core import due, outages, recording
from app.core.db import Database
from app.core.decisions import Occupied
from app.core.fires import CHUNK, Project
from app.core.models import IS_QUEUED, QUEUE, Instance, Job, Outage, Run
from app.core.models.notices import PENDING_SQL, Delivery, Notice
from app.core.ports import Clock
from app.core.statuses import DeliveryStatus, FailureReason, FireOutcome, OutageKind

log = logging.getLogger(__name__)

WAS_GOING_ON = "it was going on when this copy or backup of the database was made; how it ended is not known"
MOST = 5_000
"""Triggers whose late moments are looked at to say what waking would do; the rest is only counted."""


@dataclass(frozen=True)
class Asleep:
    since: datetime
    why: str


@dataclass(frozen=True)
class Late:
    """What waking by the rules would do with the late moments of a job, and how many runs of it wait already."""

    uid: str
    name: str
    starts: int
    asks: int
    missed: int
    waiting: int


@dataclass(frozen=True)
class Plan:
    """What waking would do now: for each job, and of how many more triggers it was not worked out."""

    jobs: Sequence[Late]
    not_looked_at: int

    @property
    def starts(self) -> int:
        return sum(each.starts + each.waiting for each in self.jobs)


class Sleep:
    def __init__(self, db: Database, clock: Clock, project: Project, changed: Callable[[], None]) -> None:
        """``changed`` is called after waking."""
        self.db = db
        self.clock = clock
        self.project = project
        self.changed = changed
        self._may_sleep = True  # who is awake stays so until the next start

    def state(self) -> Asleep | None:
        with self.db.reading() as session:
            return state(session)

    def begin(self) -> None:
        """A server takes over: whoever had the database before may have left it asleep."""
        self._may_sleep = True

    def holds(self) -> bool:
        """Whether this server, which keeps the time, has to leave everything alone. Costs nothing while it is awake."""
        if self._may_sleep:
            self._may_sleep = self.state() is not None
        return self._may_sleep

    def plan(self) -> Plan:
        """Say what waking by the rules would do, were it now."""
        now = self.clock()
        with self.db.reading() as session:
            rows = due.overdue(session, now, MOST)
            counts = _judged(session, rows, now)
            waiting = _waiting(session)
            more = due.count_overdue(session, now) - len(rows)
            found = session.execute(select(Job.id, Job.uid, Job.name).where(Job.id.in_(counts.keys() | waiting.keys())))
            jobs = [_late(job.uid, job.name, counts[job.id], waiting.get(job.id, 0)) for job in found]
        return Plan(sorted(jobs, key=lambda each: each.name.lower()), more)

    def wake(self, by: str | None, *, skip: bool) -> bool:
        """Let everything go on. With ``skip`` what was missed meanwhile is left out: runs that wait, and messages, too.

        Without it misfire rules decide as after any stop. Gives whether it was asleep.
        """
        asleep = self.state()
        if asleep is None:
            return False
        now = self.clock()
        if skip:
            while self._skip_some(asleep, now):
                pass  # in small transactions: as long as it sleeps nobody else decides, and what is done stays done
        with self.db.transaction() as session:
            self._wake(session, now, by, skip)
        self._may_sleep = False
        log.warning(
            "woken by %s; what was missed meanwhile %s", by, "is left out" if skip else "is decided by the rules"
        )
        self.changed()
        return True

    def _skip_some(self, asleep: Asleep, now: datetime) -> bool:
        with self.db.transaction() as session:
            rows = due.lock(session, now, CHUNK)
            if not rows:
                return False
            dues = due.left_asleep(session, rows, now, f"{asleep.why}; asleep since {outages.said(asleep.since)}")
            due.write(session, dues, {row.job_id: Occupied() for row in rows}, now)
            due.advance(session, dues, now)
            self.project(session, [(each.trigger.id, each.next_fire_at) for each in dues])
        return True

    def _wake(self, session: Session, now: datetime, by: str | None, skip: bool) -> None:
        instance = session.get_one(Instance, 1, with_for_update=True)
        if instance.asleep_since is None:
            return  # somebody else was quicker
        if skip:
            recording.cancel_queued(session, Run.id > 0, now, by)
            _tell_nobody(session, now)
        session.add(Outage(kind=OutageKind.ASLEEP, began_at=instance.asleep_from or now, ended_at=now))
        instance.asleep_since = instance.asleep_from = instance.asleep_why = None
        instance.ticked_at = now


def _tell_nobody(session: Session, now: datetime) -> None:
    """Messages of the time before: the server that is lost has most likely sent them."""
    left_out = {"status": DeliveryStatus.GIVEN_UP, "ended_at": now, "error": "left out: a backup was restored"}
    session.execute(update(Delivery).where(text(PENDING_SQL)).values(left_out))
    session.execute(delete(Notice))


def state(session: Session) -> Asleep | None:
    found = session.execute(select(Instance.asleep_since, Instance.asleep_why)).first()
    return Asleep(found.asleep_since, found.asleep_why or "") if found and found.asleep_since else None


def fall_asleep(session: Session, decided_to: datetime, now: datetime, why: str) -> int:
    """Put a restored or copied database to sleep. ``decided_to`` is the moment it is of.

    Runs that were going on then are interrupted and not tried again. Gives how many.
    """
    lost = recording.lost(
        session, Run.job_type != QUEUE, decided_to, FailureReason.SERVER_LOST, WAS_GOING_ON, may_retry=False
    )
    instance = session.get_one(Instance, 1)
    instance.asleep_since, instance.asleep_from, instance.asleep_why = now, decided_to, why
    return lost


def _judged(session: Session, rows: Sequence[Row[Any]], now: datetime) -> dict[int, Counter[FireOutcome]]:
    """What the rules would make of these triggers' moments, by the job's id."""
    counts: dict[int, Counter[FireOutcome]] = defaultdict(Counter)
    for each in due.look(session, rows, now)[0] if rows else ():
        for decision in each.decisions:
            counts[each.trigger.job_id][decision.outcome] += decision.count
    return counts


def _waiting(session: Session) -> dict[int, int]:
    query = select(Run.job_id, func.count()).where(IS_QUEUED).group_by(Run.job_id)
    return {row.job_id: row[1] for row in session.execute(query)}


def _late(uid: str, name: str, counts: Counter[FireOutcome], waiting: int) -> Late:
    starts, asks = counts[FireOutcome.STARTED], counts[FireOutcome.HELD]
    return Late(uid, name, starts, asks, counts[FireOutcome.MISSED] + counts[FireOutcome.SKIPPED], waiting)
