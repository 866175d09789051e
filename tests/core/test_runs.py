"""The life of a run: asked for, claimed, reported on, ended once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.bootstrap import Services
from app.core.claiming import Claimant
from app.core.errors import ConflictError, NotFoundError
from app.core.log_cap import Kept, LogLimits, LogSoFar
from app.core.models import Run
from app.core.policies import Policies
from app.core.ports import Alive, Assignment, Ended, Logged, LogLine, MadeFile, Progressed, Started
from app.core.recording import FAILED_PAUSE
from app.core.retention_rules import Rules
from app.core.retries import RetryPolicy
from app.core.runs import RunFilter
from app.core.statuses import FailureReason, Origin, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec
from tests.core.conftest import MakeJob
from tests.fakes import NOTHING, FakeClock, FakeExecutor


@pytest.fixture
def assignment(services: Services, make_job: MakeJob, executor: FakeExecutor) -> Assignment:
    services.runs.request(make_job().uid, by="ada")
    services.engine.dispatch()
    return executor.assignments[0]


def report(services: Services, *reports: Started | Progressed | Logged | Ended) -> None:
    services.engine.deliver(reports)
    services.engine.record()


def the_run(services: Services) -> Run:
    [run] = services.runs.list(RunFilter())
    return run


def test_a_run_by_hand_says_who_asked(services: Services, make_job: MakeJob) -> None:
    services.runs.request(make_job().uid, by="ada")

    run = the_run(services)
    assert (run.status, run.origin, run.requested_by) == (RunStatus.QUEUED, Origin.MANUAL, "ada")


def test_a_second_run_by_hand_is_refused_while_the_first_is_active(services: Services, make_job: MakeJob) -> None:
    job = make_job()
    services.runs.request(job.uid, by="ada")

    with pytest.raises(ConflictError, match="already running"):
        services.runs.request(job.uid, by="bob")
    assert len(services.runs.list(RunFilter())) == 1


def test_an_unknown_job_cannot_be_run(services: Services) -> None:
    with pytest.raises(NotFoundError):
        services.runs.request("x1234567890", by="ada")


def test_a_claimed_run_is_running_before_the_executor_has_it(services: Services, assignment: Assignment) -> None:
    run = the_run(services)
    assert (run.status, run.token, run.attempts) == (RunStatus.RUNNING, assignment.token, 1)


def test_no_more_is_claimed_than_there_is_room_for(
    services: Services, make_job: MakeJob, executor: FakeExecutor
) -> None:
    executor.room = 1
    for name in ("one", "two"):
        services.runs.request(make_job(name=name).uid, by="ada")

    assert services.engine.dispatch() == 1
    assert services.runs.counts() == {RunStatus.QUEUED: 1, RunStatus.RUNNING: 1}


def test_reports_are_written_down(services: Services, assignment: Assignment, clock: FakeClock) -> None:
    run_id, token = assignment.run_id, assignment.token
    made = MadeFile("out.csv", "1/1-x-1.csv", "text/csv", 10, "ab", 2, ["a", "b"])
    report(
        services,
        Started(run_id, token, clock(), 4711, 99),
        Logged(run_id, token, [LogLine(clock(), "info", "one"), LogLine(clock(), "info", "two")]),
        Progressed(run_id, token, clock(), {"rows": 2}),
        Logged(run_id, token, [LogLine(clock(), "warning", "three")]),
        Ended(run_id, token, clock() + timedelta(seconds=2), RunStatus.SUCCEEDED, files=[made]),
    )

    run = services.runs.get(run_id)
    assert (run.status, run.pid, run.progress) == (RunStatus.SUCCEEDED, 4711, {"rows": 2})
    assert run.duration_seconds == 2
    assert [(line.number, line.message) for line in services.runs.log_lines(run_id)] == [
        (1, "one"), (2, "two"), (3, "three"),
    ]  # fmt: skip
    assert [line.message for line in services.runs.log_lines(run_id, after=2)] == ["three"]
    assert [(file.name, file.rows, file.columns) for file in run.files] == [("out.csv", 2, ["a", "b"])]


def test_a_heartbeat_is_written_down(services: Services, assignment: Assignment, clock: FakeClock) -> None:
    clock.advance(seconds=5)

    services.engine.deliver([Alive(clock(), [(assignment.run_id, assignment.token), (99, "unknown")])])
    services.engine.record()

    assert the_run(services).heartbeat_at == clock()


def test_one_bad_report_does_not_hold_up_the_others(
    services: Services,
    assignment: Assignment,
    clock: FakeClock,
    executor: FakeExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = Progressed(assignment.run_id, assignment.token, clock(), {"rows": object()})

    report(services, bad, executor.end(assignment, clock()))

    assert the_run(services).status is RunStatus.SUCCEEDED
    assert "cannot be written down and is dropped" in caplog.text


def test_an_end_is_recorded_once(
    services: Services, assignment: Assignment, clock: FakeClock, executor: FakeExecutor
) -> None:
    report(services, executor.end(assignment, clock(), RunStatus.FAILED, FailureReason.TIMEOUT, "too long"))
    report(services, executor.end(assignment, clock(), RunStatus.SUCCEEDED))

    run = the_run(services)
    assert (run.status, run.reason, run.error) == (RunStatus.FAILED, FailureReason.TIMEOUT, "too long")


def test_a_report_of_another_attempt_changes_nothing(
    services: Services, assignment: Assignment, clock: FakeClock
) -> None:
    report(services, Ended(assignment.run_id, "another", clock(), RunStatus.SUCCEEDED))

    assert the_run(services).status is RunStatus.RUNNING


def test_a_recorded_end_is_acknowledged(
    services: Services, assignment: Assignment, clock: FakeClock, executor: FakeExecutor
) -> None:
    report(services, executor.end(assignment, clock()))

    assert executor.acknowledged == [(assignment.run_id, assignment.token)]


def test_a_queued_run_is_cancelled_at_once(services: Services, make_job: MakeJob) -> None:
    run = services.runs.request(make_job().uid, by="ada")

    assert services.runs.cancel(run.id, by="bob").status is RunStatus.CANCELLED
    assert services.runs.get(run.id).cancelled_by == "bob"


def test_a_running_run_is_cancelling_until_its_executor_says_it_ended(
    services: Services, assignment: Assignment, clock: FakeClock, executor: FakeExecutor
) -> None:
    services.runs.cancel(assignment.run_id, by="bob")
    services.engine.dispatch()
    assert the_run(services).status is RunStatus.CANCELLING
    assert executor.cancelled == [(assignment.run_id, assignment.token)]

    report(services, executor.end(assignment, clock(), RunStatus.CANCELLED))
    assert the_run(services).status is RunStatus.CANCELLED


def test_an_ended_run_cannot_be_cancelled(
    services: Services, assignment: Assignment, clock: FakeClock, executor: FakeExecutor
) -> None:
    report(services, executor.end(assignment, clock()))

    with pytest.raises(ConflictError, match="already succeeded"):
        services.runs.cancel(assignment.run_id, by="bob")


def test_a_run_of_an_earlier_start_is_interrupted(services: Services, assignment: Assignment) -> None:
    services.runs.claimant = Claimant("the next start", "here")

    services.engine.recover()

    run = the_run(services)
    assert (run.status, run.reason) == (RunStatus.INTERRUPTED, FailureReason.SERVER_LOST)


def test_a_run_that_had_ended_before_the_crash_keeps_its_true_result(
    services: Services, assignment: Assignment, clock: FakeClock, executor: FakeExecutor
) -> None:
    services.runs.claimant = Claimant("the next start", "here")
    executor.left = [executor.end(assignment, clock())]

    services.engine.recover()

    assert the_run(services).status is RunStatus.SUCCEEDED


def test_a_run_whose_job_type_is_gone_fails_and_says_so(
    services: Services, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.runs.request(make_job().uid, by="ada")
    monkeypatch.setattr(services.engine.types, "_by_name", {})

    services.engine.dispatch()
    services.engine.record()

    run = the_run(services)
    assert (run.status, run.reason) == (RunStatus.FAILED, FailureReason.CONFIG)
    assert "no job type 'NOTHING'" in (run.error or "")


def test_a_job_type_that_breaks_before_the_start_fails_its_own_run_only(
    services: Services, make_job: MakeJob, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connections(parameters: Mapping[str, Any]) -> Sequence[str]:
        return [parameters["connection"]] if parameters["number"] == 2 else []

    monkeypatch.setitem(services.engine.types._by_name, "NOTHING", replace(NOTHING, connections=connections))
    for number in (2, 3):
        services.runs.request(make_job(name=f"job {number}", parameters={"number": number}).uid, by="ada")

    services.engine.dispatch()
    services.engine.record()

    assert [(run.job_name, run.status) for run in services.runs.list(RunFilter())] == [
        ("job 3", RunStatus.RUNNING),
        ("job 2", RunStatus.FAILED),
    ]
    assert [assignment.job_name for assignment in executor.assignments] == ["job 3"]


def test_continuous_execution_does_not_spin_on_failures(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    job = make_job(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=0))
    services.fires.wake()
    services.engine.dispatch()
    report(services, executor.end(executor.assignments[0], clock(), RunStatus.FAILED))

    [trigger] = services.jobs.get(job.uid).triggers
    assert trigger.next_fire_at == clock() + FAILED_PAUSE


def test_the_previous_success_is_the_scheduled_moment_of_the_newest_good_run(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    job = make_job()
    moments = []
    for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SUCCEEDED):
        moments.append(services.runs.request(job.uid, by="ada").scheduled_for)
        services.engine.dispatch()
        clock.advance(minutes=1)
        report(services, executor.end(executor.assignments[-1], clock(), status))

    assert [assignment.previous_success for assignment in executor.assignments] == [None, moments[0], moments[0]]
    assert services.jobs.get(job.uid).last_success_for == moments[2]


def test_pages_of_runs_go_on_where_the_last_one_ended(services: Services, make_job: MakeJob) -> None:
    made = [services.runs.request(make_job(name=f"job {number}").uid, by="ada").id for number in range(5)]

    first = services.runs.list(RunFilter(), limit=2)
    second = services.runs.list(RunFilter(), limit=2, before=first[-1].id)

    assert [run.id for run in [*first, *second]] == made[:0:-1]


def test_runs_are_filtered(services: Services, make_job: MakeJob) -> None:
    job = make_job(name="Alpha")
    services.runs.request(job.uid, by="ada")
    services.runs.request(make_job(name="Beta").uid, by="ada")

    assert [run.job_name for run in services.runs.list(RunFilter(text="alph"))] == ["Alpha"]
    assert [run.job_name for run in services.runs.list(RunFilter(job_id=job.id))] == ["Alpha"]
    assert services.runs.list(RunFilter(statuses=[RunStatus.FAILED])) == []
    assert services.runs.list(RunFilter(origin=Origin.TRIGGER)) == []


def test_lines_that_are_left_out_keep_their_numbers_and_the_end_moves_on(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    services.runs.request(make_job().uid, "ada")
    services.engine.dispatch()
    given = executor.assignments[-1]
    line = LogLine(clock(), "info", "said")
    said = partial(Logged, given.run_id, given.token)

    report(services, said([line] * 3), said([line] * 2, left_out=10, kept=Kept(3, 2)))
    assert [entry.number for entry in services.runs.log_lines(given.run_id)] == [1, 2, 3, 14, 15]

    report(services, said([line], kept=Kept(3, 2)))
    assert [entry.number for entry in services.runs.log_lines(given.run_id)] == [1, 2, 3, 15, 16]
    assert services.runs.get(given.run_id).last_log == 16


def test_another_attempt_gets_what_earlier_ones_have_left_of_the_log(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    services.retention.save(Rules(log_lines=100), "ada")
    clock.advance(minutes=2)
    services.runs.request(make_job(policies=Policies(retry=RetryPolicy(count=1, delay_seconds=1))).uid, "ada")
    services.engine.dispatch()
    first = executor.assignments[-1]
    assert (first.log_limits, first.log_so_far) == (LogLimits(100, 10_000_000), LogSoFar())
    lines = [LogLine(clock(), "info", "x" * size) for size in range(1, 4)]
    report(services, Logged(first.run_id, first.token, lines[:2]))
    report(services, Logged(first.run_id, first.token, lines[2:], left_out=5, kept=Kept(2, 1)))
    report(services, executor.end(first, clock(), RunStatus.FAILED, FailureReason.EXCEPTION))
    clock.advance(hours=2)

    services.engine.dispatch()

    assert executor.assignments[-1].log_so_far == LogSoFar(2, 3, False, (3,))
