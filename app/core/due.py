"""One chunk of due triggers: lock them, judge their moments, write fires and runs, advance.

Everything goes in a handful of statements for some hundreds of triggers: a transaction per trigger needs 5 to 11 s for
10,000 of them. Rows are read as plain columns and runs are copied from their jobs inside the database, because objects
for each cost more than the rest together; statements are made once, because making one costs more than running it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

import app.schedule.calendars
import app.schedule.triggers as schedule
from app.core import admission, calendars, noticing, outages, queueing, tallies
from app.core.decisions import LEFT_OUT, Decision, Explain, Occupied, decide, fold
from app.core.models import IS_ACTIVE, Calendar, Fire, Job, Run, Trigger
from app.core.statuses import FireOutcome, FireReason, OverlapRule
from app.core.triggers import calculator
from app.schedule.gaps import left_out
from app.schedule.misfire import Misfire, Outcome, Verdict, judge, knows_misfire, misfire_named

MOMENTS = 10_000
"""At most this many moments of one trigger are judged in one chunk; the rest is due again at once."""

Closed = Mapping[int | None, app.schedule.calendars.Calendar]
"""Exclusion calendars by id."""
Jobs = Mapping[int, Occupied]
"""What is active of each job, by its id."""


@dataclass
class Due:
    """A due trigger (its columns and some of its job's), what becomes of its moments, and how it goes on."""

    trigger: Row[Any]
    decisions: list[Decision]
    next_fire_at: datetime | None
    anew: schedule.Simple | None = None  # a misfire let the trigger begin again

    @property
    def decided_to(self) -> datetime | None:
        last = self.decisions[-1] if self.decisions else None
        return (last.range_to or last.scheduled_for) if last else self.trigger.decided_to


_COLUMNS = (*Trigger.__table__.c, Job.uid, Job.group.label("group"), Job.overlap.label("rule"), Job.overlap_limit)
_DUE = (
    select(*_COLUMNS)
    .join(Job, Job.id == Trigger.job_id)
    .where(text("NOT trigger.is_paused"), Trigger.next_fire_at <= bindparam("now"))  # as the index says it
    .order_by(Trigger.next_fire_at, Trigger.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=Trigger)
)
_LOCK_JOBS = select(Job.id).where(Job.id.in_(bindparam("ids", expanding=True))).order_by(Job.id).with_for_update()
_ACTIVE_RUNS = (
    select(Run.job_id, func.count(), func.max(Run.id))
    .where(Run.job_id.in_(bindparam("ids", expanding=True)), IS_ACTIVE)
    .group_by(Run.job_id)
)
NEXT_FIRE_AT = select(func.min(Trigger.next_fire_at)).where(text("NOT trigger.is_paused"))


def lock(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Take up to ``limit`` due triggers, the earliest first; no other transaction decides them or starts their jobs."""
    connection = session.connection()
    rows = connection.execute(_DUE, {"now": now, "most": limit}).all()
    if rows and connection.dialect.name != "sqlite":
        # A start by hand locks the job's row too: only one of the two can find no active run.
        connection.execute(_LOCK_JOBS, {"ids": sorted({row.job_id for row in rows})})
    return rows


def look(session: Session, rows: Sequence[Row[Any]], now: datetime) -> tuple[list[Due], Jobs]:
    """Judge every moment of these triggers up to now."""
    jobs = _occupied(session, rows)
    closed = _closed(session, rows)
    explain = _Explained(session, min(row.next_fire_at for row in rows))
    verdicts: dict[object, Verdict] = {}
    return [_look(row, now, jobs[row.job_id], closed, verdicts, explain) for row in rows], jobs


def _occupied(session: Session, rows: Sequence[Row[Any]]) -> Jobs:
    jobs = {row.job_id: Occupied(row.rule, row.overlap_limit) for row in rows}
    for job_id, active, newest in session.connection().execute(_ACTIVE_RUNS, {"ids": list(jobs)}):
        jobs[job_id].active, jobs[job_id].newest = active, newest
    return jobs


def _closed(session: Session, rows: Sequence[Row[Any]]) -> Closed:
    ids = {row.calendar_id for row in rows if row.calendar_id is not None}
    return {calendar_id: calendars.pure(session, session.get_one(Calendar, calendar_id)) for calendar_id in ids}


class _Explained:
    """What made moments late, looked up only if one is."""

    def __init__(self, session: Session, since: datetime) -> None:
        self._session = session
        self._since = since
        self._causes: list[outages.Cause] | None = None

    def of(self, row: Row[Any]) -> Explain:
        return lambda moment: outages.cause_of(self._found(), moment, row)

    def _found(self) -> list[outages.Cause]:
        if self._causes is None:
            self._causes = outages.causes(self._session, self._since)
        return self._causes


def _look(
    row: Row[Any], now: datetime, job: Occupied, closed: Closed, verdicts: dict[object, Verdict], explain: _Explained
) -> Due:
    pure = calculator(row, row.uid)  # type: ignore[arg-type]  # it has the columns of a trigger
    if isinstance(pure, schedule.Unreadable) or not knows_misfire(pure, row.misfire):
        return Due(row, [Decision(row.next_fire_at, FireOutcome.MISSED, FireReason.UNREADABLE)], None)
    # Triggers that share a time table and a moment share the verdict, too.
    key = (id(pure), row.next_fire_at, row.misfire, row.misfire_threshold_seconds, row.calendar_id)
    verdict = verdicts.get(key)
    if verdict is None:
        verdict = verdicts[key] = _judge(row, pure, now, closed)
    new = verdict.fires
    if row.decided_to is not None and row.decided_to >= row.next_fire_at:  # the clock was put back
        new = tuple(fire for fire in new if fire.moment > row.decided_to)
    decisions = decide(new, job, row.catch_up_cap, explain.of(row))
    if row.gap == "skip" and row.decided_to is not None and decisions:
        decisions = _with_gaps(decisions, pure, row.decided_to)
    return Due(row, decisions, _next_fire(pure, verdict, decisions, now), _begins_anew(pure, verdict))


def _judge(row: Row[Any], pure: schedule.Trigger, now: datetime, closed: Closed) -> Verdict:
    threshold = timedelta(seconds=row.misfire_threshold_seconds)
    calendar = closed.get(row.calendar_id)
    return judge(pure, row.next_fire_at, now, misfire_named(row.misfire), threshold, calendar, MOMENTS)


def left_asleep(session: Session, rows: Sequence[Row[Any]], now: datetime, detail: str) -> list[Due]:
    """Leave out every moment of these triggers up to now, whatever their misfire rules say, and go on after it."""
    closed = _closed(session, rows)
    return [_left_asleep(row, now, closed, detail) for row in rows]


def _left_asleep(row: Row[Any], now: datetime, closed: Closed, detail: str) -> Due:
    pure = calculator(row, row.uid)  # type: ignore[arg-type]  # it has the columns of a trigger
    if isinstance(pure, schedule.Unreadable):
        return Due(row, [Decision(row.next_fire_at, FireOutcome.MISSED, FireReason.UNREADABLE)], None)
    counted = isinstance(pure, schedule.Simple | schedule.Once)
    rule = Misfire.NEXT_REMAINING if counted else Misfire.DO_NOTHING
    verdict = judge(pure, row.next_fire_at, now, rule, timedelta(0), closed.get(row.calendar_id), MOMENTS)
    missed, excluded = (FireOutcome.MISSED, FireReason.ASLEEP, detail), LEFT_OUT[Outcome.EXCLUDED]
    new = [fire for fire in verdict.fires if row.decided_to is None or fire.moment > row.decided_to]
    decisions = [Decision(each.moment, *(excluded if each.outcome is Outcome.EXCLUDED else missed)) for each in new]
    next_at = pure.after_end(now) if isinstance(pure, schedule.FixedDelay) else verdict.next_for
    return Due(row, fold(decisions), next_at)


def _with_gaps(decisions: list[Decision], pure: schedule.Trigger, since: datetime) -> list[Decision]:
    """Add what the clocks have left out since the last decision; it is told with the next fire."""
    gaps = left_out(pure, since, decisions[-1].scheduled_for)
    rows = [Decision(moment, FireOutcome.SKIPPED, FireReason.DST_GAP) for moment in gaps]
    return sorted(decisions + rows, key=lambda each: each.scheduled_for) if rows else decisions


def _next_fire(
    pure: schedule.Trigger, verdict: Verdict, decisions: Sequence[Decision], now: datetime
) -> datetime | None:
    """A fixed delay waits for the end of the run, or counts from now where nothing runs that could end."""
    if not isinstance(pure, schedule.FixedDelay) or verdict.next_for is not None:
        return verdict.next_for
    busy = (FireReason.OVERLAP, FireReason.QUEUE_FULL)
    waits = any(row.outcome is FireOutcome.STARTED or row.reason in busy for row in decisions)
    return None if waits else pure.after_end(now)


def _begins_anew(pure: schedule.Trigger, verdict: Verdict) -> schedule.Simple | None:
    return verdict.trigger if isinstance(verdict.trigger, schedule.Simple) and verdict.trigger is not pure else None


_WAITS_FOR_CLOCK = (
    select(Fire.id, Fire.trigger_id)
    .where(text("fire.outcome = 'held'"), Fire.reason == FireReason.CLOCK_BACK)
    .where(Fire.scheduled_for <= bindparam("now"))
)


def release(session: Session, triggers: Iterable[int], now: datetime) -> None:
    """The clock has come by again: the rows of moments that were held for it make room for the decision."""
    held = session.connection().execute(_WAITS_FOR_CLOCK, {"now": now}).all()
    if held:
        ids = set(triggers)
        session.execute(delete(Fire).where(Fire.id.in_([row.id for row in held if row.trigger_id in ids])))


def write(session: Session, dues: Sequence[Due], jobs: Jobs, now: datetime) -> int:
    """Insert the fires, and a queued run for each that starts. Gives the number of runs."""
    plain: dict[datetime, list[int]] = defaultdict(list)
    rows = []
    for due in dues:
        if len(due.decisions) == 1 and due.decisions[0].outcome is FireOutcome.STARTED:  # as nearly all are
            plain[due.decisions[0].scheduled_for].append(due.trigger.id)
        else:
            rows += [_fire_row(due.trigger, decision, jobs, now) for decision in due.decisions]
    release(session, (due.trigger.id for due in dues), now)
    noticing.starts_missed(session, rows, now)
    _count(session, sum(map(len, plain.values())), rows)
    _replace_previous(session, dues, jobs, now)
    return queueing.start(session, plain, rows, now)


def _count(session: Session, plain: int, rows: Iterable[Mapping[str, Any]]) -> None:
    counts = Counter({(FireOutcome.STARTED.value, ""): plain} if plain else {})
    for row in rows:
        counts[row["outcome"].value, row["reason"].value if row["reason"] else ""] += row["count"]
    for (outcome, reason), number in counts.items():
        tallies.count(session, tallies.fires_decided, outcome, reason, by=number)


def _fire_row(row: Row[Any], decision: Decision, jobs: Jobs, now: datetime) -> dict[str, Any]:
    blocked = decision.reason in (FireReason.OVERLAP, FireReason.QUEUE_FULL)
    return {
        "job_id": row.job_id,
        "trigger_id": row.id,
        "era": row.era,
        "scheduled_for": decision.scheduled_for,
        "decided_at": now,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "detail": decision.detail,
        "blocking_run_id": jobs[row.job_id].newest if blocked else None,
        "range_to": decision.range_to,
        "count": decision.count,
    }


def _replace_previous(session: Session, dues: Sequence[Due], jobs: Jobs, now: datetime) -> None:
    """A new run of a job that cancels its previous ones: ask for their end before it is queued."""
    for due in dues:
        job = jobs[due.trigger.job_id]
        replaces = job.rule is OverlapRule.CANCEL_PREVIOUS and job.newest is not None
        if replaces and any(decision.outcome is FireOutcome.STARTED for decision in due.decisions):
            admission.cancel_previous(session, due.trigger.job_id, now)


_ADVANCE = (
    update(Trigger.__table__)  # type: ignore[arg-type]
    .where(Trigger.__table__.c.id.in_(bindparam("ids", expanding=True)))
    .values(next_fire_at=bindparam("next_at"), previous_fire_at=bindparam("last"), decided_to=bindparam("to"))
)


def advance(session: Session, dues: Sequence[Due], now: datetime) -> None:
    """Set the next moments, in the same transaction as the fires and never before them."""
    alike: dict[tuple[datetime | None, datetime | None], list[int]] = defaultdict(list)
    for due in dues:
        alike[due.next_fire_at, due.decided_to].append(due.trigger.id)
    for (next_at, decided_to), ids in alike.items():
        values = {"ids": ids, "next_at": next_at, "last": now, "to": decided_to}
        session.connection().execute(_ADVANCE, values)
    spent = [due.trigger.id for due in dues if due.trigger.delayed and due.next_fire_at is None]
    if spent:
        session.execute(delete(Trigger).where(Trigger.id.in_(spent)))
    for due in dues:
        if due.anew:
            anew = {"anew_at": due.anew.start, "anew_count": due.anew.repeat_count}
            session.execute(update(Trigger).where(Trigger.id == due.trigger.id).values(anew))


_OVERDUE = select(*_COLUMNS).join(Job, Job.id == Trigger.job_id).where(Trigger.next_fire_at <= bindparam("now"))
_IS_DUE = (text("NOT trigger.is_paused"), Trigger.next_fire_at <= bindparam("now"))


def overdue(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """What ``lock`` would take, untouched: to say what would become of it."""
    query = select(*_COLUMNS).join(Job, Job.id == Trigger.job_id).where(*_IS_DUE)
    query = query.order_by(Trigger.next_fire_at, Trigger.id).limit(limit)
    return session.connection().execute(query, {"now": now}).all()


def count_overdue(session: Session, now: datetime) -> int:
    return session.scalar(select(func.count()).select_from(Trigger).where(*_IS_DUE), {"now": now}) or 0


def leave_out(session: Session, job_id: int, ids: Sequence[int], reason: FireReason, now: datetime) -> None:
    """Write down what was due of these triggers of a job and is not decided any more: they go, or stop."""
    session.flush()
    query = _OVERDUE.where(Trigger.job_id == job_id, Trigger.id.in_(ids))
    for row in session.connection().execute(query, {"now": now}).all():
        verdict = _judge(row, calculator(row, row.uid), now, _closed(session, [row]))  # type: ignore[arg-type]
        moments = [fire.moment for fire in verdict.fires if row.decided_to is None or fire.moment > row.decided_to]
        decisions = fold(Decision(moment, FireOutcome.SKIPPED, reason) for moment in moments)
        rows = [_fire_row(row, decision, {job_id: Occupied()}, now) for decision in decisions]
        if rows:
            release(session, [row.id], now)
            session.connection().execute(insert(Fire.__table__), rows)  # type: ignore[arg-type]
            session.execute(update(Trigger).where(Trigger.id == row.id).values(decided_to=moments[-1]))
