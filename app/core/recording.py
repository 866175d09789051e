"""Writes down what executors report: many reports in a handful of statements.

A run is finished once: only an attempt that is still running, named by its token, takes a report. What an older attempt
says late changes nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table, Update, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from app.core import contracts, noticing, same_names, steps, tallies, upkeep
from app.core.claiming import LEASE
from app.core.limits import GOING_ON
from app.core.models import IS_GOING_ON, IS_QUEUED, Attempt, Job, LogEntry, ProgressTree, ResultFile, Run, Trigger
from app.core.ports import Alive, Ended, Logged, MadeFile, Progressed, Report, Started, Unbegun
from app.core.progress_views import in_short, tree_of
from app.core.retries import RetryPolicy, Tried, again_at
from app.core.statuses import FailureReason, Recovery, RunStatus, SameName, TriggerKind

log = logging.getLogger(__name__)

FAILED_PAUSE = timedelta(seconds=10)
"""Continuous execution waits this long after a failure: a job that cannot work must not spin."""

R = TypeVar("R", Started, Progressed, Logged, Ended, Unbegun)
_OF_RUN = (
    Run.id, Run.token, Run.status, Run.job_id, Run.fire_id, Run.job_name, Run.job_type, Run.scheduled_for, Run.attempts,
    Run.last_log, Run.pid, Run.host, Run.started_at, Run.begun_at, Run.timeout_seconds, Run.origin, Job.retry,
    Job.recovery,
)  # fmt: skip
_RUNS = select(*_OF_RUN).join(Job, Job.id == Run.job_id).order_by(Run.id).with_for_update(of=Run)
_GOING_ON = _RUNS.where(Run.id.in_(bindparam("ids", expanding=True)), Run.status.in_(GOING_ON))
Changes = dict[int, dict[str, Any]]
"""New values of columns by the id of their row."""


@dataclass(frozen=True)
class End:
    """How an attempt of a run (the columns above) ended; whether the run has ended with it is decided here."""

    run: Any
    status: RunStatus
    at: datetime
    reason: FailureReason | None = None
    error: str | None = None
    may_retry: bool = True


@dataclass
class _Batch:
    """The runs that reports speak of, and what they change."""

    runs: Mapping[int, Row[Any]]
    changes: Changes = field(default_factory=lambda: defaultdict(dict))


def write(session: Session, reports: Sequence[Report]) -> None:
    """Write down a batch. Within it the reports of one run keep their order: start, log and progress, end."""
    batch = _Batch(_going_on(session, reports))
    _start(batch, _valid(batch.runs, reports, Started))
    _append_log(session, batch, _valid(batch.runs, reports, Logged))
    _progress(session, batch, _valid(batch.runs, reports, Progressed))
    _give_back(batch, _valid(batch.runs, reports, Unbegun))
    _beat(session, [report for report in reports if isinstance(report, Alive)])
    ended = _valid(batch.runs, reports, Ended)
    failed = _keep_files(session, batch.runs, ended)
    ends = [_end(batch.runs[each.run_id], each, failed.get(each.run_id)) for each in ended]
    end(session, ends, batch.changes)


def _end(run: Row[Any], ended: Ended, why_failed: str | None) -> End:
    if why_failed and ended.status is RunStatus.SUCCEEDED:
        return End(run, RunStatus.FAILED, ended.at, FailureReason.CONFIG, why_failed)
    return End(run, ended.status, ended.at, ended.reason, ended.error)


def _going_on(session: Session, reports: Sequence[Report]) -> dict[int, Row[Any]]:
    ids = {report.run_id for report in reports if not isinstance(report, Alive)}
    return {run.id: run for run in session.connection().execute(_GOING_ON, {"ids": list(ids)})} if ids else {}


def _valid(runs: Mapping[int, Row[Any]], reports: Sequence[Report], kind: type[R]) -> list[R]:
    """Those of one kind whose attempt is going on; of an attempt's ends the first."""
    valid, ended = [], set()
    for report in reports:
        if not isinstance(report, kind):
            continue
        run = runs.get(report.run_id)
        if run is None or run.token != report.token or report.run_id in ended:
            log.warning("run %s: a late report (%s) of an earlier attempt was dropped", report.run_id, kind.__name__,
                        extra={"run_id": report.run_id})  # fmt: skip
            continue
        valid.append(report)
        if kind is Ended:
            ended.add(report.run_id)
    return valid


def _start(batch: _Batch, started: Iterable[Started]) -> None:
    for report in started:
        changes = batch.changes[report.run_id]
        changes |= {"pid": report.pid, "start_ticks": report.start_ticks, "begun_at": report.at}
        if batch.runs[report.run_id].attempts == 1:
            changes["started_at"] = report.at


def _progress(session: Session, batch: _Batch, progressed: Iterable[Progressed]) -> None:
    newest = {report.run_id: report for report in progressed}
    for run_id, report in newest.items():
        changes = {"progress": in_short(report.values), "heartbeat_at": report.at, "lease_until": report.at + LEASE}
        batch.changes[run_id] |= changes
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


def _append_log(session: Session, batch: _Batch, logged: Sequence[Logged]) -> None:
    rows: list[dict[str, Any]] = []
    last = {report.run_id: batch.runs[report.run_id].last_log for report in logged}
    for report in logged:
        first = last[report.run_id] + report.left_out + 1
        rows += [
            {"run_id": report.run_id, "number": number, "at": line.at, "level": line.level, "message": line.message}
            for number, line in enumerate(report.lines, first)
        ]
        last[report.run_id] = first - 1 + len(report.lines)
    if rows:
        session.connection().execute(insert(LogEntry.__table__), rows)  # type: ignore[arg-type]
    for run_id, kept in {report.run_id: report.kept for report in logged if report.kept}.items():
        between = LogEntry.number > kept.beginning, LogEntry.number <= last[run_id] - kept.end
        session.execute(delete(LogEntry).where(LogEntry.run_id == run_id, *between))
    for run_id, number in last.items():
        batch.changes[run_id]["last_log"] = number


def _give_back(batch: _Batch, unbegun: Iterable[Unbegun]) -> None:
    """Attempts that have not begun are none: their runs wait again, or end where their end was asked for."""
    for report in unbegun:
        run = batch.runs[report.run_id]
        changes = {"status": RunStatus.QUEUED, "token": None, "attempts": run.attempts - 1, "begun_at": None}
        if run.status is RunStatus.CANCELLING:
            changes |= {"status": RunStatus.CANCELLED, "finished_at": report.at}
        if run.attempts == 1:
            changes["started_at"] = None
        batch.changes[report.run_id] |= changes


_BEAT = (
    update(Run.__table__)  # type: ignore[arg-type]
    .where(Run.__table__.c.id == bindparam("row_id"), Run.__table__.c.token == bindparam("of_token"))
    .values(heartbeat_at=bindparam("beat"), lease_until=bindparam("lease"))
)


def _beat(session: Session, alive: Sequence[Alive]) -> None:
    if alive and alive[-1].runs:
        values = {"beat": alive[-1].at, "lease": alive[-1].at + LEASE}
        rows = [{"row_id": run_id, "of_token": token} | values for run_id, token in alive[-1].runs]
        session.connection().execute(_BEAT, rows)


def _keep_files(session: Session, runs: Mapping[int, Row[Any]], ended: Sequence[Ended]) -> dict[int, str]:
    """Give why runs have failed by the names of their files."""
    files = [_file_row(runs[report.run_id], made, report) for report in ended for made in report.files]
    if not files:
        return {}
    now = max(report.at for report in ended)
    contracts.judge(session, files, now)
    wishes = {made.path: SameName(made.same_name) for report in ended for made in report.files}
    failed = same_names.settle(session, files, wishes, now)
    session.connection().execute(insert(ResultFile.__table__), files)  # type: ignore[arg-type]
    noticing.results_held(session, [file for file in files if not file["removed_at"]])
    return failed


def _file_row(run: Row[Any], made: MadeFile, ended: Ended) -> dict[str, Any]:
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
        "csv": dict(made.csv) if made.csv is not None else None,
        "types": list(made.types) if made.types is not None else None,
        "repeated": dict(made.repeated) if made.repeated is not None else None,
        "held": None,
        "removed_at": None,
    }


# Ends


def end(session: Session, ends: Sequence[End], changes: Changes | None = None) -> None:
    """End attempts (with other ``changes`` of their runs): each run gets another one, or has ended."""
    changes = defaultdict(dict) if changes is None else changes
    final, attempts = [], []
    for each in ends:
        again = _again_at(each)
        if again is None:
            final.append(each)
            changes[each.run.id] |= _ended(each)
        else:
            attempts.append(_attempt(each, changes[each.run.id]))
            changes[each.run.id] |= _waits_again(again)
            log.info("run %s of %r %s; trying again", each.run.id, each.run.job_name, each.status, extra=_about(each))
    _apply(session, Run.__table__, changes)  # type: ignore[arg-type]
    if attempts:
        session.connection().execute(insert(Attempt.__table__), attempts)  # type: ignore[arg-type]
    settle(session, final)


def _again_at(each: End) -> datetime | None:
    run = each.run
    if each.status not in (RunStatus.FAILED, RunStatus.INTERRUPTED) or not each.may_retry:
        return None
    limited = run.timeout_seconds is not None and run.started_at is not None
    give_up_at = run.started_at + timedelta(seconds=run.timeout_seconds) if limited else None
    was_cancelled = run.status is RunStatus.CANCELLING
    tried = Tried(run.attempts, run.token or "", each.status, each.reason, each.at, was_cancelled, give_up_at)
    return again_at(tried, RetryPolicy.read(run.retry), run.recovery)


def _ended(each: End) -> dict[str, Any]:
    level = logging.DEBUG if upkeep.is_usual(each.run, each.status) else logging.INFO
    log.log(level, "run %s of %r %s", each.run.id, each.run.job_name, each.status,
            extra=_about(each))  # fmt: skip
    asks = each.status is RunStatus.INTERRUPTED and each.run.recovery is Recovery.ASK
    changes = {"status": each.status, "finished_at": each.at, "reason": each.reason, "error": each.error}
    return changes | {"asks": True} if asks else changes


def _about(each: End) -> dict[str, object]:
    """For machines that read the log."""
    run = each.run
    ids = {"run_id": run.id, "job_id": run.job_id, "fire_id": run.fire_id, "attempt": run.attempts}
    return ids | {"status": each.status.value, "reason": each.reason.value if each.reason else None}


def _waits_again(again: datetime) -> dict[str, Any]:
    nobody = {"token": None, "pid": None, "start_ticks": None, "begun_at": None, "progress": None}
    return nobody | {"status": RunStatus.QUEUED, "begin_after": again}


def _attempt(each: End, changes: Mapping[str, Any]) -> dict[str, Any]:
    run = each.run
    return {
        "run_id": run.id,
        "number": run.attempts,
        "status": each.status,
        "reason": each.reason,
        "error": each.error,
        "started_at": changes.get("begun_at", run.begun_at),
        "finished_at": each.at,
        "host": run.host,
        "pid": changes.get("pid", run.pid),
        "last_log": changes.get("last_log", run.last_log),
    }


def _apply(session: Session, table: Table, changes: Changes) -> None:
    """Write changes of rows, in the order of their ids: one statement for all that change the same columns."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row_id in sorted(changes):
        values = changes[row_id]
        if values:
            row = {f"new_{name}": value for name, value in values.items()}
            alike[tuple(sorted(values))].append(row | {"row_id": row_id})
    for names, rows in alike.items():
        session.connection().execute(_update(table, names), rows)


@lru_cache(maxsize=256)
def _update(table: Table, names: tuple[str, ...]) -> Update:
    return (
        update(table)
        .where(table.c.id == bindparam("row_id"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


def lost(
    session: Session, condition: ColumnElement[bool], now: datetime, reason: FailureReason, error: str,
    *, may_retry: bool = True,
) -> int:  # fmt: skip
    """Interrupt the runs that are going on by the records, and are not in truth."""
    rows = session.connection().execute(_RUNS.where(IS_GOING_ON, condition)).all()
    end(session, [End(row, RunStatus.INTERRUPTED, now, reason, error, may_retry) for row in rows])
    return len(rows)


def cancel_queued(session: Session, condition: ColumnElement[bool], now: datetime, by: str | None) -> int:
    """End runs that wait, because somebody wants it."""
    rows = session.connection().execute(_RUNS.where(IS_QUEUED, condition)).all()
    changes: Changes = defaultdict(dict, {row.id: {"cancelled_by": by, "cancelled_at": now} for row in rows})
    end(session, [End(row, RunStatus.CANCELLED, now) for row in rows], changes)
    return len(rows)


def expire(session: Session, now: datetime) -> int:
    """End the runs that have waited longer than their jobs allow."""
    waiting = (IS_QUEUED, Run.start_deadline_seconds.is_not(None), Run.attempts == 0)
    query = _RUNS.add_columns(Run.queued_at, Run.start_deadline_seconds).where(*waiting)
    ends = [
        End(row, RunStatus.FAILED, now, FailureReason.START_DEADLINE, _too_late(row.start_deadline_seconds))
        for row in session.connection().execute(query)
        if now - row.queued_at > timedelta(seconds=row.start_deadline_seconds)
    ]
    end(session, ends)
    return len(ends)


def _too_late(seconds: int) -> str:
    return f"it could not begin within its start deadline of {seconds} s"


# What follows


def settle(session: Session, ends: Sequence[End]) -> None:
    """What follows from the end of runs: their jobs show them, fixed delays begin to count, queues go on."""
    changes: Changes = defaultdict(dict)
    for each in ends:
        changes[each.run.job_id]["last_run_id"] = each.run.id
        if each.status is RunStatus.SUCCEEDED:
            changes[each.run.job_id]["last_success_for"] = each.run.scheduled_for
    _apply(session, Job.__table__, changes)  # type: ignore[arg-type]
    noticing.runs_ended(session, ends)
    for each in ends:
        tallies.count(session, tallies.runs_ended, each.status.value, each.run.job_type)
    _delay(session, {each.run.job_id: each for each in ends})
    upkeep.forget_earlier(session, [each.run for each in ends])
    over = steps.advance(session, ends)
    if over:
        settle(session, [End(run, run.status, run.finished_at or ends[-1].at) for run in over])


_DELAYED = (
    select(Trigger)
    .join(Job)
    .where(
        Trigger.job_id.in_(bindparam("ids", expanding=True)),
        Trigger.kind == TriggerKind.FIXED_DELAY,
        Job.enabled.is_(True),
        Job.triggers_suspended.is_(False),
    )
)


def _delay(session: Session, ends: Mapping[int, End]) -> None:
    for trigger in session.scalars(_DELAYED, {"ids": list(ends)}) if ends else ():
        each = ends[trigger.job_id]
        pause = timedelta(seconds=trigger.delay_seconds or 0)
        if each.status is not RunStatus.SUCCEEDED:
            pause = max(pause, FAILED_PAUSE)
        due = each.at + pause
        if trigger.previous_fire_at:  # a moment that has a line in the ledger cannot come again
            due = max(due, trigger.previous_fire_at + timedelta.resolution)
        trigger.next_fire_at = None if trigger.end_at and due > trigger.end_at else due
