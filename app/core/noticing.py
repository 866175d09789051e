"""Writes down what there is to tell, in the transaction in which it comes about: a crash cannot come between.

Whom it concerns is looked up later, by who sends it (``app.core.postroom``): the engine is not held up for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.core.error_text import storable
from app.core.models.notices import FailingJob, Notice
from app.core.statuses import FireOutcome, FireReason, NoticeKind, RunStatus

if TYPE_CHECKING:
    from app.core.recording import End

MOST_WORDS = 500  # characters
BAD = {RunStatus.FAILED: NoticeKind.FAILURE, RunStatus.INTERRUPTED: NoticeKind.INTERRUPTED}
TOLD_WHEN_MISSED = (
    FireReason.DOWNTIME, FireReason.LATE, FireReason.CLOCK_JUMP, FireReason.CATCH_UP_CAP, FireReason.UNREADABLE,
)  # fmt: skip
"""Not what somebody wanted (a pause, an answer), nor moments for which a later one stands."""


def runs_ended(session: Session, ends: Sequence["End"]) -> None:
    """To be called while the rows of their jobs are locked: two ends of a job must not both be the first failure."""
    if not ends:
        return
    jobs = {each.run.job_id for each in ends}
    failing = {row.job_id: row for row in session.scalars(select(FailingJob).where(FailingJob.job_id.in_(jobs)))}
    notices = [row for each in ends if (row := _of_end(session, failing, each))]
    _add(session, notices)


def _of_end(session: Session, failing: dict[int, FailingJob], each: "End") -> dict[str, Any] | None:
    job_id, found = each.run.job_id, failing.get(each.run.job_id)
    if each.status in BAD:
        if found is None:
            found = failing[job_id] = FailingJob(job_id=job_id, since=each.at, failures=0, interruptions=0)
            session.add(found)
        found.failures += each.status is RunStatus.FAILED
        found.interruptions += each.status is RunStatus.INTERRUPTED
        count = found.failures if each.status is RunStatus.FAILED else 1
        return _row(BAD[each.status], each.at, job_id, each.run.id, count, found.since, _why(each))
    if each.status is RunStatus.SUCCEEDED and found is not None:
        session.flush()  # it may have begun to fail in this very batch
        session.delete(failing.pop(job_id))
        session.flush()  # and may fail again
        bad = found.failures + found.interruptions
        return _row(NoticeKind.RECOVERY, each.at, job_id, each.run.id, bad, found.since, None)
    return None


def _why(each: "End") -> str | None:
    """The words of the run, or its reason; a run of a queue has them in its own row."""
    reason, error = each.reason or getattr(each.run, "reason", None), each.error or getattr(each.run, "error", None)
    return error or (reason.value if reason else None)


def results_held(session: Session, files: Iterable[Mapping[str, Any]]) -> None:
    """``files`` are rows of result files, judged."""
    held = [file for file in files if file["held"]]
    _add(session, [
        _row(NoticeKind.HELD, file["created_at"], file["job_id"], file["run_id"], 1, None,
             f"{file['name']}: {'; '.join(file['held'])}")
        for file in held
    ])  # fmt: skip


def starts_missed(session: Session, fires: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """``fires`` are rows of the ledger that were decided now: one notice for each job and reason."""
    missed: dict[tuple[int, FireReason, str | None], list[Mapping[str, Any]]] = defaultdict(list)
    for fire in fires:
        if fire["outcome"] is FireOutcome.MISSED and fire["reason"] in TOLD_WHEN_MISSED:
            missed[fire["job_id"], fire["reason"], fire["detail"]].append(fire)
    _add(session, [
        _row(NoticeKind.MISSED, now, job_id, None, sum(fire["count"] for fire in of_job),
             min(fire["scheduled_for"] for fire in of_job), detail or reason.value)
        for (job_id, reason, detail), of_job in missed.items()
    ])  # fmt: skip


def _row(
    kind: NoticeKind, at: datetime, job_id: int, run_id: int | None, count: int, since: datetime | None,
    words: str | None,
) -> dict[str, Any]:  # fmt: skip
    said = None if words is None else storable(words, MOST_WORDS)
    return {
        "kind": kind, "at": at, "job_id": job_id, "run_id": run_id, "count": count, "since": since, "words": said,
    }  # fmt: skip


def _add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.connection().execute(insert(Notice.__table__), rows)  # type: ignore[arg-type]
