"""What the rules of retention remove of runs, logs, progress trees and moments: how to count it, and page by page.

Counting and removing ask with the same conditions. A page looks at a bounded stretch of rows only, so that none takes
long, also where all of them stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.core.models import (
    HAS_ENDED,
    IS_OF_A_QUEUE,
    Fire,
    Job,
    JobRetention,
    LogEntry,
    ProgressTree,
    ResultFile,
    Run,
    RunStep,
    StartKey,
)
from app.core.statuses import FINAL, FireOutcome, Origin

PAGE = 500
SPAN = 20_000
"""Ids that one page looks at, at most."""
KEYS_LAST = timedelta(days=7)
"""A run that a client started under a key stays so long, whatever the rules say: the same request may come again."""
RUN_BYTES, MOMENT_BYTES, LINE_BYTES, TREE_BYTES = 700, 200, 60, 2000
"""About what a row takes with its part of the indexes, long texts left out; of a run its moment included."""

Cursor = Any
Page = tuple[Sequence[Any], Cursor]
"""Rows to remove, and where the next page begins; ``None`` after the last."""


@dataclass(frozen=True)
class Scope:
    """The rows of one job, or of all that have no rules of their own."""

    job_id: int | None = None

    def holds(self, job_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        return job_id.not_in(select(JobRetention.job_id)) if self.job_id is None else job_id == self.job_id


class Walk(Protocol):
    def doomed(self) -> Select[Any]:
        """All that goes, with the columns ``job_id``, ``at`` and ``bytes``."""

    def page(self, session: Session, cursor: Cursor) -> Page: ...


# Runs


def is_free(run: Any, now: datetime) -> list[ColumnElement[bool]]:
    """Nothing holds this run: it has ended, nobody is asked, no result is there, its job does not show it."""
    shown = exists().where(Job.id == run.job_id, Job.last_run_id == run.id, Job.deleted_at.is_(None))
    return [
        run.finished_at.is_not(None),
        run.asks.is_(False),
        ~exists().where(ResultFile.run_id == run.id),
        ~shown,
        or_(run.finished_at < now - KEYS_LAST, ~exists().where(StartKey.run_id == run.id)),
    ]


def is_no_step(run: Any) -> ColumnElement[bool]:
    """A step goes with the run of its queue."""
    of_queue = aliased(RunStep)  # where steps are asked for, the plain one belongs to the question
    return ~exists().where(of_queue.step_run_id == run.id)


@dataclass(frozen=True)
class RunWalk:
    """Runs that ended before ``ended_before``, or whose id is at most ``up_to``; none of which ended before ``since``.

    ``last`` is the highest id to look at.
    """

    scope: Scope
    now: datetime
    last: int
    ended_before: datetime | None = None
    up_to: int | None = None
    since: datetime | None = None
    log_since: datetime | None = None  # lines of runs that ended before are removed by the rule for logs

    def doomed(self) -> Select[Any]:
        step = aliased(Run)
        steps = (
            select(step.job_id, step.finished_at.label("at"), self._bytes(step))
            .join(RunStep, RunStep.step_run_id == step.id)
            .join(Run, Run.id == RunStep.run_id)
            .where(IS_OF_A_QUEUE, *self._within(), *self._conditions(), *is_free(step, self.now))
        )
        runs = select(Run.job_id, Run.finished_at.label("at"), self._bytes(Run))
        runs = runs.where(*self._within(), *self._conditions())
        both = union_all(runs, steps).subquery()
        return select(both.c.job_id, both.c.at, both.c.bytes)

    def _bytes(self, run: Any) -> ColumnElement[int]:
        lines = run.last_log * LINE_BYTES
        of_log = lines if self.log_since is None else case((run.finished_at >= self.log_since, lines), else_=0)
        return (literal(RUN_BYTES) + func.length(cast(run.parameters, Text)) + of_log).label("bytes")

    def _within(self) -> list[ColumnElement[bool]]:
        return [self.scope.holds(Run.job_id), Run.id <= self.last]

    def _conditions(self) -> list[ColumnElement[bool]]:
        conditions = [*is_free(Run, self.now), is_no_step(Run)]
        by_age = Run.finished_at < self.ended_before if self.ended_before else false()
        by_count = Run.id <= self.up_to if self.up_to is not None else false()
        conditions.append(or_(by_age, by_count))
        return conditions + ([Run.finished_at >= self.since] if self.since else [])

    def page(self, session: Session, cursor: Cursor) -> Page:
        columns: Any = select(Run.id, Run.job_type, Run.attempts).where(*self._conditions()).order_by(Run.id)
        if self.scope.job_id is None:
            return _span(session, columns.where(*self._within()), Run.id, cursor, self.last)
        ids = session.scalars(_ended_of(self.scope.job_id, cursor or 0, self.last)).all()
        rows = session.execute(columns.where(Run.id.in_(ids))).all() if ids else []
        return rows, ids[-1] if len(ids) == PAGE else None


def _span(session: Session, rows: Select[Any], key: InstrumentedAttribute[int], cursor: Cursor, last: int) -> Page:
    """The next page by ids, among the next ``SPAN`` of them."""
    after = cursor or 0
    end = min(last, after + SPAN)
    found = session.execute(rows.where(key > after, key <= end).limit(PAGE)).all()
    reached = found[-1].id if len(found) == PAGE else end
    return found, reached if reached < last else None


def _ended_of(job_id: int, after: int, last: int) -> Select[Any]:
    """The ids of a job's next runs: a stretch of one index for each status and origin, merged."""
    parts = [
        select(Run.id)
        .where(Run.job_id == job_id, Run.status == status, Run.origin == origin, HAS_ENDED)
        .where(Run.id > after, Run.id <= last)
        .order_by(Run.id)
        .limit(PAGE)
        .subquery()
        for status, origin in product(FINAL, Origin)
    ]
    merged = union_all(*(select(part.c.id) for part in parts)).subquery()
    return select(merged.c.id).order_by(merged.c.id).limit(PAGE)


def last_queued_before(session: Session, moment: datetime) -> int:
    """The id of the newest run that was queued before; 0 for none."""
    query = select(Run.id).where(Run.queued_at < moment).order_by(Run.queued_at.desc(), Run.id.desc())
    return session.scalar(query.limit(1)) or 0


def newest_beyond(session: Session, job_id: int, count: int) -> int | None:
    """The id of the newest run that is not among a job's ``count`` newest; ``None`` when there is none."""
    query = select(Run.id).where(Run.job_id == job_id, HAS_ENDED).order_by(Run.id.desc()).offset(count)
    return session.scalar(query.limit(1))


# Logs and progress trees


@dataclass(frozen=True)
class LogWalk:
    """Log lines of runs that ended before; a page gives ids of runs that have any."""

    scope: Scope
    last: int
    ended_before: datetime

    def doomed(self) -> Select[Any]:
        size = (func.length(LogEntry.message) + LINE_BYTES).label("bytes")
        query = select(Run.job_id, Run.finished_at.label("at"), size).join(Run, Run.id == LogEntry.run_id)
        return query.where(LogEntry.run_id <= self.last, *self._conditions())

    def _conditions(self) -> list[ColumnElement[bool]]:
        return [self.scope.holds(Run.job_id), Run.finished_at < self.ended_before, Run.asks.is_(False)]

    def page(self, session: Session, cursor: Cursor) -> Page:
        ids = [run_id for run_id in session.scalars(_with_lines(cursor or 0, self.last)) if run_id is not None]
        if not ids:
            return (), None
        rows = session.execute(select(Run.id).where(Run.id.in_(ids), *self._conditions()).order_by(Run.id)).all()
        return rows, ids[-1] if ids[-1] < self.last else None


def _with_lines(after: int, last: int) -> Select[Any]:
    """The next runs that have log lines: one look into the key of the lines for each."""
    least = func.min(LogEntry.run_id)
    first = select(least.label("run_id")).where(LogEntry.run_id > after, LogEntry.run_id <= last)
    found = first.cte("found", recursive=True)
    following = select(least).where(LogEntry.run_id > found.c.run_id, LogEntry.run_id <= last).scalar_subquery()
    found = found.union_all(select(following).where(found.c.run_id.is_not(None)).select_from(found))
    return select(found.c.run_id).limit(PAGE)


@dataclass(frozen=True)
class TreeWalk:
    """Progress trees of runs that ended before."""

    scope: Scope
    last: int
    ended_before: datetime

    def doomed(self) -> Select[Any]:
        # the limit is there to be reached by none: it makes SQLite go through the trees, and not through all runs
        trees = select(ProgressTree.run_id).where(ProgressTree.run_id <= self.last).limit(2**62).subquery()
        size = literal(TREE_BYTES).label("bytes")
        query: Any = select(Run.job_id, Run.finished_at.label("at"), size).join(trees, trees.c.run_id == Run.id)
        doomed: Select[Any] = query.where(*self._conditions())
        return doomed

    def _conditions(self) -> list[ColumnElement[bool]]:
        return [self.scope.holds(Run.job_id), Run.finished_at < self.ended_before, Run.asks.is_(False)]

    def page(self, session: Session, cursor: Cursor) -> Page:
        trees = select(ProgressTree.run_id).where(ProgressTree.run_id > (cursor or 0), ProgressTree.run_id <= self.last)
        ids = session.scalars(trees.order_by(ProgressTree.run_id).limit(PAGE)).all()
        rows = session.execute(select(Run.id).where(Run.id.in_(ids), *self._conditions()).order_by(Run.id)).all()
        return rows, ids[-1] if len(ids) == PAGE else None


# Moments without a run


@dataclass(frozen=True)
class MomentWalk:
    """Moments without a run that were decided before, or are of a job's time before ``due_before``."""

    scope: Scope
    last: int = 0
    decided_before: datetime | None = None
    due_before: datetime | None = None
    since: datetime | None = None

    def doomed(self) -> Select[Any]:
        size = (literal(MOMENT_BYTES) + func.coalesce(func.length(Fire.detail), 0)).label("bytes")
        reached = Fire.id <= self.last if self.scope.job_id is None else true()
        query: Any = select(Fire.job_id, Fire.scheduled_for.label("at"), size)
        doomed: Select[Any] = query.where(self.scope.holds(Fire.job_id), reached, *self._conditions())
        return doomed

    def _conditions(self) -> list[ColumnElement[bool]]:
        by_age = Fire.decided_at < self.decided_before if self.decided_before else false()
        by_count = Fire.scheduled_for < self.due_before if self.due_before else false()
        conditions = [
            Fire.outcome != FireOutcome.HELD,
            ~exists().where(Run.fire_id == Fire.id),
            or_(by_age, by_count),
        ]
        return conditions + ([Fire.decided_at >= self.since] if self.since else [])

    def page(self, session: Session, cursor: Cursor) -> Page:
        columns: Any = select(Fire.id, Fire.job_id).where(*self._conditions())
        if self.scope.job_id is None:
            rows = columns.where(self.scope.holds(Fire.job_id)).order_by(Fire.id)
            return _span(session, rows, Fire.id, cursor, self.last)
        bound = max(filter(None, (self.decided_before, self.due_before)))
        due = select(Fire.id, Fire.scheduled_for).where(Fire.job_id == self.scope.job_id, Fire.scheduled_for < bound)
        if cursor is not None:
            due = due.where(tuple_(Fire.scheduled_for, Fire.id) > tuple_(*cursor))
        looked = session.execute(due.order_by(Fire.scheduled_for, Fire.id).limit(PAGE)).all()
        rows = session.execute(columns.where(Fire.id.in_([row.id for row in looked]))).all()
        return rows, (looked[-1].scheduled_for, looked[-1].id) if len(looked) == PAGE else None


def last_decided_before(session: Session, moment: datetime) -> int:
    """The id of about the newest fire that was decided before, found by halving: no index is kept for it."""
    low, high = 0, session.scalar(select(func.max(Fire.id))) or 0
    while low < high:
        middle = (low + high + 1) // 2
        row = session.execute(
            select(Fire.id, Fire.decided_at).where(Fire.id >= middle).order_by(Fire.id).limit(1)
        ).one()
        if row.decided_at < moment:
            low = row.id
        else:
            high = middle - 1
    return low


def oldest_of_newest(session: Session, job_id: int, count: int) -> datetime | None:
    """When the oldest of a job's ``count`` newest moments was due; ``None`` when there are no more than these."""
    moments = select(Fire.scheduled_for).where(Fire.job_id == job_id).order_by(Fire.scheduled_for.desc())
    newest = session.scalars(moments.offset(count - 1).limit(2)).all()
    return newest[0] if len(newest) == 2 else None


def jobs_with_more_moments(session: Session, count: int) -> Sequence[int]:
    """Of all jobs without rules of their own; one that has more runs has more moments, too."""
    query = select(Fire.job_id).where(Scope().holds(Fire.job_id)).group_by(Fire.job_id)
    return session.scalars(query.having(func.count() > count).order_by(Fire.job_id)).all()
