"""What must hold whatever went wrong, checked on what is durable."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from app.core.retries import RECOVERIES
from app.core.statuses import Recovery
from tests.simulation.cast import Cast, Moments
from tests.simulation.database import FINAL, FaultyDatabase
from tests.simulation.machine import Machine

ACTIVE = "('queued', 'running', 'cancelling')"


class Line(NamedTuple):
    """One row of the ledger."""

    scheduled_for: datetime
    range_to: datetime | None
    count: int


@dataclass
class Ticks:
    """Until when everything must be decided, and until when something may be: a tick that fails may be durable."""

    must: datetime
    may: datetime

    def tried(self, now: datetime) -> None:
        self.may = max(self.may, now)

    def succeeded(self, now: datetime) -> None:
        self.must = max(self.must, now)


@dataclass
class Times:
    began: datetime
    on_the_wall: Ticks
    in_truth: Ticks  # as if the clock had never been put back
    now: datetime  # of the last tick, on the wall


def broken(db: FaultyDatabase, cast: Cast, machine: Machine, times: Times) -> list[str]:
    """Those that hold at any time after a wake that has decided everything."""
    return [
        *machine.broken,
        *(str(what) for (what,) in db.ask("SELECT what FROM broken_promise")),
        *_twice(machine),
        *_run_for_each_start(db),
        *_one_row_for_each_moment(db, cast, times),
        *_goes_on_after_what_is_decided(db),
        *_files(db),
        *_told_once(db),
    ]


def left_over(db: FaultyDatabase) -> list[str]:
    """Those that hold once everything is quiet."""
    active = db.ask(f"SELECT id, status FROM run WHERE status IN {ACTIVE}")
    found = [f"run {run} is {status} for ever" for run, status in active]
    stuck = db.ask("SELECT id FROM trigger WHERE kind = 'fixed_delay' AND next_fire_at IS NULL")
    found += [f"trigger {trigger} waits for the end of a run that has ended" for (trigger,) in stuck]
    held = "SELECT id FROM fire WHERE outcome = 'held' AND reason NOT IN ('ask', 'clock_back')"
    found += [f"fire {fire} is held for ever" for (fire,) in db.ask(held)]
    wrong = (
        "SELECT t.id FROM trigger t JOIN apscheduler_jobs a ON a.id = 'trigger-' || t.id "
        "WHERE (t.next_fire_at IS NULL) <> (a.next_run_time IS NULL)"
    )
    query = "SELECT id FROM fire f WHERE reason = 'clock_back' AND outcome = 'held'"
    waits = "SELECT 1 FROM trigger t WHERE t.id = f.trigger_id AND t.next_fire_at = f.scheduled_for"
    found += [
        f"fire {fire} waits for a moment that will not come" for (fire,) in db.ask(f"{query} AND NOT EXISTS ({waits})")
    ]
    return found + [f"APScheduler's row of trigger {trigger} is wrong" for (trigger,) in db.ask(wrong)]


def _twice(machine: Machine) -> Iterator[str]:
    """Attempts begin once, and runs as often as their job may be tried."""
    for attempt, count in Counter((each.run_id, each.token) for each in machine.begun).items():
        if count > 1:
            yield f"attempt {attempt} began {count} times"
    for (run, job), count in Counter((each.run_id, each.job_id) for each in machine.begun).items():
        policies = machine.policies[job]
        retries = (policies.retry.count if policies.retry else 0) + RECOVERIES * (policies.recovery is Recovery.RETRY)
        if count > 1 + retries:
            yield f"run {run} began {count} times"


def _told_once(db: FaultyDatabase) -> Iterator[str]:
    """What there is to tell of a run is written with its end: neither without the other, nor twice."""
    wrong = db.ask(
        "SELECT r.id, r.status, count(n.id) FROM run r "
        "LEFT JOIN notice n ON n.run_id = r.id AND n.kind IN ('failure', 'interrupted') "
        "GROUP BY r.id HAVING count(n.id) <> (r.status IN ('failed', 'interrupted'))"
    )
    for run, status, notices in wrong:
        yield f"run {run} is {status} and is told {notices} times"


def _run_for_each_start(db: FaultyDatabase) -> Iterator[str]:
    wrong = db.ask(
        "SELECT f.id, f.outcome, f.reason, count(r.id) FROM fire f LEFT JOIN run r ON r.fire_id = f.id "
        "GROUP BY f.id HAVING count(r.id) <> (f.outcome = 'started') OR (f.outcome = 'started') <> (f.reason IS NULL)"
    )
    for fire, outcome, reason, runs in wrong:
        yield f"fire {fire} is {outcome} ({reason}) and has {runs} runs"


def _one_row_for_each_moment(db: FaultyDatabase, cast: Cast, times: Times) -> Iterator[str]:
    back = steps_back(db)
    ledger: dict[int, list[Line]] = {trigger: [] for trigger in cast.moments}
    query = (
        "SELECT f.trigger_id, f.scheduled_for, f.range_to, f.count, f.era, t.kind FROM fire f "
        "JOIN trigger t ON t.id = f.trigger_id WHERE f.reason IS NOT 'clock_back' ORDER BY f.id"
    )
    for trigger, moment, range_to, count, era, kind in db.ask(query):
        shift = sum(back[: era - 1], timedelta()) if kind == "simple" else timedelta()
        moment, range_to = _moment(moment), _moment(range_to)
        ledger[trigger].append(Line(moment + shift, range_to + shift if range_to else None, count))  # type: ignore[operator]
    for trigger, kind, era, following in db.ask("SELECT id, kind, era, next_fire_at FROM trigger WHERE NOT is_paused"):
        moments = cast.moments[trigger]
        in_real_time = kind == "simple" and bool(back)
        if moments is None or (in_real_time and era != len(back) + 1):
            continue  # what began after a step back is by the clock that was put
        ticks = times.in_truth if in_real_time else times.on_the_wall
        must = ticks.must
        if not in_real_time and (next_at := _moment(following)) and next_at > times.now:
            must = min(must, next_at - timedelta.resolution)  # was paused, and the clock was put back: it comes again
        expected, possible = moments(times.began, must), moments(times.began, ticks.may)
        yield from _compare(trigger, ledger[trigger], moments, expected, possible)


def steps_back(db: FaultyDatabase) -> list[timedelta]:
    rows = db.ask("SELECT began_at, ended_at FROM outage WHERE kind = 'clock_back' ORDER BY id")
    return [_moment(ended) - _moment(began) for began, ended in rows]  # type: ignore[operator]


def _compare(
    trigger: int, lines: list[Line], moments: Moments, expected: list[datetime], possible: list[datetime]
) -> Iterator[str]:
    found: list[datetime] = []
    for line in lines:
        if line.range_to is None:
            found.append(line.scheduled_for)
            continue
        folded = [line.scheduled_for, *moments(line.scheduled_for, line.range_to)]
        if len(folded) != line.count:
            yield f"trigger {trigger}: a range row counts {line.count} moments and covers {len(folded)}"
        found += folded
    missing, extra = Counter(expected) - Counter(found), Counter(found) - Counter(possible)
    if missing or extra:
        yield f"trigger {trigger}: moments without a row {_said(missing)}, rows too many {_said(extra)}"


def _said(moments: Counter[datetime]) -> list[str]:
    return [f"{moment:%H:%M:%S.%f}" for moment in sorted(moments.elements())][:10]


def _goes_on_after_what_is_decided(db: FaultyDatabase) -> Iterator[str]:
    wrong = db.ask(
        "SELECT t.id, t.next_fire_at, max(coalesce(f.range_to, f.scheduled_for)) AS newest "
        "FROM trigger t JOIN fire f ON f.trigger_id = t.id AND f.era = t.era "
        "WHERE f.reason IS NOT 'clock_back' GROUP BY t.id HAVING t.next_fire_at <= newest"
    )
    for trigger, next_fire_at, newest in wrong:
        yield f"trigger {trigger} goes on at {next_fire_at}, and {newest} is decided already"


def _files(db: FaultyDatabase) -> Iterator[str]:
    """In this simulation every second run makes a file, which is there with its success, once."""
    wrong = db.ask(
        "SELECT r.id, r.status, count(f.id) FROM run r LEFT JOIN result_file f ON f.run_id = r.id "
        f"WHERE r.status IN {FINAL} GROUP BY r.id HAVING count(f.id) <> (r.status = 'succeeded' AND r.id % 2)"
    )
    for run, status, files in wrong:
        yield f"run {run} {status} with {files} files"


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)).replace(tzinfo=UTC) if text is not None else None
