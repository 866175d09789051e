"""After a restore nothing happens until somebody says so, and what was missed is theirs to decide."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.core import sleep
from app.core.errors import ConflictError
from app.core.models import Fire, Outage, Run, Trigger
from app.core.policies import Policies
from app.core.statuses import FailureReason, FireOutcome, FireReason, OverlapRule, Recovery, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

HOURLY = cron("0 0 * * * ?", "UTC")
EACH, ASKS = replace(HOURLY, misfire="ignore_misfire_policy"), replace(HOURLY, misfire="ask")


def put_to_sleep(services: Services, clock: FakeClock) -> int:
    with services.db.transaction() as session:
        count = sleep.fall_asleep(session, clock(), clock(), "restored from a backup")
    services.sleep.begin()
    return count


def fires(services: Services) -> list[tuple[FireOutcome, FireReason | None]]:
    with services.db.reading() as session:
        return [(fire.outcome, fire.reason) for fire in session.scalars(select(Fire).order_by(Fire.scheduled_for))]


def test_while_asleep_nothing_fires_and_nothing_starts(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    job = make_job(HOURLY)
    services.runs.request(job.uid, "ada")
    put_to_sleep(services, clock)

    clock.advance(hours=5)
    services.engine.tick()
    services.engine.dispatch()

    assert executor.assignments == []
    assert fires(services) == [(FireOutcome.STARTED, None)]  # the start by hand, which waits
    with pytest.raises(ConflictError, match="asleep"):
        services.runs.request(job.uid, "ada")


def test_a_sleeper_says_what_waking_would_do(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    made = make_job(HOURLY, name="hourly")
    make_job(EACH, name="each", policies=Policies(overlap=OverlapRule.QUEUE, overlap_limit=9))
    make_job(ASKS, name="asks")
    make_job(cron("0 0 0 * * ?", "UTC"), name="nightly")
    services.runs.request(made.uid, "ada")
    put_to_sleep(services, clock)
    clock.advance(hours=3, minutes=30)

    plan = services.sleep.plan()

    assert [(each.name, each.starts, each.waiting, each.asks, each.missed) for each in plan.jobs] == [
        ("asks", 0, 0, 3, 0),
        ("each", 3, 0, 0, 0),
        ("hourly", 0, 1, 0, 3),  # its run waits: the late start is skipped for overlap
    ]
    assert plan.starts == 4
    assert fires(services) == [(FireOutcome.STARTED, None)]


def test_woken_by_the_rules_it_goes_on_as_after_any_stop(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    make_job(HOURLY)
    put_to_sleep(services, clock)
    clock.advance(hours=3, minutes=30)

    services.sleep.wake("ada", skip=False)
    services.engine.tick()

    assert fires(services) == [
        (FireOutcome.MISSED, FireReason.COALESCED),
        (FireOutcome.MISSED, FireReason.COALESCED),
        (FireOutcome.STARTED, None),
    ]
    with services.db.reading() as session:
        [first, *_] = session.scalars(select(Fire.detail).order_by(Fire.scheduled_for))
    assert first == ("a backup or copy of 2026-03-02 12:00:00 UTC, which was asleep until 2026-03-02 15:30:00 UTC")
    assert len(executor.assignments) == 1


@pytest.mark.parametrize(
    "spec",
    [
        HOURLY,
        EACH,
        ASKS,
        TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=3600),
        TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=3600, repeat_count=9, misfire="fire_now"),
        TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=3600),
    ],
    ids=["cron", "each late one", "ask", "rate", "counted rate", "delay"],
)
def test_what_was_missed_can_be_left_out(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor, spec: TriggerSpec
) -> None:
    make_job(spec)
    put_to_sleep(services, clock)
    clock.advance(hours=3, minutes=30)

    services.sleep.wake("ada", skip=True)
    services.engine.tick()
    services.engine.dispatch()

    missed = fires(services)
    assert set(missed) == {(FireOutcome.MISSED, FireReason.ASLEEP)}
    assert executor.assignments == []
    next_at = services.fires.next_fire_at()
    assert next_at
    assert clock() < next_at <= clock() + timedelta(hours=1)
    clock.now = next_at
    services.engine.tick()
    assert fires(services)[len(missed) :] == [(FireOutcome.STARTED, None)]


def test_a_moment_to_come_that_was_left_out_does_not_come(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(TriggerSpec(TriggerKind.ONCE, "UTC", start_at=clock() + timedelta(hours=1)))
    put_to_sleep(services, clock)
    clock.advance(hours=2)

    services.sleep.wake("ada", skip=True)

    assert fires(services) == [(FireOutcome.MISSED, FireReason.ASLEEP)]
    with services.db.reading() as session:
        assert session.scalars(select(Trigger.next_fire_at).where(Trigger.job_id == job.id)).all() == [None]


def test_runs_that_waited_are_cancelled_with_what_was_missed(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    run = services.runs.request(make_job().uid, "ada")
    put_to_sleep(services, clock)

    services.sleep.wake("ada", skip=True)
    services.engine.dispatch()

    assert services.runs.get(run.id).status is RunStatus.CANCELLED
    assert executor.assignments == []


def test_what_was_going_on_is_interrupted_and_not_tried_again(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    run = services.runs.request(make_job(policies=Policies(recovery=Recovery.RETRY)).uid, "ada")
    services.engine.dispatch()

    assert put_to_sleep(services, clock) == 1

    found = services.runs.get(run.id)
    assert (found.status, found.reason) == (RunStatus.INTERRUPTED, FailureReason.SERVER_LOST)
    assert "backup of the database was made" in (found.error or "")
    with services.db.reading() as session:
        assert len(session.scalars(select(Run)).all()) == 1


def test_who_is_awake_stays_so(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    make_job(HOURLY)
    clock.advance(hours=3)

    assert not services.sleep.wake("ada", skip=True)

    assert fires(services) == []


def test_a_sleeper_that_another_process_wakes_goes_on(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    make_job(HOURLY)
    put_to_sleep(services, clock)
    services.engine.tick()
    elsewhere = sleep.Sleep(services.db, clock, lambda session, changes: None, lambda: None)

    elsewhere.wake("ada (terminal)", skip=True)
    clock.advance(hours=1)
    services.engine.tick()

    assert len(executor.assignments) == 1


def test_a_start_while_asleep_calls_nothing_a_downtime(services: Services, clock: FakeClock) -> None:
    put_to_sleep(services, clock)
    clock.advance(hours=1)

    services.outages.begin()

    with services.db.reading() as session:
        assert session.scalars(select(Outage)).all() == []
