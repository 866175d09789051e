"""Writes down what executors report: many reports in a handful of statements.

A run is finished once: only an attempt that is still running, named by its token, takes a report. What an older attempt
says late changes nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.core import steps
from app.core.models import Job, LogEntry, ProgressTree, ResultFile, Run, Trigger
from app.core.ports import Alive, Ended, Logged, LogLine, MadeFile, Progressed, Report, Started
from app.core.progress_views import in_short, tree_of
from app.core.statuses import RunStatus, TriggerKind

log = logging.getLogger(__name__)

GOING_ON = (RunStatus.RUNNING, RunStatus.CANCELLING)
FAILED_PAUSE = timedelta(seconds=10)
"""Continuous execution waits this long after a failure: a job that cannot work must not spin."""

R = TypeVar("R", Started, Progressed, Logged, Ended)


def write(session: Session, reports: Sequence[Report]) -> None:
    """Write down a batch. Within it the reports of one run keep their order: start, log and progress, end."""
    runs = _going_on(session, reports)
    _start(session, _valid(runs, reports, Started))
    _append_log(session, runs, _valid(runs, reports, Logged))
    _progress(session, _valid(runs, reports, Progressed))
    _beat(session, [report for report in reports if isinstance(report, Alive)])
    _end(session, runs, _valid(runs, reports, Ended))


def _going_on(session: Session, reports: Sequence[Report]) -> dict[int, Run]:
    ids = {report.run_id for report in reports if not isinstance(report, Alive)}
    query = select(Run).where(Run.id.in_(ids), Run.status.in_(GOING_ON)).order_by(Run.id).with_for_update()
    return {run.id: run for run in session.scalars(query)} if ids else {}


def _valid(runs: Mapping[int, Run], reports: Sequence[Report], kind: type[R]) -> list[R]:
    """Those of one kind whose attempt is going on; of an attempt's ends the first."""
    valid, ended = [], set()
    for report in reports:
        if not isinstance(report, kind):
            continue
        run = runs.get(report.run_id)
        if run is None or run.token != report.token or report.run_id in ended:
            log.warning("run %s: a late report (%s) of an earlier attempt was dropped", report.run_id, kind.__name__)
            continue
        valid.append(report)
        if kind is Ended:
            ended.add(report.run_id)
    return valid


def _update(session: Session, table: Any, names: Iterable[str], rows: Sequence[dict[str, Any]]) -> None:
    """Set the named columns of many rows; each row has them and ``row_id``."""
    if rows:
        statement = update(table).where(table.c.id == bindparam("row_id"))
        session.connection().execute(statement.values({name: bindparam(f"new_{name}") for name in names}), rows)


def _start(session: Session, started: Sequence[Started]) -> None:
    rows = [
        {"row_id": report.run_id, "new_pid": report.pid, "new_start_ticks": report.start_ticks,
         "new_started_at": report.at}
        for report in started
    ]  # fmt: skip
    _update(session, Run.__table__, ("pid", "start_ticks", "started_at"), rows)


def _progress(session: Session, progressed: Sequence[Progressed]) -> None:
    newest = {report.run_id: report for report in progressed}
    rows = [
        {"row_id": report.run_id, "new_progress": in_short(report.values), "new_heartbeat_at": report.at}
        for report in newest.values()
    ]
    _update(session, Run.__table__, ("progress", "heartbeat_at"), rows)
    trees = {run_id: tree_of(report.values) for run_id, report in newest.items()}
    _keep_trees(session, {run_id: tree for run_id, tree in trees.items() if tree})


def _keep_trees(session: Session, trees: Mapping[int, dict[str, Any]]) -> None:
    """Insert or replace; both databases spell that differently, and a run has one writer."""
    table = ProgressTree.__table__
    query = select(ProgressTree.run_id).where(ProgressTree.run_id.in_(trees))
    known = set(session.scalars(query)) if trees else set()
    if known:
        changed = [{"of_run": run_id, "new_tree": trees[run_id]} for run_id in known]
        statement = update(table).where(table.c.run_id == bindparam("of_run")).values(tree=bindparam("new_tree"))  # type: ignore[arg-type]
        session.connection().execute(statement, changed)
    if new := [{"run_id": run_id, "tree": tree} for run_id, tree in trees.items() if run_id not in known]:
        session.connection().execute(insert(table), new)  # type: ignore[arg-type]


def _append_log(session: Session, runs: Mapping[int, Run], logged: Sequence[Logged]) -> None:
    lines: dict[int, list[LogLine]] = defaultdict(list)
    for report in logged:
        lines[report.run_id] += report.lines
    rows = [
        {"run_id": run_id, "number": number, "at": line.at, "level": line.level, "message": line.message}
        for run_id, of_run in lines.items()
        for number, line in enumerate(of_run, runs[run_id].last_log + 1)
    ]
    if rows:
        session.connection().execute(insert(LogEntry.__table__), rows)  # type: ignore[arg-type]
    counts = [
        {"row_id": run_id, "new_last_log": runs[run_id].last_log + len(of_run)} for run_id, of_run in lines.items()
    ]
    _update(session, Run.__table__, ("last_log",), counts)


def _beat(session: Session, alive: Sequence[Alive]) -> None:
    rows = [
        {"row_id": run_id, "of_token": token, "new_heartbeat_at": alive[-1].at}
        for run_id, token in (alive[-1].runs if alive else ())
    ]
    if rows:
        table = Run.__table__
        statement = update(table).where(table.c.id == bindparam("row_id"), table.c.token == bindparam("of_token"))  # type: ignore[arg-type]
        session.connection().execute(statement.values(heartbeat_at=bindparam("new_heartbeat_at")), rows)


def _end(session: Session, runs: Mapping[int, Run], ended: Sequence[Ended]) -> None:
    rows = [
        {
            "row_id": report.run_id,
            "new_status": report.status,
            "new_finished_at": report.at,
            "new_heartbeat_at": report.at,
            "new_reason": report.reason,
            "new_error": report.error,
        }
        for report in ended
    ]
    names = ("status", "finished_at", "heartbeat_at", "reason", "error")
    _update(session, Run.__table__, names, rows)
    files = [_file_row(runs[report.run_id], made, report) for report in ended for made in report.files]
    if files:
        session.connection().execute(insert(ResultFile.__table__), files)  # type: ignore[arg-type]
    for report in ended:
        run = runs[report.run_id]
        session.expire(run, list(names))
        log.info("run %s of %r %s", run.id, run.job_name, report.status, extra={"run": run.id, "job": run.job_id})
    settle(session, [End(runs[report.run_id], report.status, report.at) for report in ended])


def _file_row(run: Run, made: MadeFile, ended: Ended) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "job_id": run.job_id,
        "job_name": run.job_name,
        "scheduled_for": run.scheduled_for,
        "created_at": ended.at,
        "name": made.name,
        "path": made.path,
        "media_type": made.media_type,
        "size": made.size,
        "rows": made.rows,
        "sha256": made.sha256,
        "columns": list(made.columns) if made.columns is not None else None,
    }


@dataclass(frozen=True)
class End:
    run: Run
    status: RunStatus
    at: datetime


def settle(session: Session, ends: Sequence[End]) -> None:
    """What follows from the end of runs: their jobs show them, fixed delays begin to count, queues go on."""
    jobs, ends = Job.__table__, sorted(ends, key=lambda end: end.run.job_id)  # in the order in which others lock them
    last = [{"row_id": end.run.job_id, "new_last_run_id": end.run.id} for end in ends]
    _update(session, jobs, ("last_run_id",), last)
    good = [
        {"row_id": end.run.job_id, "new_last_success_for": end.run.scheduled_for}
        for end in ends
        if end.status is RunStatus.SUCCEEDED
    ]
    _update(session, jobs, ("last_success_for",), good)
    _delay(session, {end.run.job_id: end for end in ends})
    over = steps.advance(session, ends)
    if over:
        settle(session, [End(run, run.status, run.finished_at or ends[-1].at) for run in over])


def _delay(session: Session, ends: Mapping[int, End]) -> None:
    delayed = (
        select(Trigger)
        .join(Job)
        .where(Trigger.job_id.in_(ends), Trigger.kind == TriggerKind.FIXED_DELAY, Job.enabled.is_(True))
        .where(Job.triggers_suspended.is_(False))
    )
    for trigger in session.scalars(delayed) if ends else ():
        end = ends[trigger.job_id]
        pause = timedelta(seconds=trigger.delay_seconds or 0)
        if end.status is not RunStatus.SUCCEEDED:
            pause = max(pause, FAILED_PAUSE)
        due = end.at + pause
        if trigger.previous_fire_at:  # a moment that has a line in the ledger cannot come again
            due = max(due, trigger.previous_fire_at + timedelta.resolution)
        trigger.next_fire_at = None if trigger.end_at and due > trigger.end_at else due
