"""Removing history in transactions of at most ``MOST_ROWS`` rows.

Each leaves everything whole: what hangs on a run goes before it or with it. A crash between two of them leaves rows
that the next walk finds again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.models import QUEUE, Attempt, Fire, LogEntry, ProgressTree, Run, RunStep, StartKey
from app.core.retention_kinds import LOG, MOMENT, RUN, TREE
from app.core.retention_plan import Plan
from app.core.retention_walks import LINE_BYTES, MOMENT_BYTES, RUN_BYTES, TREE_BYTES, Walk, is_free, is_no_step

MOST_ROWS = 500
TREES_AT_ONCE = 50
"""A tree may be 100 KB."""


@dataclass(frozen=True)
class Removed:
    """What one transaction removed, and about how many bytes."""

    kind: str
    count: int
    bytes: int = 0


def remove(db: Database, plan: Plan, now: datetime) -> Iterator[Removed]:
    """Walk all walks; each step of the iteration is one transaction, and none is open in between."""
    for kind, walk in plan.walks:
        for rows in _pages(db, walk):
            yield from _REMOVERS[kind](db, rows, now)
            if not rows:
                yield Removed(kind, 0)  # a page of rows that stay took its time, too


def _pages(db: Database, walk: Walk) -> Iterator[Sequence[Any]]:
    cursor = None
    while True:
        with db.reading() as session:
            rows, cursor = walk.page(session, cursor)
        yield rows
        if cursor is None:
            return


def _parts(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


# Logs and progress trees


def _remove_logs(db: Database, rows: Sequence[Any], now: datetime) -> Iterator[Removed]:
    return _remove_lines(db, [row.id for row in rows])


def _remove_lines(db: Database, run_ids: Sequence[int]) -> Iterator[Removed]:
    """All lines of runs that have ended: no more come."""
    lines = select(LogEntry.run_id, LogEntry.number, func.length(LogEntry.message).label("size"))
    lines = lines.where(LogEntry.run_id.in_(run_ids)).order_by(LogEntry.run_id, LogEntry.number).limit(MOST_ROWS)
    while run_ids:
        with db.transaction() as session:
            found = session.execute(lines).all()
            if found:
                _delete_lines(session, found)
        if found:
            yield Removed(LOG, len(found), sum(row.size + LINE_BYTES for row in found))
        if len(found) < MOST_ROWS:
            return


def _delete_lines(session: Session, lines: Sequence[Any]) -> None:
    """These are the first lines of their runs: all of every run but the last."""
    last = lines[-1]
    whole = {line.run_id for line in lines} - {last.run_id}
    session.execute(delete(LogEntry).where(LogEntry.run_id.in_(whole)))
    session.execute(delete(LogEntry).where(LogEntry.run_id == last.run_id, LogEntry.number <= last.number))


def _remove_trees(db: Database, rows: Sequence[Any], now: datetime) -> Iterator[Removed]:
    for ids in _parts([row.id for row in rows], TREES_AT_ONCE):
        with db.transaction() as session:
            count = session.connection().execute(delete(ProgressTree).where(ProgressTree.run_id.in_(ids))).rowcount
        yield Removed(TREE, count, count * TREE_BYTES)


# Runs


@dataclass(frozen=True)
class _Going:
    """A run to remove; ``rows`` is how many go with it at the most, ``is_step`` that its queue's run goes, too."""

    id: int
    rows: int
    is_step: bool = False


def _remove_runs(db: Database, rows: Sequence[Any], now: datetime) -> Iterator[Removed]:
    for part in _bounded(_with_steps(db, rows)):
        # One transaction each for what may be much, before the runs themselves.
        yield from (Removed(RUN, 0, each.bytes) for each in _remove_lines(db, _still_free(db, part, now)))
        with db.transaction() as session:
            count = _delete_runs(session, part, now)
        yield Removed(RUN, count, count * RUN_BYTES)


def _with_steps(db: Database, rows: Sequence[Any]) -> Iterator[_Going]:
    """The steps of a queue's run go before it."""
    for row in rows:
        undecided = 0
        if row.job_type == QUEUE:
            with db.reading() as session:
                steps = session.execute(_STEPS.where(RunStep.run_id == row.id)).all()
            yield from (_Going(step.id, _rows_of(step) + 1, is_step=True) for step in steps if step.id is not None)
            undecided = sum(step.id is None for step in steps)
        yield _Going(row.id, _rows_of(row) + undecided)


_STEPS = select(Run.id, Run.attempts).select_from(RunStep).outerjoin(Run, Run.id == RunStep.step_run_id)


def _rows_of(run: Any) -> int:
    """Itself, its moment, its key, its tree, its earlier attempts."""
    return 4 + max(0, int(run.attempts) - 1)


def _bounded(going: Iterator[_Going]) -> Iterator[Sequence[_Going]]:
    part: list[_Going] = []
    rows = 0
    for each in going:
        if part and rows + each.rows > MOST_ROWS:
            yield part
            part, rows = [], 0
        part.append(each)
        rows += each.rows
    if part:
        yield part


def _still_free(db: Database, part: Sequence[_Going], now: datetime) -> Sequence[int]:
    with db.reading() as session:
        return session.scalars(select(Run.id).where(Run.id.in_([each.id for each in part]), *is_free(Run, now))).all()


def _delete_runs(session: Session, part: Sequence[_Going], now: datetime) -> int:
    """Look again first: since the page was read somebody may have asked for one, or a later run of it began."""
    steps = [each.id for each in part if each.is_step]
    session.execute(delete(RunStep).where(RunStep.step_run_id.in_(steps)))
    wanted = Run.id.in_([each.id for each in part])
    free = select(Run.id, Run.fire_id).where(wanted, *is_free(Run, now), is_no_step(Run))
    rows = session.execute(free.with_for_update(skip_locked=True)).all()
    ids = [row.id for row in rows]
    for table in (RunStep, Attempt, StartKey, ProgressTree, LogEntry):
        session.execute(delete(table).where(table.run_id.in_(ids)))
    session.execute(delete(Run).where(Run.id.in_(ids)))
    session.execute(delete(Fire).where(Fire.id.in_([row.fire_id for row in rows])))
    return len(ids)


# Moments


def _remove_moments(db: Database, rows: Sequence[Any], now: datetime) -> Iterator[Removed]:
    for ids in _parts([row.id for row in rows], MOST_ROWS):
        without_run = ~select(Run.id).where(Run.fire_id == Fire.id).exists()
        with db.transaction() as session:
            gone = delete(Fire).where(Fire.id.in_(ids), without_run)
            count = session.connection().execute(gone).rowcount
        yield Removed(MOMENT, count, count * MOMENT_BYTES)


_REMOVERS = {LOG: _remove_logs, TREE: _remove_trees, RUN: _remove_runs, MOMENT: _remove_moments}
