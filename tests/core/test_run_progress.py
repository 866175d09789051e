"""Progress as it is kept with its run and looked at: in short, as of a moment, with what earlier runs let expect."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.bootstrap import Services
from app.core.models import Job, ProgressTree, Run
from app.core.policies import Policies
from app.core.ports import Assignment, Ended, Progressed
from app.core.progress_views import Expectation, as_of, expected, implied, in_short, stage_times
from app.core.retries import RetryPolicy
from app.core.statuses import FailureReason, RunStatus
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def stage(
    name: str, begin: float, end: float | None = None, *, total: int | None = 0, done: int = 0, failed: int = 0
) -> dict[str, Any]:
    """A stage; without an end it is still running. Times are seconds after noon."""
    ended = {} if end is None else {"ended_at": at(end)}
    return {
        "description": name, "status": "RUNNING" if end is None else "SUCCESS", "started_at": at(begin), **ended,
        "on_failure": "FAIL", "total": total, "done": done, "failed": failed, "items": [],
    }  # fmt: skip


def tree(*stages: dict[str, Any], **process: Any) -> dict[str, Any]:
    shown = {"description": "Send", "status": "RUNNING", "started_at": at(0), "stages": list(stages)}
    return {"processes": [shown | process]}


# In short


@pytest.mark.parametrize(
    ("values", "short"),
    [
        ({"stage": "export", "rows": 10}, {"stage": "export", "rows": 10}),
        (tree(stage("a", 0, 1), stage("b", 1)), {"stage": "b"}),
        (
            {"rows": 3} | tree(stage("b", 1, total=9, done=4, failed=1)),
            {"rows": 3, "stage": "b", "items_done": 4, "items_failed": 1, "items_total": 9},
        ),
        (
            tree(stage("b", 1, total=None, done=4)),
            {"stage": "b", "items_done": 4, "items_failed": 0, "items_total": None},
        ),
        ({"errors": [{"code": "E1"}]}, {}),
        (tree(), {}),
    ],
    ids=["told", "newest stage", "items", "unknown total", "errors alone", "no stage"],
)
def test_lists_show_the_newest_stage_and_no_tree(values: dict[str, Any], short: dict[str, Any]) -> None:
    assert in_short(values) == short


# As of a moment


def run_in(status: RunStatus, **fields: Any) -> Run:
    finished = NOON + timedelta(seconds=9) if status.is_final else None
    return Run(status=status, job_name="nightly", queued_at=NOON, started_at=NOON, finished_at=finished, **fields)


@pytest.mark.parametrize(
    ("status", "process"),
    [
        (RunStatus.RUNNING, "RUNNING"),
        (RunStatus.CANCELLING, "CANCELLED"),
        (RunStatus.SUCCEEDED, "SUCCESS"),
        (RunStatus.FAILED, "ERROR"),
        (RunStatus.CANCELLED, "CANCELLED"),
        (RunStatus.INTERRUPTED, "ERROR"),
    ],
)
def test_a_process_that_nobody_has_ended_ends_as_its_run_does(status: RunStatus, process: str) -> None:
    shown = as_of(run_in(status), tree(stage("send", 1)))["processes"][0]

    assert shown["status"] == process
    if status.is_final:
        assert (shown["stages"][0]["status"], shown["stages"][0]["ended_at"]) == (process, at(9))
    else:
        assert shown["stages"][0]["status"] == "RUNNING"


def test_a_cancellation_shows_its_moment_at_once() -> None:
    run = run_in(RunStatus.CANCELLING, cancelled_at=NOON + timedelta(seconds=5))

    assert as_of(run, tree())["processes"][0]["cancelled_at"] == at(5)


def test_a_process_that_has_ended_keeps_its_status() -> None:
    run = run_in(RunStatus.CANCELLING, cancelled_at=NOON)

    shown = as_of(run, tree(status="SUCCESS", ended_at=at(1)))["processes"][0]

    assert (shown["status"], "cancelled_at" in shown) == ("SUCCESS", False)


def test_what_a_lost_run_leaves_running_says_why_it_ended() -> None:
    run = run_in(RunStatus.INTERRUPTED, reason=FailureReason.SERVER_LOST, error="the server ended")

    shown = as_of(run, tree(stage("send", 1)))["processes"][0]

    assert (shown["error"], shown["stages"][0]["error"]) == ("the server ended", "the server ended")


def test_a_run_that_says_nothing_is_one_process() -> None:
    assert implied(run_in(RunStatus.RUNNING)) == {
        "processes": [{"description": "nightly", "status": "RUNNING", "started_at": at(0), "stages": []}]
    }


# How long the rest will take

EARLIER = stage_times(tree(stage("read", 0, 10), stage("send", 10, 110, total=100, done=100), stage("tidy", 110, 115)))
SLOWER = stage_times(tree(stage("read", 0, 30), stage("send", 30, 330, total=100, done=90, failed=10)))


@pytest.mark.parametrize(
    ("now", "stages", "history", "left"),
    [
        (5, [], [], (None, None)),
        (5, [stage("read", 0)], [], (None, None)),
        (5, [stage("send", 0, total=10, done=2)], [], (20, None)),
        (5, [stage("send", 0, total=10, done=1, failed=1)], [], (20, None)),
        (5, [stage("send", 0, total=None, done=2)], [], (None, None)),
        (4, [stage("read", 0)], [EARLIER], (6, 111)),
        (40, [stage("read", 0)], [EARLIER], (0, 105)),
        (4, [stage("read", 0)], [EARLIER, SLOWER], (16, 16 + 200 + 5)),
        (20, [stage("read", 0, 10), stage("send", 10, total=200, done=0)], [EARLIER], (190, 195)),
        (20, [stage("read", 0, 10), stage("send", 10, total=200, done=100)], [EARLIER], (10, 15)),
        (20, [stage("read", 0, 10)], [EARLIER], (0, 105)),
        (20, [stage("something new", 0)], [EARLIER], (None, None)),
    ],
    ids=[
        "nothing yet", "no history", "own pace", "failed items count", "unknown total", "history of the stage",
        "longer than usual", "median of two runs", "history's pace for this total", "own pace before history's",
        "between stages", "unknown stage",
    ],
)  # fmt: skip
def test_the_rest_is_expected_from_earlier_runs_and_the_pace_of_this_one(
    now: float, stages: list[Any], history: list[Any], left: tuple[float | None, float | None]
) -> None:
    assert expected(tree(*stages), history, NOON + timedelta(seconds=now)) == Expectation(*left)


def test_stages_of_one_name_are_told_apart() -> None:
    earlier = stage_times(tree(stage("round", 0, 10), stage("round", 10, 60)))

    left = expected(tree(stage("round", 0, 12), stage("round", 12)), [earlier], NOON + timedelta(seconds=20))

    assert left == Expectation(42, 42)


# Kept with the run


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job()


def begin(services: Services, executor: FakeExecutor, job: Job) -> Assignment:
    services.runs.request(job.uid, by="ada")
    services.engine.dispatch()
    return executor.assignments[-1]


def report(services: Services, assignment: Assignment, values: dict[str, Any]) -> None:
    services.runs.record([Progressed(assignment.run_id, assignment.token, services.clock(), values)])


def end(services: Services, assignment: Assignment, status: RunStatus = RunStatus.SUCCEEDED) -> None:
    services.runs.record([Ended(assignment.run_id, assignment.token, services.clock(), status)])


def test_a_tree_is_kept_and_replaced(services: Services, executor: FakeExecutor, job: Job) -> None:
    assignment = begin(services, executor, job)
    report(services, assignment, {"rows": 1} | tree(stage("read", 0)))
    report(services, assignment, {"rows": 2} | tree(stage("read", 0, 1), stage("send", 1)))
    end(services, assignment)

    run = services.runs.get(assignment.run_id)
    assert run.progress == {"rows": 2, "stage": "send"}
    shown = services.progress.of(run)
    assert shown is not None
    assert (shown["rows"], [each["description"] for each in shown["processes"][0]["stages"]]) == (2, ["read", "send"])
    with services.db.reading() as session:
        assert session.query(ProgressTree).count() == 1


def test_trees_of_several_runs_are_written_together(
    services: Services, executor: FakeExecutor, make_job: MakeJob
) -> None:
    first, second = (begin(services, executor, make_job(name=name)) for name in ("first", "second"))
    report(services, first, tree(stage("old", 0)))

    reports = [
        Progressed(assignment.run_id, assignment.token, NOON, tree(stage("new", 0))) for assignment in (first, second)
    ]
    services.runs.record(reports)

    shown = services.progress.trees([services.runs.get(assignment.run_id) for assignment in (first, second)])
    assert [each["processes"][0]["stages"][0]["description"] for each in shown.values()] == ["new", "new"]


def test_values_without_a_tree_are_kept_in_short(services: Services, executor: FakeExecutor, job: Job) -> None:
    assignment = begin(services, executor, job)
    assert services.progress.of(services.runs.get(assignment.run_id)) is None

    report(services, assignment, {"rows": 1})

    assert services.progress.of(services.runs.get(assignment.run_id)) == {
        "rows": 1, "processes": [], "stage_seconds_left": None, "seconds_left": None,
    }  # fmt: skip


def test_a_late_tree_of_an_earlier_attempt_is_dropped(services: Services, executor: FakeExecutor, job: Job) -> None:
    assignment = begin(services, executor, job)
    end(services, assignment)

    report(services, assignment, tree(stage("send", 0)))

    assert services.progress.of(services.runs.get(assignment.run_id)) is None


def test_a_new_attempt_begins_without_progress(
    services: Services, executor: FakeExecutor, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(policies=Policies(retry=RetryPolicy(count=1, delay_seconds=1)))
    first = begin(services, executor, job)
    report(services, first, tree(stage("send", 0)))
    failed = Ended(first.run_id, first.token, clock(), RunStatus.FAILED, FailureReason.EXCEPTION)
    services.runs.record([failed])

    clock.advance(seconds=600)
    services.engine.dispatch()

    again = services.runs.get(first.run_id)
    assert (again.status, services.progress.of(again)) == (RunStatus.RUNNING, None)
    (process,) = services.progress.trees([again])[again.id]["processes"]
    assert (process["status"], process["started_at"]) == ("RUNNING", at(600))


def test_only_good_runs_before_this_one_let_expect_its_end(
    services: Services, executor: FakeExecutor, job: Job, clock: FakeClock
) -> None:
    for seconds, status in ((10, RunStatus.SUCCEEDED), (1000, RunStatus.FAILED)):
        earlier = begin(services, executor, job)
        report(services, earlier, tree(stage("send", 0, seconds)))
        end(services, earlier, status)
    assignment = begin(services, executor, job)
    report(services, assignment, tree(stage("send", 0)))

    clock.advance(seconds=4)

    shown = services.progress.of(services.runs.get(assignment.run_id))
    assert shown is not None
    assert (shown["stage_seconds_left"], shown["seconds_left"]) == (6, 6)


def test_the_newest_run_of_a_type_is_the_completed_one(
    services: Services, executor: FakeExecutor, make_job: MakeJob
) -> None:
    jobs = [make_job(name=name) for name in ("first", "second")]
    runs = [begin(services, executor, job) for job in (*jobs, jobs[0]) if not end_all(services, executor)]
    assert [run.id for run in services.progress.going_on(["NOTHING"])] == [runs[-1].run_id]
    assert [run.id for run in services.progress.completed(["NOTHING"])] == [runs[-2].run_id]

    end_all(services, executor)

    assert services.progress.going_on(["NOTHING"]) == []
    assert [run.id for run in services.progress.completed(["NOTHING", "OTHER"])] == [runs[-1].run_id]
    assert services.progress.completed(["OTHER"]) == []


def end_all(services: Services, executor: FakeExecutor) -> None:
    for assignment in executor.assignments:
        if not services.runs.get(assignment.run_id).status.is_final:
            end(services, assignment)
