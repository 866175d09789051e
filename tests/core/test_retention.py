"""Retention: what goes, what never does, that the preview says so, and that no transaction is large.

Histories are written straight into the tables; each is looked over with the rules of one test.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select

from app.bootstrap import Services, build
from app.core.errors import InvalidError, NotFoundError
from app.core.jobs import JobSpec
from app.core.models import (
    Attempt,
    Base,
    Fire,
    Job,
    LogEntry,
    Outage,
    Pause,
    ProgressTree,
    Removal,
    ResultFile,
    Run,
    RunStep,
    StartKey,
    Token,
)  # fmt: skip
from app.core.removing import MOST_ROWS
from app.core.retention import GRACE, LOOK_EVERY, Retention
from app.core.retention_kinds import LOG, MOMENT, RUN, TREE
from app.core.retention_rules import DEFAULTS, Rules
from app.core.statuses import (
    FireOutcome,
    FireReason,
    OnFailure,
    Origin,
    OutageKind,
    PauseScope,
    Role,
    RunStatus,
)
from app.core.triggers import cron
from config import Settings
from tests.core.conftest import MakeJob
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

NEVER = Rules(run_days=None, run_count=None, moment_days=None, moment_count=None, log_days=None)


@dataclass
class History:
    """Writes runs and moments of the past."""

    services: Services
    clock: FakeClock

    def __post_init__(self) -> None:
        self.moments = itertools.count()

    def run(
        self,
        job: Job,
        days: float,
        *,
        lines: int = 0,
        tree: bool = False,
        status: RunStatus = RunStatus.SUCCEEDED,
        **more: Any,
    ) -> int:
        """A run that ended so many days ago."""
        return self.runs(job, [days], lines=lines, tree=tree, status=status, **more)[0]

    def runs(
        self, job: Job, days: list[float], *, lines: int = 0, tree: bool = False,
        status: RunStatus = RunStatus.SUCCEEDED, **more: Any,
    ) -> list[int]:  # fmt: skip
        with self.services.db.transaction() as session:
            fire_id = session.scalar(select(func.max(Fire.id))) or 0
            run_id = session.scalar(select(func.max(Run.id))) or 0
            fires = [self._fire(job, each, FireOutcome.STARTED) | {"id": fire_id + n} for n, each in enumerate(days, 1)]
            session.execute(insert(Fire), fires)
            rows = [
                self._run(job, fire, status) | {"id": run_id + n} | more for n, fire in enumerate(fires, 1)
            ]  # fmt: skip
            session.execute(insert(Run), rows)
            ids = [row["id"] for row in rows]
            if lines:
                session.execute(insert(LogEntry), [
                    {"run_id": i, "number": n, "at": self.clock(), "level": "info", "message": "said"}
                    for i in ids for n in range(1, lines + 1)
                ])  # fmt: skip
            if tree:
                session.execute(insert(ProgressTree), [{"run_id": i, "tree": {"name": "x"}} for i in ids])
        return ids

    def moment(self, job: Job, days: float, outcome: FireOutcome = FireOutcome.SKIPPED) -> int:
        with self.services.db.transaction() as session:
            fire = Fire(id=(session.scalar(select(func.max(Fire.id))) or 0) + 1, **self._fire(job, days, outcome))
            session.add(fire)
            session.flush()
            return fire.id

    def _fire(self, job: Job, days: float, outcome: FireOutcome) -> dict[str, Any]:
        at = self.clock() - timedelta(days=days) + timedelta(microseconds=next(self.moments))
        reason = None if outcome is FireOutcome.STARTED else FireReason.OVERLAP
        return {
            "job_id": job.id, "trigger_id": None, "scheduled_for": at, "decided_at": at, "outcome": outcome,
            "reason": reason, "detail": None,
        }  # fmt: skip

    def _run(self, job: Job, fire: dict[str, Any], status: RunStatus) -> dict[str, Any]:
        at = fire["scheduled_for"]
        return {
            "job_id": job.id, "fire_id": fire["id"], "job_name": job.name, "job_type": job.job_type, "status": status,
            "origin": Origin.TRIGGER, "parameters": {}, "scheduled_for": at, "queued_at": at, "started_at": at,
            "finished_at": at if status.is_final else None, "heartbeat_at": at, "lease_until": at, "attempts": 1,
        }  # fmt: skip

    def add(self, *rows: Base) -> None:
        with self.services.db.transaction() as session:
            session.add_all(rows)

    def change(self, table: type[Base], key: Any, **values: Any) -> None:
        with self.services.db.transaction() as session:
            row = session.get_one(table, key)
            for name, value in values.items():
                setattr(row, name, value)

    def left(self, column: Any = Run.id) -> list[Any]:
        with self.services.db.reading() as session:
            return list(session.scalars(select(column).order_by(column)))


@pytest.fixture
def history(services: Services, clock: FakeClock) -> History:
    return History(services, clock)


@pytest.fixture
def retention(services: Services, clock: FakeClock) -> Retention:
    """One that never has to stop for others: its own seconds stand still."""
    return Retention(services.db, clock, services.keeping, lambda: 0.0)


def look(retention: Retention, rules: Rules | None = None) -> dict[str, int]:
    """Save rules and carry them out; gives what was removed by kind, which is what the preview had said."""
    said = retention.preview(rules)
    if rules is not None:
        retention.save(rules, "ada")
    removed: dict[str, int] = {}
    for step in retention.steps():
        removed[step.kind] = removed.get(step.kind, 0) + step.count
    assert {freed.kind: freed.count for freed in said.kinds if freed.count} == {
        kind: count for kind, count in removed.items() if count and kind != "other"
    }
    assert retention.preview().is_nothing
    return {kind: count for kind, count in removed.items() if count}


# Runs


def test_runs_go_by_age_since_their_end_with_their_moments(
    history: History, retention: Retention, make_job: MakeJob
) -> None:
    job = make_job()
    old, _, young = history.run(job, 31), history.run(job, 30.5), history.run(job, 29)
    history.change(Run, old + 1, finished_at=history.clock() - timedelta(days=29))

    assert look(retention, Rules(run_days=30)) == {RUN: 1}

    assert history.left() == [old + 1, young]
    assert len(history.left(Fire.id)) == 2


def test_runs_go_by_count_of_their_job(history: History, retention: Retention, make_job: MakeJob) -> None:
    job, other = make_job(), make_job(name="other")
    runs = history.runs(job, [5, 4, 3, 2, 1], status=RunStatus.FAILED)
    few = history.runs(other, [9, 8])

    assert look(retention, Rules(run_count=2)) == {RUN: 3}

    assert history.left() == [*runs[-2:], *few]


def test_age_and_count_together_count_a_run_once(history: History, retention: Retention, make_job: MakeJob) -> None:
    history.runs(make_job(), [40, 35, 5, 4, 3, 2])

    assert look(retention, Rules(run_days=30, run_count=2)) == {RUN: 4}


def test_rules_that_ask_for_nothing_remove_nothing(history: History, retention: Retention, make_job: MakeJob) -> None:
    history.runs(make_job(), [9000, 8000], lines=2, tree=True)
    history.moment(make_job(name="other"), 9000)

    assert look(retention, NEVER) == {}


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING])
def test_active_runs_never_go(status: RunStatus, history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    active = history.run(job, 900, status=status, lines=3, tree=True)
    history.runs(job, [800, 1])

    assert look(retention, Rules(run_days=1, run_count=1, log_days=1)) == {RUN: 1}
    assert history.left()[0] == active
    assert len(history.left(LogEntry.number)) == 3


def test_the_run_that_a_job_shows_never_goes(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    shown = history.run(job, 900, lines=1)
    history.change(Job, job.id, last_run_id=shown)

    assert look(retention, Rules(run_days=1)) == {LOG: 1}
    assert history.left() == [shown]


def test_of_a_deleted_job_all_runs_go(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    history.change(Job, job.id, last_run_id=history.run(job, 900))
    history.services.jobs.delete(job.uid, by="ada")

    assert look(retention, Rules(run_days=1)) == {RUN: 1}
    assert history.left() == []


def test_an_interrupted_run_that_asks_never_goes(history: History, retention: Retention, make_job: MakeJob) -> None:
    asking = history.run(make_job(), 900, status=RunStatus.INTERRUPTED, asks=True, lines=1)

    assert look(retention, Rules(run_days=1, log_days=1)) == {}
    assert history.left() == [asking]


def test_a_run_stays_as_long_as_one_of_its_results(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    run_id = history.run(job, 900)
    history.add(result(job, run_id, pinned=True), result(job, run_id, removed_at=history.clock()))

    assert look(retention, Rules(run_days=1, run_count=1)) == {}

    with history.services.db.transaction() as session:
        session.query(ResultFile).delete()
    assert look(retention) == {RUN: 1}


def result(job: Job, run_id: int, **more: Any) -> ResultFile:
    at = datetime.fromisoformat("2026-01-01T00:00:00Z")
    return ResultFile(
        run_id=run_id, job_id=job.id, job_name=job.name, scheduled_for=at, created_at=at, name="a.csv",
        path="1/1-a-1.csv",         media_type="text/csv", size=10, sha256="", **more,
    )  # fmt: skip


def test_what_hangs_on_a_run_goes_with_it(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    run_id = history.run(job, 900, lines=5, tree=True, attempts=3)
    at = history.clock()
    history.add(
        StartKey(job_id=job.id, key="k", digest="", run_id=run_id),
        *(Attempt(run_id=run_id, number=n, status=RunStatus.FAILED, finished_at=at, last_log=0) for n in (1, 2)),
    )

    assert look(retention, Rules(run_days=1, log_days=None)) == {RUN: 1}

    assert not any(
        history.left(column) for column in (Attempt.number, StartKey.key, LogEntry.number, ProgressTree.run_id)
    )


def test_a_start_with_a_key_can_be_repeated_for_a_week_whatever_the_rules_say(
    history: History, retention: Retention, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job()
    run_id = history.run(job, 6)
    history.run(job, 1)
    history.add(StartKey(job_id=job.id, key="k", digest="", run_id=run_id))

    assert look(retention, Rules(run_count=1)) == {}

    clock.advance(days=2)
    assert look(retention) == {RUN: 1}


def test_rows_that_name_a_run_which_went_stay(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    blocking = history.run(job, 900)
    blocked = history.moment(job, 1)
    history.change(Fire, blocked, blocking_run_id=blocking)

    assert look(retention, Rules(run_days=30)) == {RUN: 1}

    assert history.left(Fire.blocking_run_id) == [blocking]


def test_what_refers_to_runs_and_fires_is_known_here() -> None:
    """Whoever adds a table that does: say above what becomes of its rows, and in app.core.removing."""
    referring = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if any(key.column.table.name in ("run", "fire") for key in column.foreign_keys)
    }

    assert referring == {
        ("attempt", "run_id"),
        ("log_line", "run_id"),
        ("progress_tree", "run_id"),
        ("result_file", "run_id"),
        ("run", "fire_id"),
        ("run_step", "run_id"),
        ("run_step", "step_run_id"),
        ("start_key", "run_id"),
    }


# Queues


@pytest.fixture
def queue_run(history: History, make_job: MakeJob) -> tuple[int, list[int]]:
    """A queue's run of 40 days ago with two steps that ran and one that did not; and the ids of the steps' runs."""
    queue, step = make_job(name="queue"), make_job(name="step")
    of_queue = history.run(queue, 40)
    history.change(Run, of_queue, job_type="QUEUE")
    steps = history.runs(step, [40.2, 40.1], origin=Origin.QUEUE, lines=2)
    history.add(*(
        RunStep(run_id=of_queue, position=n, job_id=step.id, job_name="", on_failure=OnFailure.STOP, step_run_id=each)
        for n, each in enumerate([*steps, None])
    ))  # fmt: skip
    return of_queue, steps


def test_steps_go_with_the_run_of_their_queue(
    history: History, retention: Retention, queue_run: tuple[int, list[int]]
) -> None:
    assert look(retention, Rules(run_days=30, log_days=None)) == {RUN: 3}
    assert history.left() == history.left(RunStep.position) == history.left(LogEntry.number) == []


def test_steps_stay_with_the_run_of_their_queue(
    history: History, retention: Retention, queue_run: tuple[int, list[int]]
) -> None:
    history.change(Job, 1, last_run_id=queue_run[0])

    assert look(retention, Rules(run_days=30, run_count=1, log_days=None)) == {}


def test_a_step_with_a_result_outlives_the_run_of_its_queue(
    history: History, retention: Retention, queue_run: tuple[int, list[int]], services: Services
) -> None:
    history.add(result(services.jobs.get_by_name("step"), queue_run[1][0]))

    assert look(retention, Rules(run_days=30, log_days=None)) == {RUN: 2}
    assert history.left() == queue_run[1][:1]


# Moments


def test_moments_without_a_run_go_by_age(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    ran = history.run(job, 900)
    history.moment(job, 800)
    history.moment(job, 700, FireOutcome.MISSED)
    held = history.moment(job, 600, FireOutcome.HELD)
    young = history.moment(job, 1)

    assert look(retention, Rules(moment_days=30, run_days=None)) == {MOMENT: 2}

    assert history.left(Fire.id) == [1, held, young]
    assert history.left() == [ran]


def test_of_each_job_the_newest_moments_stay(history: History, retention: Retention, make_job: MakeJob) -> None:
    job, other = make_job(), make_job(name="other")
    history.run(job, 9)
    moments = [history.moment(job, days) for days in (8, 7, 6, 5)]
    history.moment(other, 300)

    assert look(retention, Rules(moment_count=2)) == {MOMENT: 2}

    assert history.left(Fire.id) == [1, *moments[2:], 6]


# Logs


def test_logs_and_trees_go_before_their_runs(history: History, retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    old, young = history.run(job, 40, lines=3, tree=True), history.run(job, 20, lines=2, tree=True)

    assert look(retention, Rules(log_days=30)) == {LOG: 3, TREE: 1}

    assert history.left() == [old, young]
    assert history.left(LogEntry.run_id) == [young, young]
    assert history.left(ProgressTree.run_id) == [young]


# Jobs that differ


def test_a_job_may_keep_more_or_less_than_the_others(history: History, retention: Retention, make_job: MakeJob) -> None:
    long, short, usual = make_job(name="long"), make_job(name="short"), make_job(name="usual")
    for job in (long, short, usual):
        history.runs(job, [100], lines=1)
    for job in (long, short, usual):
        history.moment(job, 60)
    for job in (long, short, usual):
        history.runs(job, [50, 5], lines=1)
    retention.save_differing(long.uid, {"run_days": None, "moment_days": None, "log_days": None})
    retention.save_differing(short.uid, {"run_count": 1, "log_days": 2})

    assert look(retention, Rules(run_days=60, log_days=60, moment_days=30)) == {LOG: 4, RUN: 3, MOMENT: 2}

    assert history.left(Run.job_id) == [long.id, long.id, long.id, short.id, usual.id, usual.id]
    assert history.left(LogEntry.run_id) == [1, 4, 5, 8, 9]


def test_the_preview_of_a_job_is_of_that_job(history: History, retention: Retention, make_job: MakeJob) -> None:
    job, other = make_job(), make_job(name="other")
    history.runs(job, [100, 50, 5], lines=1)
    history.runs(other, [100, 50, 5], lines=1)

    said = retention.preview_of(job.uid, {"run_days": 30, "log_days": None})

    assert [(freed.kind, freed.count) for freed in said.kinds if freed.count] == [(RUN, 2)]
    assert [(each.name, each.count) for each in said.jobs] == [("nightly", 2)]
    assert retention.differing(job.uid) == {}


def test_a_job_that_differs_no_more_is_as_all_others(retention: Retention, make_job: MakeJob) -> None:
    job = make_job()
    retention.save_differing(job.uid, {"run_days": 5})
    assert retention.differing(job.uid) == {"run_days": 5}

    retention.save_differing(job.uid, {})

    assert retention.differing(job.uid) == {}
    with pytest.raises(NotFoundError):
        retention.differing("nobody")


# The preview


def test_the_preview_says_how_much_since_when_and_of_which_jobs(
    history: History, retention: Retention, make_job: MakeJob, clock: FakeClock
) -> None:
    talkative, quiet = make_job(name="talkative"), make_job(name="quiet")
    history.runs(quiet, [70, 60])
    history.run(talkative, 50, lines=100)

    said = retention.preview(Rules(run_days=30, log_days=20))

    runs, lines = said.of(RUN), said.of(LOG)
    assert (runs.count, lines.count, runs.more) == (3, 100, False)
    assert runs.oldest
    assert runs.newest
    assert (clock() - runs.oldest).days, (clock() - runs.newest).days == (69, 49)
    assert [(each.name, each.count) for each in said.jobs] == [("talkative", 101), ("quiet", 2)]
    assert runs.bytes > 2000
    assert lines.bytes > 400


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (Rules(run_days=0), "run_days"), (Rules(moment_count=-1), "moment_count"), (Rules(log_lines=99), "log_lines"),
        (Rules(folder_percent=101), "folder_percent"), (Rules(log_bytes=None), "log_bytes"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(rules: Rules, field: str, retention: Retention) -> None:
    for ask in (lambda: retention.save(rules, "ada"), lambda: retention.preview(rules)):
        with pytest.raises(InvalidError) as refused:
            ask()
        assert [problem.field for problem in refused.value.errors] == [field]


def test_rules_are_stored_where_they_differ_from_the_defaults(retention: Retention) -> None:
    assert retention.rules() == DEFAULTS

    retention.save(Rules(run_days=None, log_days=7), "ada")

    assert retention.rules() == Rules(run_days=None, log_days=7)


@pytest.mark.parametrize(
    ("differing", "answer"),
    [
        ({"moment_days": 5}, "moments without a run are kept for 5 days"),
        ({"run_days": 5, "moment_days": 6}, "runs are kept for 5 days and moments without a run are kept for 6 days"),
        ({"moment_count": 2}, "of the job the newest 2 moments are kept"),
        ({"run_count": 3}, "as it is now, would have been due"),
    ],
)
def test_why_knows_what_was_removed(
    differing: dict[str, int], answer: str, history: History, retention: Retention, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(cron("0 0 * * * ?", "UTC"))
    history.change(Job, job.id, created_at=clock() - timedelta(days=100))
    history.runs(job, [3.01, 2.01])

    retention.save_differing(job.uid, differing)

    assert answer in history.services.ledger.why(job.uid, clock() - timedelta(days=10)).answer


# The work


def test_nothing_goes_in_the_first_week_unless_somebody_has_seen_the_rules(
    history: History, retention: Retention, make_job: MakeJob, clock: FakeClock
) -> None:
    history.run(make_job(), 900)

    assert retention.work() == 0
    assert retention.begins_at() == clock() + GRACE

    clock.advance(days=7)
    assert retention.begins_at() is None
    assert retention.work() == 1


def test_saved_rules_hold_at_once(history: History, retention: Retention, make_job: MakeJob) -> None:
    history.run(make_job(), 900)
    assert retention.work() == 0

    retention.save(DEFAULTS, "ada")

    assert retention.work() == 1


def test_everything_is_looked_over_once_an_hour(
    history: History, retention: Retention, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job()
    retention.save(DEFAULTS, "ada")
    assert retention.work() == 0
    history.run(job, 900)

    assert retention.work() == 0

    clock.advance(seconds=LOOK_EVERY.total_seconds())
    assert retention.work() == 1


def test_a_slice_ends_and_the_next_goes_on(history: History, services: Services, make_job: MakeJob) -> None:
    history.runs(make_job(), [900] * 600)
    time = itertools.count(step=3)
    rests: list[float] = []
    retention = Retention(services.db, services.clock, services.keeping, lambda: float(next(time)), rests.append)
    retention.save(NEVER, "ada")
    retention.save(Rules(run_days=1), "ada")

    slices = [retention.work() for _ in range(20)]

    assert sum(slices) == 600
    assert max(slices) < 600
    assert len(rests) >= sum(count > 0 for count in slices)
    assert [(removal.kind, removal.count) for removal in removals(services)] == [(RUN, 600)]


def removals(services: Services) -> list[Removal]:
    with services.db.reading() as session:
        return list(session.scalars(select(Removal)))


def test_what_little_there_is_of_other_things_goes_too(
    history: History, retention: Retention, clock: FakeClock, services: Services
) -> None:
    user = services.users.add("eve", "a long password", Role.USER)
    ago = {days: clock() - timedelta(days=days) for days in (500, 300, 100, 10)}
    history.add(
        *(Outage(kind=OutageKind.DOWN, began_at=at, ended_at=at) for at in ago.values()),
        *(Pause(scope=PauseScope.ALL, name="", began_at=at, ended_at=at) for at in ago.values()),
        Pause(scope=PauseScope.ALL, name="", began_at=ago[500], ended_at=None),
        *(
            Token(user_id=user.id, name=f"{days} {name}", prefix="", digest=f"{days} {name}",
                  created_at=at, **{name: at})
            for days, at in ago.items() for name in ("expires_at", "revoked_at")
        ),
        Token(user_id=user.id, name="for good", prefix="", digest="", created_at=ago[500]),
    )  # fmt: skip

    look(retention, DEFAULTS)

    assert len(history.left(Outage.id)) == 3
    assert len(history.left(Pause.id)) == 4
    assert history.left(Token.name) == ["10 expires_at", "10 revoked_at", "for good"]


# Every transaction is small, and may be the last


@pytest.fixture
def much(history: History, make_job: MakeJob, clock: FakeClock) -> History:
    write_much(history, make_job(), make_job(name="queue"), make_job(name="other"))
    return history


def write_much(history: History, job: Job, queue: Job, other: Job) -> None:
    """All that references something, more of each than one transaction takes."""
    runs = history.runs(job, [900 - n / 100 for n in range(300)], attempts=4)
    at = history.clock()
    history.add(*(
        Attempt(run_id=run_id, number=n, status=RunStatus.FAILED, finished_at=at, last_log=0)
        for run_id in runs for n in (1, 2, 3)
    ))  # fmt: skip
    history.run(job, 800, lines=1700, tree=True)
    history.runs(job, [790 - n for n in range(30)], lines=40, tree=True)
    for n in range(20):
        history.moment(job, 500 - n)
    of_queue = history.run(queue, 750)
    history.change(Run, of_queue, job_type="QUEUE")
    steps = history.runs(other, [750] * 150, origin=Origin.QUEUE)
    history.add(*(
        RunStep(run_id=of_queue, position=n, job_id=other.id, job_name="", on_failure=OnFailure.STOP, step_run_id=each)
        for n, each in enumerate(steps)
    ))  # fmt: skip
    history.run(other, 1)


SMALL = Rules(run_days=30, moment_days=30, log_days=60)


def test_no_transaction_is_large(much: History, retention: Retention, services: Services) -> None:
    sizes = transaction_sizes(services)

    look(retention, SMALL)

    assert len(much.left()) == 1
    assert sum(sizes) > 4000
    assert max(sizes) <= MOST_ROWS


def test_a_wake_gets_its_turn_after_each_transaction(much: History, services: Services, clock: FakeClock) -> None:
    """It is decided between two of them, in the same thread: were one still open, it would wait for it in vain."""
    services.jobs.create(JobSpec("often", "NOTHING", triggers=[cron("* * * * * ?", "UTC")], enabled=True), "ada")
    sizes, decided = transaction_sizes(services), []

    def wake(took: float) -> None:
        clock.advance(seconds=1)
        decided.append(services.fires.wake().decided)

    retention = Retention(services.db, clock, services.keeping, lambda: 0.0, wake)
    retention.save(SMALL, "ada")

    assert retention.work() > 2000
    assert len(decided) >= len(sizes) - 1
    assert set(decided) == {1}


def transaction_sizes(services: Services) -> list[int]:
    """Rows that each committed transaction deleted from now on, those by cascades not counted."""
    sizes = [0]

    @event.listens_for(services.db.engine, "after_cursor_execute")
    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("DELETE"):
            sizes[-1] += cursor.rowcount

    @event.listens_for(services.db.engine, "commit")
    def committed(connection: Any) -> None:
        if sizes[-1]:
            sizes.append(0)

    return sizes


def test_an_interruption_between_any_two_transactions_loses_nothing(
    much: History, retention: Retention, services: Services
) -> None:
    """Each look is broken off after its first transaction that did something: the next begins where it can."""
    retention.save(SMALL, "ada")
    looks = 0
    while any(step.count or step.bytes for step in retention.steps()):
        looks += 1
        assert_is_whole(services)

    assert looks > 12
    assert much.left() == [much.left()[0]]
    assert much.left(Fire.id) == [much.left(Run.fire_id)[0]]
    assert [much.left(column) for column in (LogEntry.number, Attempt.number, RunStep.position, StartKey.key)] == [
        []
    ] * 4


def assert_is_whole(services: Services) -> None:
    with services.db.reading() as session:
        assert not session.connection().exec_driver_sql("PRAGMA foreign_key_check").all()
        started = select(func.count()).where(Fire.outcome == FireOutcome.STARTED)
        assert session.scalar(started) == session.scalar(select(func.count(Run.id)))


def test_a_fault_of_the_database_ends_a_look_and_the_next_one_goes_on(
    much: History, retention: Retention, services: Services
) -> None:
    retention.save(SMALL, "ada")
    faults = iter([False, False, True])

    @event.listens_for(services.db.engine, "commit")
    def commit(connection: Any) -> None:
        if next(faults, False):
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        retention.work()
    retention.save(SMALL, "ada")
    retention.work()

    assert len(much.left()) == 1


# The same on PostgreSQL is in tests/core/test_retention_postgresql.py


def test_the_same_on_postgresql(empty_postgresql_url: str, tmp_path: Path, clock: FakeClock) -> None:
    settings = Settings(data_dir=tmp_path / "other", database_url=empty_postgresql_url)
    services = build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())
    history = History(services, clock)
    jobs = [services.jobs.create(JobSpec(name, "NOTHING"), by="ada") for name in ("nightly", "queue", "other", "long")]
    history.runs(jobs[3], [950, 840], lines=2)
    write_much(history, *jobs[:3])
    retention = Retention(services.db, clock, services.keeping, lambda: 0.0)
    retention.save_differing(jobs[3].uid, {"run_days": 850, "run_count": None, "log_days": None})

    removed = look(retention, SMALL)

    assert removed == {LOG: 2900, TREE: 31, RUN: 483, MOMENT: 20}
    assert history.left(Run.job_id) == [jobs[2].id, jobs[3].id]
    services.db.dispose()
