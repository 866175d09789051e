"""What a job wants beyond its schedule, from the fire to the end of its last attempt."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError
from app.core.jobs import JobSpec
from app.core.models import Fire, Job, Pool, Run
from app.core.policies import Policies
from app.core.ports import Ended, Logged, LogLine, Started, Unbegun
from app.core.retries import RetryPolicy
from app.core.statuses import FailureReason, FireOutcome, FireReason, OverlapRule, Recovery, RunStatus
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

EVERY_MINUTE = cron("0 * * * * ?", "UTC")


def runs(services: Services) -> Sequence[Run]:
    with services.db.reading() as session:
        return session.scalars(select(Run).order_by(Run.id)).all()


def statuses(services: Services) -> list[str]:
    return [str(run.status) for run in runs(services)]


def tick(services: Services, clock: FakeClock, minutes: int = 1) -> None:
    for _ in range(minutes):
        clock.advance(minutes=1)
        services.engine.tick()
        services.engine.dispatch()


def end(services: Services, executor: FakeExecutor, clock: FakeClock, number: int = 0, **how: Any) -> None:
    services.engine.deliver([executor.end(executor.assignments.pop(number), clock(), **how)])
    services.engine.record()
    services.engine.dispatch()


def fail(services: Services, executor: FakeExecutor, clock: FakeClock) -> None:
    how = {"status": RunStatus.FAILED, "reason": FailureReason.EXCEPTION, "error": "broken"}
    end(services, executor, clock, **how)


# Overlap


def test_a_queue_keeps_waiting_fires_and_runs_them_one_after_the_other(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    make_job(EVERY_MINUTE, policies=Policies(overlap=OverlapRule.QUEUE, overlap_limit=1))

    tick(services, clock, 3)

    assert statuses(services) == ["running", "queued"]
    assert services.runs.waits_for(runs(services)[1]) == "it waits for run 1 of the same job"
    with services.db.reading() as session:
        refused = session.scalars(select(Fire).where(Fire.outcome == FireOutcome.SKIPPED)).one()
    assert (refused.reason, refused.blocking_run_id) == (FireReason.QUEUE_FULL, 2)

    end(services, executor, clock)

    assert statuses(services) == ["succeeded", "running"]


def test_parallel_runs_begin_beside_each_other_up_to_their_number(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    make_job(EVERY_MINUTE, policies=Policies(overlap=OverlapRule.PARALLEL, overlap_limit=2))

    tick(services, clock, 3)

    assert statuses(services) == ["running", "running"]
    assert len(executor.assignments) == 2


def test_a_new_run_cancels_the_previous_one_and_begins_when_that_is_gone(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    make_job(EVERY_MINUTE, policies=Policies(overlap=OverlapRule.CANCEL_PREVIOUS))

    tick(services, clock, 2)

    assert statuses(services) == ["cancelling", "queued"]
    assert executor.cancelled == [(1, executor.assignments[0].token)]

    end(services, executor, clock, status=RunStatus.CANCELLED)

    assert statuses(services) == ["cancelled", "running"]
    assert runs(services)[0].cancelled_by == "a newer run of the same job"


def test_a_start_by_hand_follows_the_rule_of_its_job(services: Services, make_job: MakeJob) -> None:
    job = make_job(policies=Policies(overlap=OverlapRule.QUEUE, overlap_limit=1))
    services.runs.request(job.uid, by="ada")
    services.runs.request(job.uid, by="ada")

    with pytest.raises(ConflictError) as caught:
        services.runs.request(job.uid, by="ada")

    assert caught.value.code == "queue_full"


# Limits and order


def test_a_pool_gives_its_places_by_priority_and_then_by_age(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    with services.db.transaction() as session:
        session.add(Pool(name="db", places=1))
    for name, priority in (("low", 0), ("high", 5), ("free", -5)):
        pool = None if name == "free" else "db"
        services.runs.request(make_job(name=name, policies=Policies(priority=priority, pool=pool)).uid, by="ada")

    services.engine.dispatch()

    assert [each.job_name for each in executor.assignments] == ["high", "free"]
    low = runs(services)[0]
    assert services.runs.waits_for(low) == "it waits for the pool 'db': 1 of 1 places are taken"

    end(services, executor, clock)

    assert [each.job_name for each in executor.assignments] == ["free", "low"]


def test_a_crowd_before_a_full_pool_does_not_hide_what_is_behind_it(
    services: Services, make_job: MakeJob, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.claiming.PAGE", 2)
    with services.db.transaction() as session:
        session.add(Pool(name="db", places=1))
    for number in range(6):
        services.runs.request(make_job(name=f"crowd {number}", policies=Policies(pool="db")).uid, by="ada")
    services.runs.request(make_job(name="behind").uid, by="ada")

    services.engine.dispatch()

    assert [each.job_name for each in executor.assignments] == ["crowd 0", "behind"]


def test_a_run_that_cannot_begin_before_its_deadline_fails_and_says_so(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    executor.room = 0
    make_job(EVERY_MINUTE, policies=Policies(start_deadline_seconds=90))
    tick(services, clock, 2)
    assert statuses(services) == ["queued"]

    tick(services, clock)

    [first, *_] = runs(services)
    assert (first.status, first.reason, first.attempts) == (RunStatus.FAILED, FailureReason.START_DEADLINE, 0)


# Attempts


def retrying(**policy: Any) -> Policies:
    return Policies(retry=RetryPolicy(**{"count": 2, "delay_seconds": 30, "jitter": 0, **policy}))


def test_a_failed_attempt_is_followed_by_others_until_one_succeeds(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    job = make_job(policies=retrying())
    services.runs.request(job.uid, by="ada")
    services.engine.dispatch()
    first = executor.assignments[0]
    at = clock()
    services.engine.deliver([Started(1, first.token, at, 77, 1), Logged(1, first.token, [LogLine(at, "info", "one")])])

    fail(services, executor, clock)

    [run] = runs(services)
    assert (run.status, run.attempts, run.token) == (RunStatus.QUEUED, 1, None)
    assert services.runs.waits_for(run).startswith("attempt 2 begins at ")
    assert executor.assignments == []

    clock.advance(seconds=30)
    services.engine.dispatch()

    [second] = executor.assignments
    assert (second.attempt, second.token != first.token) == (2, True)
    end(services, executor, clock)
    [run] = runs(services)
    [attempt] = services.runs.attempts(run.id)
    assert (run.status, run.attempts, run.started_at) == (RunStatus.SUCCEEDED, 2, at)
    assert (attempt.number, attempt.status, attempt.error, attempt.pid, attempt.last_log) == (
        1, RunStatus.FAILED, "broken", 77, 1
    )  # fmt: skip


def test_the_last_failure_is_the_run_s(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    services.runs.request(make_job(policies=retrying(count=1)).uid, by="ada")
    for _ in range(2):
        services.engine.dispatch()
        fail(services, executor, clock)
        clock.advance(minutes=5)

    [run] = runs(services)
    assert (run.status, run.attempts, run.error) == (RunStatus.FAILED, 2, "broken")
    assert len(services.runs.attempts(run.id)) == 1


def test_only_the_named_errors_are_worth_a_retry(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    services.runs.request(make_job(policies=retrying(on=(FailureReason.TIMEOUT,))).uid, by="ada")
    services.engine.dispatch()

    fail(services, executor, clock)

    assert statuses(services) == ["failed"]


def test_a_job_counts_as_busy_between_two_attempts(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    make_job(EVERY_MINUTE, policies=retrying(delay_seconds=600))
    tick(services, clock)
    fail(services, executor, clock)

    tick(services, clock, 2)

    assert statuses(services) == ["queued"]


def test_the_time_limit_of_a_run_counts_all_attempts(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    policies = Policies(retry=RetryPolicy(5, delay_seconds=30, factor=1, jitter=0), attempt_timeout_seconds=50)
    services.runs.request(make_job(policies=policies, timeout_seconds=100).uid, by="ada")
    services.engine.dispatch()
    limits = [executor.assignments[0].timeout_seconds]
    clock.advance(seconds=40)
    fail(services, executor, clock)
    clock.advance(seconds=30)
    services.engine.dispatch()
    limits.append(executor.assignments[0].timeout_seconds)
    clock.advance(seconds=10)

    fail(services, executor, clock)

    assert limits == [50, 30]
    assert statuses(services) == ["failed"]  # the next attempt would begin after the end of the time


def test_a_cancelled_run_gets_no_other_attempt(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    services.runs.request(make_job(policies=retrying()).uid, by="ada")
    services.engine.dispatch()
    services.runs.cancel(1, "bob")

    fail(services, executor, clock)

    assert statuses(services) == ["failed"]


@pytest.mark.parametrize(
    ("recovery", "status", "asks"),
    [(Recovery.FAIL, "interrupted", False), (Recovery.RETRY, "queued", False), (Recovery.ASK, "interrupted", True)],
)
def test_an_interrupted_run_follows_the_recovery_of_its_job(
    services: Services, make_job: MakeJob, recovery: Recovery, status: str, asks: bool
) -> None:
    services.runs.request(make_job(policies=Policies(recovery=recovery)).uid, by="ada")
    services.engine.dispatch()
    with services.db.transaction() as session:
        session.get_one(Run, 1).boot = "an earlier one"

    services.engine.recover()

    [run] = runs(services)
    assert (run.status, run.asks) == (status, asks)


def test_a_run_that_is_interrupted_again_and_again_is_given_up(services: Services, make_job: MakeJob) -> None:
    services.runs.request(make_job(policies=Policies(recovery=Recovery.RETRY)).uid, by="ada")
    for _ in range(3):
        services.clock.advance(minutes=1)  # type: ignore[attr-defined]
        services.engine.dispatch()
        with services.db.transaction() as session:
            session.get_one(Run, 1).boot = "an earlier one"
        services.engine.recover()

    assert [(run.status, run.attempts) for run in runs(services)] == [(RunStatus.INTERRUPTED, 3)]


def test_the_answer_to_an_interrupted_run_runs_it_again_for_the_same_moment(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    services.runs.request(make_job(policies=Policies(recovery=Recovery.ASK)).uid, by="ada")
    services.engine.dispatch()
    with services.db.transaction() as session:
        session.get_one(Run, 1).boot = "an earlier one"
    services.engine.recover()
    clock.advance(hours=1)

    new = services.runs.decide(1, True, by="bob")

    old, made = runs(services)
    assert (made.id, made.status, made.requested_by, made.scheduled_for) == (
        new.id, RunStatus.QUEUED, "bob", old.scheduled_for
    )  # fmt: skip
    with pytest.raises(ConflictError):
        services.runs.decide(1, True, by="bob")


def test_an_attempt_that_has_not_begun_is_none(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    services.runs.request(make_job().uid, by="ada")
    services.engine.dispatch()
    [assignment] = executor.assignments

    services.engine.deliver([Unbegun(assignment.run_id, assignment.token, clock())])
    services.engine.record()

    [run] = runs(services)
    assert (run.status, run.attempts, run.token, run.started_at) == (RunStatus.QUEUED, 0, None, None)
    services.engine.deliver([Ended(1, assignment.token, clock(), RunStatus.SUCCEEDED)])
    services.engine.record()
    assert statuses(services) == ["queued"]


def test_a_run_for_which_nobody_answers_is_given_up(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    services.runs.request(make_job().uid, by="ada")
    services.engine.dispatch()
    services.engine._threads = [object()]  # type: ignore[list-item]  # as in a server that serves
    clock.advance(seconds=61)
    services.engine.tick()
    assert statuses(services) == ["running"]  # the executor knows of it

    executor.assignments.clear()
    clock.advance(seconds=2)
    services.engine.tick()

    assert statuses(services) == ["interrupted"]


# Bad wishes


@pytest.mark.parametrize(
    ("policies", "field"),
    [
        (Policies(overlap_limit=0), "overlap_limit"),
        (Policies(priority=101), "priority"),
        (Policies(pool="none"), "pool"),
        (Policies(start_deadline_seconds=0), "start_deadline_seconds"),
        (Policies(retry=RetryPolicy(count=1000)), "retry.count"),
        (Policies(retry=RetryPolicy(count=1, on=(FailureReason.SHUTDOWN,))), "retry.on"),
    ],
)
def test_wishes_that_cannot_be_are_refused(services: Services, policies: Policies, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        services.jobs.create(JobSpec("job", "NOTHING", policies=policies), by="ada")

    assert [error.field for error in caught.value.errors] == [f"policies.{field}"]


def test_an_update_that_does_not_speak_of_policies_keeps_them(services: Services, make_job: MakeJob) -> None:
    policies = Policies(overlap=OverlapRule.QUEUE, overlap_limit=3, priority=7, retry=RetryPolicy(2))
    job: Job = make_job(policies=policies)

    services.jobs.update(job.uid, JobSpec("other name", "NOTHING"), by="bob")

    assert Policies.of(services.jobs.get(job.uid)) == policies


def test_the_delay_grows_up_to_its_limit_and_jitter_only_shortens_it() -> None:
    policy = RetryPolicy(9, delay_seconds=10, factor=2, max_delay_seconds=60, jitter=0.5)

    assert [policy.delay(retry, 0.0) for retry in (1, 2, 3, 4, 50)] == [
        timedelta(seconds=seconds) for seconds in (10, 20, 40, 60, 60)
    ]
    assert policy.delay(1, 1.0) == timedelta(seconds=5)
