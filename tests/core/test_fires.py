"""From a moment that is due to a queued run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.fires import CHUNK
from app.core.jobs import JobSpec
from app.core.models import Fire, Job, Run, Trigger
from app.core.statuses import CalendarKind, FireOutcome, FireReason, Origin, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

EVERY_MINUTE = cron("0 * * * * ?", "UTC")


def ledger(services: Services, job: Job) -> list[tuple[str, FireOutcome, FireReason | None]]:
    fires = services.fires.of_job(job.id)
    return [(f"{fire.scheduled_for:%H:%M:%S}", fire.outcome, fire.reason) for fire in reversed(fires)]


def runs_of(services: Services) -> Sequence[Run]:
    with services.db.reading() as session:
        return session.scalars(select(Run).order_by(Run.id)).all()


def finish_all(services: Services, executor: FakeExecutor, clock: FakeClock) -> None:
    services.engine.dispatch()
    services.engine.deliver([executor.end(assignment, clock()) for assignment in executor.assignments])
    executor.assignments.clear()
    services.engine.record()


def test_nothing_fires_before_its_time(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    make_job(EVERY_MINUTE)
    clock.advance(seconds=59)

    wake = services.fires.wake()

    assert (wake.decided, wake.queued) == (0, 0)
    assert wake.next_fire_at == clock() + timedelta(seconds=1)


def test_a_due_fire_queues_a_run_with_frozen_parameters(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(EVERY_MINUTE, parameters={"number": 7})
    clock.advance(minutes=1)

    services.fires.wake()
    services.jobs.update(job.uid, JobSpec("nightly", "NOTHING", {"number": 3}, [EVERY_MINUTE]), by="bob")

    [run] = runs_of(services)
    assert (run.status, run.origin, run.requested_by) == (RunStatus.QUEUED, Origin.TRIGGER, None)
    assert run.parameters == {"text": "x", "number": 7}
    assert run.scheduled_for == run.queued_at == clock()
    assert ledger(services, job) == [("12:01:00", FireOutcome.STARTED, None)]


def test_waking_again_finds_nothing_new(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    make_job(EVERY_MINUTE)
    clock.advance(minutes=1)
    services.fires.wake()

    assert services.fires.wake().decided == 0
    assert len(runs_of(services)) == 1


def test_a_fire_during_the_previous_run_is_skipped_and_names_it(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(EVERY_MINUTE)
    for _ in range(2):
        clock.advance(minutes=1)
        services.fires.wake()

    [run] = runs_of(services)
    assert ledger(services, job)[1] == ("12:02:00", FireOutcome.SKIPPED, FireReason.OVERLAP)
    assert services.fires.of_job(job.id)[0].blocking_run_id == run.id


def test_two_triggers_of_a_job_at_one_instant_start_it_once(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(EVERY_MINUTE, cron("0 1 12 * * ?", "UTC"))
    clock.advance(minutes=1)

    services.fires.wake()

    assert [outcome for _, outcome, _ in ledger(services, job)] == [FireOutcome.STARTED, FireOutcome.SKIPPED]


def test_after_an_outage_the_newest_moment_starts_and_the_others_are_recorded(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(cron("0 0 * * * ?", "UTC"))
    clock.advance(hours=3, minutes=10)

    services.fires.wake()

    assert ledger(services, job) == [
        ("13:00:00", FireOutcome.MISSED, FireReason.COALESCED),
        ("14:00:00", FireOutcome.MISSED, FireReason.COALESCED),
        ("15:00:00", FireOutcome.STARTED, None),
    ]


def test_a_day_of_seconds_is_a_few_range_rows_and_one_run(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(cron("* * * * * ?", "UTC"))
    clock.advance(days=1)

    services.fires.wake()

    fires = services.fires.of_job(job.id, limit=1000)
    count = Counter((fire.outcome, fire.reason) for fire in fires for _ in range(fire.count))
    assert count == {
        (FireOutcome.MISSED, FireReason.COALESCED): 86_339,
        (FireOutcome.STARTED, None): 1,  # the oldest that is not late
        (FireOutcome.SKIPPED, FireReason.OVERLAP): 60,
    }
    assert len(fires) < 75
    assert fires[0].scheduled_for == clock()


def test_an_exclusion_calendar_takes_fires_out_and_says_so(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    services.calendars.save(CalendarSpec("quiet", CalendarKind.DAILY, "UTC", {"from": "13:00", "to": "15:00"}))
    job = make_job(replace(cron("0 0 * * * ?", "UTC"), calendar="quiet"))
    for _ in range(3):
        clock.advance(hours=1)
        services.fires.wake()

    assert ledger(services, job) == [
        ("13:00:00", FireOutcome.SKIPPED, FireReason.CALENDAR),
        ("14:00:00", FireOutcome.SKIPPED, FireReason.CALENDAR),
        ("15:00:00", FireOutcome.STARTED, None),
    ]


def test_a_misfire_can_let_a_fixed_rate_begin_anew(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    misfire = "reschedule_now_with_existing_repeat_count"
    job = make_job(TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=600, repeat_count=3, misfire=misfire))
    clock.advance(minutes=37)

    services.fires.wake()

    [trigger] = services.jobs.get(job.uid).triggers
    assert (trigger.anew_at, trigger.anew_count) == (clock(), 3)
    assert trigger.next_fire_at == clock() + timedelta(minutes=10)
    assert trigger.start_at != trigger.anew_at


def test_late_fires_can_wait_for_an_answer(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(replace(cron("0 0 * * * ?", "UTC"), misfire="ask"))
    clock.advance(hours=1, minutes=30)

    services.fires.wake()

    assert ledger(services, job) == [("13:00:00", FireOutcome.HELD, FireReason.ASK)]
    assert runs_of(services) == []


def test_a_step_back_of_the_clock_fires_no_moment_twice(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    job = make_job(EVERY_MINUTE)
    clock.advance(minutes=1)
    services.fires.wake()
    finish_all(services, executor, clock)

    clock.advance(minutes=-1)
    services.jobs.disable(job.uid, "ada")
    services.jobs.enable(job.uid, "ada")
    clock.advance(minutes=1)
    services.fires.wake()

    assert len(runs_of(services)) == 1


def test_a_fixed_delay_counts_from_the_end_of_the_run(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    job = make_job(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=30))
    services.fires.wake()
    clock.advance(minutes=5)
    assert services.fires.wake().decided == 0

    finish_all(services, executor, clock)

    [trigger] = services.jobs.get(job.uid).triggers
    assert trigger.next_fire_at == clock() + timedelta(seconds=30)


def test_continuous_execution_goes_on_after_a_run_that_took_no_time(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    job = make_job(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=0))
    services.fires.wake()
    finish_all(services, executor, clock)
    clock.advance(seconds=1)

    services.fires.wake()

    assert [outcome for _, outcome, _ in ledger(services, job)] == [FireOutcome.STARTED] * 2


def test_a_once_trigger_fires_once(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor
) -> None:
    at = clock() + timedelta(minutes=2)
    job = make_job(TriggerSpec(TriggerKind.ONCE, "UTC", start_at=at))
    clock.advance(minutes=2)
    services.fires.wake()
    finish_all(services, executor, clock)
    clock.advance(days=400)
    services.fires.wake()

    assert ledger(services, job) == [("12:02:00", FireOutcome.STARTED, None)]
    assert services.jobs.get(job.uid).triggers[0].next_fire_at is None


def test_a_fixed_rate_keeps_its_phase(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=600))
    clock.advance(minutes=3)
    services.fires.wake()

    [trigger] = services.jobs.get(job.uid).triggers
    assert trigger.next_fire_at == clock() + timedelta(minutes=7)


def test_a_disabled_job_does_not_fire(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(EVERY_MINUTE)
    services.jobs.disable(job.uid, "ada")
    clock.advance(minutes=5)

    assert services.fires.wake().decided == 0


@pytest.mark.parametrize("count", [CHUNK * 2 + 1])
def test_more_than_a_chunk_is_due_at_once(services: Services, clock: FakeClock, count: int) -> None:
    with services.db.transaction() as session:
        for number in range(count):
            job = Job(
                uid=f"job{number:08}", name=f"job {number}", job_type="NOTHING", parameters={}, enabled=True,
                created_at=clock(), updated_at=clock(),
            )  # fmt: skip
            job.triggers = [
                Trigger(kind=TriggerKind.CRON, expression="0 * * * * ?", dialect="quartz", timezone="UTC",
                        next_fire_at=clock())
            ]  # fmt: skip
            session.add(job)

    wake = services.fires.wake()

    assert (wake.decided, wake.queued) == (count, count)
    with services.db.reading() as session:
        assert len(session.scalars(select(Fire.id)).all()) == count
