"""The rules of a site as walks over its tables, and what these would remove."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.models import QUEUE, Job, JobRetention
from app.core.retention_kinds import KINDS, LOG, MOMENT, RUN, TREE
from app.core.retention_rules import Rules
from app.core.retention_walks import (
    LogWalk,
    MomentWalk,
    RunWalk,
    Scope,
    TreeWalk,
    Walk,
    jobs_with_more_moments,
    last_decided_before,
    last_queued_before,
    newest_beyond,
    oldest_of_newest,
)

COUNTED = 100_000
"""Rows of one walk that are counted; above that, "more than"."""
TOP = 10


@dataclass(frozen=True)
class Plan:
    """All walks, by kind, in the order in which they are walked."""

    walks: Sequence[tuple[str, Walk]]


def plan(session: Session, rules: Rules, now: datetime) -> Plan:
    own = [(row.job_id, rules.of_job(row.rules)) for row in session.scalars(select(JobRetention))]
    scopes = [(Scope(), rules), *((Scope(job_id), of_job) for job_id, of_job in sorted(own, key=lambda each: each[0]))]
    walks = [walk for make in (_logs, _runs, _moments) for scope in scopes for walk in make(session, *scope, now)]
    return Plan([*walks, *_beyond_counts(session, rules, now)])


def plan_of_job(session: Session, job_id: int, rules: Rules, now: datetime) -> Plan:
    """As if these were the rules of this job, whichever it has."""
    scope = Scope(job_id)
    return Plan([walk for make in (_logs, _runs, _moments) for walk in make(session, scope, rules, now)])


Walks = Iterator[tuple[str, Walk]]


def _logs(session: Session, scope: Scope, rules: Rules, now: datetime) -> Walks:
    before = _ago(now, rules.log_days)
    if before is not None:
        last = last_queued_before(session, before)
        yield LOG, LogWalk(scope, last, before)
        yield TREE, TreeWalk(scope, last, before)


def _runs(session: Session, scope: Scope, rules: Rules, now: datetime) -> Walks:
    before, up_to = _ago(now, rules.run_days), None
    if scope.job_id is not None and rules.run_count is not None:
        up_to = newest_beyond(session, scope.job_id, rules.run_count)
    last = max(last_queued_before(session, before) if before else 0, up_to or 0)
    if last:
        yield RUN, RunWalk(scope, now, last, before, up_to, log_since=_ago(now, rules.log_days))


def _moments(session: Session, scope: Scope, rules: Rules, now: datetime) -> Walks:
    before, due_before = _ago(now, rules.moment_days), None
    if scope.job_id is not None and rules.moment_count is not None:
        due_before = oldest_of_newest(session, scope.job_id, rules.moment_count)
    if before or due_before:
        last = last_decided_before(session, before) if before and scope.job_id is None else 0
        yield MOMENT, MomentWalk(scope, last, before, due_before)


def _beyond_counts(session: Session, rules: Rules, now: datetime) -> Walks:
    """The jobs without rules of their own that have too much; what is too old of them is with all others."""
    for job_id in jobs_with_more_moments(session, rules.run_count) if rules.run_count is not None else ():
        up_to, log_since = newest_beyond(session, job_id, rules.run_count or 0), _ago(now, rules.log_days)
        if up_to is not None:
            since = _ago(now, rules.run_days)
            yield RUN, RunWalk(Scope(job_id), now, up_to, None, up_to, since=since, log_since=log_since)
    for job_id in jobs_with_more_moments(session, rules.moment_count) if rules.moment_count is not None else ():
        due_before = oldest_of_newest(session, job_id, rules.moment_count or 0)
        if due_before is not None:
            yield MOMENT, MomentWalk(Scope(job_id), due_before=due_before, since=_ago(now, rules.moment_days))


def _ago(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)


# What it would remove


@dataclass
class Freed:
    """So many things and about so many bytes of them, from the oldest to the newest. ``more``: at least so many."""

    kind: str
    count: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    more: bool = False

    def add(self, count: int, size: int, oldest: datetime, newest: datetime) -> None:
        self.count, self.bytes = self.count + count, self.bytes + size
        self.oldest = min(self.oldest or oldest, oldest)
        self.newest = max(self.newest or newest, newest)


@dataclass(frozen=True)
class FreedOfJob:
    """What is removed of one job, in rows and files of all kinds."""

    job_id: int
    uid: str
    name: str
    is_queue: bool
    is_deleted: bool
    count: int
    bytes: int


@dataclass(frozen=True)
class Preview:
    """What rules would remove now, and the jobs of which they remove most."""

    kinds: Sequence[Freed]
    jobs: Sequence[FreedOfJob]

    @property
    def is_nothing(self) -> bool:
        return not any(freed.count for freed in self.kinds)

    def of(self, kind: str) -> Freed:
        return next(freed for freed in self.kinds if freed.kind == kind)


@dataclass
class Sum:
    """Adds up, by kind and by job."""

    kinds: dict[str, Freed] = field(default_factory=lambda: {kind: Freed(kind) for kind in KINDS})
    jobs: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def add(self, kind: str, job_id: int, count: int, size: int, oldest: datetime, newest: datetime) -> None:
        self.kinds[kind].add(count, size, oldest, newest)
        of_job = self.jobs[job_id]
        of_job[0], of_job[1] = of_job[0] + count, of_job[1] + size

    def preview(self, session: Session) -> Preview:
        top = sorted(self.jobs, key=lambda job_id: (-self.jobs[job_id][1], job_id))[:TOP]
        found = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(top)))}
        jobs = [_of_job(found[job_id], *self.jobs[job_id]) for job_id in top]
        return Preview(list(self.kinds.values()), jobs)


def _of_job(job: Job, rows: int, size: int) -> FreedOfJob:
    return FreedOfJob(job.id, job.uid, job.name, job.job_type == QUEUE, job.deleted_at is not None, rows, size)


def count(session: Session, walks: Plan, into: Sum) -> None:
    for kind, walk in walks.walks:
        some = walk.doomed().limit(COUNTED).subquery()
        size = func.sum(some.c.bytes)
        columns = (some.c.job_id, func.count(), size, func.min(some.c.at), func.max(some.c.at))
        number = 0
        for job_id, rows, size_of, oldest, newest in session.execute(select(*columns).group_by(some.c.job_id)):
            into.add(kind, job_id, rows, int(size_of), oldest, newest)
            number += rows
        into.kinds[kind].more |= number >= COUNTED
