"""What a stop of the server would miss, and when it would miss less.

The moments are the calculator's, what becomes of them afterwards is the judgement of the misfire rules themselves. How
long a run usually takes is what nineteen of twenty of the job's latest successes have not exceeded.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, contains_eager, joinedload

import app.schedule.triggers as schedule
from app.core import calendars
from app.core.db import Database
from app.core.errors import InvalidError
from app.core.models import IS_GOING_ON, QUEUE, Calendar, Job, Run, Trigger
from app.core.ports import Clock
from app.core.statuses import RunStatus
from app.core.triggers import calculator
from app.schedule.calendars import Calendar as PureCalendar
from app.schedule.counting import count_between
from app.schedule.misfire import Outcome, judge, knows_misfire, misfire_named
from app.schedule.simulate import simulate

LONGEST = timedelta(days=1)
FARTHEST = timedelta(days=366)
GRID = timedelta(minutes=5)
MOST_DAYS = 7
MOST_QUIETER = 3
RECENT_RUNS = 20_000  # of all jobs, which tell how long runs usually take
LATEST = 20  # successes of a job
LONG = 60.0  # seconds; shorter runs are not looked at when a quiet time is looked for
MOST_MOMENTS = 1_000  # of one trigger that are judged


@dataclass(frozen=True)
class Missed:
    """Moments of a trigger within the stop (aware UTC), and how many of them start, ask or are left out afterwards."""

    uid: str
    job: str
    trigger_id: int
    first: datetime
    last: datetime
    count: int
    starts: int
    asks: int
    left_out: int


@dataclass(frozen=True)
class StillRunning:
    """A run that usually would not have ended when the stop begins. ``run_id`` is empty where it has yet to start."""

    uid: str
    job: str
    run_id: int | None
    begins: datetime
    usual_seconds: float


@dataclass(frozen=True)
class Quieter:
    start: datetime
    end: datetime
    fires: int
    running: int  # long runs that would usually be going on when it begins


@dataclass(frozen=True)
class StopPlan:
    start: datetime
    end: datetime
    missed: Sequence[Missed]
    running: Sequence[StillRunning]
    quieter: Sequence[Quieter]

    @property
    def fires(self) -> int:
        return sum(each.count for each in self.missed)


class StopPlans:
    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    def plan(self, start: datetime, end: datetime, days: int = 1) -> StopPlan:
        """Both aware; ``days`` is how far to look for a quieter time. Raises ``InvalidError``."""
        now = self.clock()
        _check(start, end, now, days)
        with self.db.reading() as session:
            rows = session.scalars(_TRIGGERS).all()
            closed = {row.id: calendars.pure(session, row) for row in session.scalars(select(Calendar))}
            usual = _usual_seconds(session)
            going_on = session.scalars(select(Run).where(IS_GOING_ON, Run.job_type != QUEUE).order_by(Run.id)).all()
        timed = [_Timed.of(row, closed, now) for row in rows]
        timed = [each for each in timed if not isinstance(each.pure, schedule.Unreadable)]
        uids = {each.row.job_id: each.row.job.uid for each in timed}
        running = [
            StillRunning(
                uids.get(run.job_id, ""), run.job_name, run.id, run.begun_at or run.queued_at, usual[run.job_id]
            )
            for run in going_on
            if run.job_id in usual and (run.begun_at or run.queued_at) + _seconds(usual[run.job_id]) > start
        ]
        running += [found for each in timed if (found := _would_run(each, usual, now, start))]
        missed = [lost for each in timed if (lost := _missed(each, start, end))]
        quieter = _quieter(timed, usual, now, end - start, days)
        return StopPlan(start, end, sorted(missed, key=lambda each: (each.first, each.job)), running, quieter)


_TRIGGERS = (
    select(Trigger)
    .join(Trigger.job)
    .options(contains_eager(Trigger.job), joinedload(Trigger.calendar))
    .where(Job.enabled.is_(True), Job.triggers_suspended.is_(False), Job.deleted_at.is_(None))
    .where(Trigger.next_fire_at.is_not(None), text("NOT trigger.is_paused"))
    .order_by(Trigger.id)
)


def _check(start: datetime, end: datetime, now: datetime, days: int) -> None:
    if not now - timedelta(minutes=1) <= start < now + FARTHEST:
        raise InvalidError.of("from", "the stop must begin within the next year")
    if not timedelta(0) < end - start <= LONGEST:
        raise InvalidError.of("to", "the stop must end after it begins, and last a day at most")
    if not 1 <= days <= MOST_DAYS:
        raise InvalidError.of("days", f"must be from 1 to {MOST_DAYS}")


@dataclass(frozen=True)
class _Timed:
    """A trigger, its calculator, its calendar, and the first moment that is not decided."""

    row: Trigger
    pure: schedule.Trigger
    calendar: PureCalendar | None
    since: datetime

    @classmethod
    def of(cls, row: Trigger, closed: Mapping[int, PureCalendar], now: datetime) -> "_Timed":
        pure, since = calculator(row, row.job.uid), max(row.next_fire_at or now, now)
        if isinstance(pure, schedule.FixedDelay):
            pure = schedule.Once(since)  # the only one that is known; the others depend on when runs end
        calendar = closed.get(row.calendar_id) if row.calendar_id else None
        if calendar is not None:
            pure = replace(pure, calendar=str(row.calendar_id))
        return cls(row, pure, calendar, since)

    def moments(self, start: datetime, end: datetime, limit: int | None = None) -> list[datetime]:
        """Those that fire, from ``start`` until before ``end``."""
        start = max(start, self.since)
        if start >= end:
            return []
        known = {str(self.row.calendar_id): self.calendar} if self.calendar else {}
        fires = simulate({0: self.pure}, known, start, end - schedule.TICK, limit)
        return [fire.instant for fire in fires if not fire.is_excluded]


def _missed(timed: _Timed, start: datetime, end: datetime) -> Missed | None:
    moments = timed.moments(start, end, MOST_MOMENTS)
    if not moments:
        return None
    row, pure = timed.row, timed.pure
    starts, asks = len(moments), 0
    if knows_misfire(pure, row.misfire):
        threshold = timedelta(seconds=row.misfire_threshold_seconds)
        verdict = judge(pure, moments[0], end, misfire_named(row.misfire), threshold, timed.calendar, MOST_MOMENTS)
        before_end = [fire for fire in verdict.fires if fire.moment < end or fire.outcome is Outcome.START_LATE]
        starts = sum(fire.outcome in (Outcome.START, Outcome.START_LATE) for fire in before_end)
        asks = sum(fire.outcome is Outcome.ASK for fire in before_end)
    starts = min(starts, len(moments))
    if row.catch_up_cap is not None:
        starts = min(starts, row.catch_up_cap)
    left_out = len(moments) - starts - asks
    return Missed(
        row.job.uid, row.job.name, row.id, moments[0], moments[-1], len(moments), starts, asks, max(0, left_out)
    )  # fmt: skip


def _would_run(timed: _Timed, usual: Mapping[int, float], now: datetime, start: datetime) -> StillRunning | None:
    seconds = usual.get(timed.row.job_id)
    if seconds is None or seconds < 1:
        return None
    moments = timed.moments(max(now, start - _seconds(seconds)), start, MOST_MOMENTS)
    if not moments:
        return None
    return StillRunning(timed.row.job.uid, timed.row.job.name, None, moments[-1], seconds)


def _usual_seconds(session: Session) -> dict[int, float]:
    """By job: what 95 of 100 of its newest successes have not exceeded. A job without one has none."""
    newest = session.scalar(select(func.max(Run.id))) or 0
    query = (
        select(Run.job_id, Run.begun_at, Run.finished_at)
        .where(Run.id > newest - RECENT_RUNS, Run.status == RunStatus.SUCCEEDED)
        .order_by(Run.id.desc())
    )
    taken: dict[int, list[float]] = defaultdict(list)
    for job_id, begun_at, finished_at in session.execute(query):
        if len(taken[job_id]) < LATEST and begun_at is not None and finished_at is not None:
            taken[job_id].append((finished_at - begun_at).total_seconds())
    return {
        job_id: sorted(seconds)[max(0, -(-len(seconds) * 95 // 100) - 1)]
        for job_id, seconds in taken.items()
        if seconds
    }


# A quieter time


def _quieter(
    timed: Sequence[_Timed], usual: Mapping[int, float], now: datetime, length: timedelta, days: int
) -> list[Quieter]:
    """The best stretches that do not overlap: the fewest fires, then the fewest long runs, then the earliest."""
    first = _next_on_grid(now)
    edges = [first + number * GRID for number in range(timedelta(days=days) // GRID + 1)]
    fires, running = _fires(timed, edges), _running(timed, usual, edges)
    bins = max(1, -(-length // GRID))
    before = [0, *accumulate(fires)]
    found = sorted(
        (before[number + bins] - before[number], running[number], number) for number in range(len(fires) - bins + 1)
    )
    chosen: list[Quieter] = []
    for count, long_runs, number in found:
        start = edges[number]
        if all(start >= each.end or start + length <= each.start for each in chosen):
            chosen.append(Quieter(start, start + length, count, long_runs))
        if len(chosen) == MOST_QUIETER:
            break
    return chosen


def _next_on_grid(now: datetime) -> datetime:
    seconds = int(now.timestamp())
    step = int(GRID.total_seconds())
    return datetime.fromtimestamp((seconds // step + 1) * step, UTC)


def _fires(timed: Sequence[_Timed], edges: Sequence[datetime]) -> list[int]:
    """How many fires each stretch of the grid has. Triggers that share a time table are counted once."""
    alike: dict[tuple[int, int | None, datetime], list[_Timed]] = defaultdict(list)
    for each in timed:
        alike[id(each.pure) if each.calendar is None else hash(each.pure), each.row.calendar_id, each.since].append(
            each
        )
    totals = [0] * (len(edges) - 1)
    for group in alike.values():
        one = group[0]
        if isinstance(one.pure, schedule.Simple):
            for number, count in enumerate(
                count_between(one.pure, [max(edge, one.since) for edge in edges], one.calendar)
            ):
                totals[number] += len(group) * count
        else:
            for moment in one.moments(edges[0], edges[-1]):
                totals[(moment - edges[0]) // GRID] += len(group)
    return totals


def _running(timed: Sequence[_Timed], usual: Mapping[int, float], edges: Sequence[datetime]) -> list[int]:
    """How many long runs are usually going on at each edge."""
    changes = [0] * (len(edges) + 1)
    for begins, ends in _long_runs(timed, usual, edges[0], edges[-1]):
        changes[bisect_right(edges, begins)] += 1
        changes[bisect_right(edges, ends)] -= 1
    return list(accumulate(changes))


def _long_runs(
    timed: Sequence[_Timed], usual: Mapping[int, float], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    for each in timed:
        seconds = usual.get(each.row.job_id, 0.0)
        if seconds >= LONG:
            for moment in each.moments(start - _seconds(seconds), end, MOST_MOMENTS):
                yield moment, moment + _seconds(seconds)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
