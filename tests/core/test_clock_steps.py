"""Somebody puts the clock: nothing runs twice, nothing that is left out goes without a reason."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.bootstrap import Services, build
from app.core.errors import ConflictError
from app.core.models import Fire, Job, Outage, Trigger
from app.core.statuses import FireOutcome, FireReason, OutageKind, TriggerKind
from app.core.triggers import TriggerSpec, cron
from config import Settings
from tests.core.conftest import MakeJob
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

EVERY_MINUTE = cron("0 * * * * ?", "UTC")
EVERY_7_SECONDS = TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=7)
STARTED, HELD = FireOutcome.STARTED, FireOutcome.HELD


class PutClock(FakeClock):
    """Time passes on the wall and in truth; only the wall can be put."""

    seconds = 1000.0

    def advance(self, **delta: float) -> None:
        super().advance(**delta)
        self.seconds += timedelta(**delta).total_seconds()

    def put(self, **delta: float) -> None:
        super().advance(**delta)


@pytest.fixture
def clock() -> PutClock:
    return PutClock()


@pytest.fixture
def services(settings: Settings, clock: PutClock, executor: FakeExecutor) -> Iterator[Services]:
    built = assembled(settings, clock, executor)
    built.timer.store.prepare()
    yield built
    built.db.dispose()


def assembled(settings: Settings, clock: PutClock, executor: FakeExecutor) -> Services:
    return build(
        settings, now=clock, seconds=lambda: clock.seconds, executor=executor, types=TYPES, hasher=PlainHasher()
    )


def live(services: Services, executor: FakeExecutor, clock: PutClock, seconds: int) -> None:
    """Let seconds pass; every run is over at once."""
    for _ in range(seconds):
        clock.advance(seconds=1)
        services.engine.tick()
        services.engine.dispatch()
        services.engine.deliver([executor.end(assignment, clock()) for assignment in executor.assignments])
        executor.assignments.clear()
        services.engine.record()


def ledger(services: Services, job: Job) -> list[tuple[str, FireOutcome, FireReason | None]]:
    fires = reversed(services.fires.of_job(job.id, limit=1000))
    return [(f"{fire.scheduled_for:%H:%M:%S}", fire.outcome, fire.reason) for fire in fires]


def the_trigger(services: Services, job: Job) -> Trigger:
    return services.jobs.get(job.uid).triggers[0]


def test_a_step_forward_is_the_reason_of_what_was_left_out(
    services: Services, make_job: MakeJob, clock: PutClock
) -> None:
    job = make_job(TriggerSpec(TriggerKind.CRON, "UTC", "0 0/10 * * * ?", "quartz", misfire="do_nothing"))
    clock.put(minutes=35)

    services.engine.tick()

    assert ledger(services, job) == [
        (at, FireOutcome.MISSED, FireReason.CLOCK_JUMP) for at in ("12:10:00", "12:20:00", "12:30:00")
    ]
    assert "the clock was put forward from 2026-03-02 12:00:00 UTC to 2026-03-02 12:35:00 UTC" in (
        services.ledger.why(job.uid, clock() - timedelta(minutes=15)).answer
    )


def test_two_seconds_are_no_step(services: Services, make_job: MakeJob, clock: PutClock) -> None:
    clock.put(seconds=2)
    services.engine.tick()
    clock.put(seconds=-2)
    services.engine.tick()

    with services.db.reading() as session:
        assert session.scalars(select(Outage.kind)).all() == []


def test_a_sleep_of_the_machine_is_no_step(services: Services, make_job: MakeJob, clock: PutClock) -> None:
    job = make_job(TriggerSpec(TriggerKind.CRON, "UTC", "0 0/10 * * * ?", "quartz", misfire="do_nothing"))
    clock.advance(minutes=15)

    services.engine.tick()

    assert ledger(services, job) == [("12:10:00", FireOutcome.MISSED, FireReason.LATE)]


def test_after_a_step_back_a_cron_trigger_waits_until_the_clock_comes_by_again(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(EVERY_MINUTE)
    live(services, executor, clock, 150)
    clock.put(minutes=-2)

    live(services, executor, clock, 100)

    before = [("12:01:00", STARTED, None), ("12:02:00", STARTED, None)]
    assert ledger(services, job) == [*before, ("12:03:00", HELD, FireReason.CLOCK_BACK)]
    why = services.ledger.why(job.uid, clock() + timedelta(minutes=1)).answer
    told = "from 2026-03-02 12:02:31 UTC to 2026-03-02 12:00:31 UTC; what is decided already does not come again"
    assert why == f"held: the clock was put back, and this waits until it has passed what is decided ({told})"
    live(services, executor, clock, 60)
    assert ledger(services, job) == [*before, ("12:03:00", STARTED, None)]


def test_a_fixed_rate_goes_on_in_real_time(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(EVERY_7_SECONDS)
    live(services, executor, clock, 30)
    clock.put(minutes=-2)

    live(services, executor, clock, 30)

    in_truth = [f"12:00:{second:02}" for second in (0, 7, 14, 21, 28)] + [
        f"11:{minute}:{second:02}" for minute, second in ((58, 35), (58, 42), (58, 49), (58, 56))
    ]
    assert ledger(services, job) == [(at, STARTED, None) for at in in_truth]


def test_a_fixed_rate_keeps_its_count(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=7, repeat_count=3))
    live(services, executor, clock, 10)
    clock.put(hours=-1)

    live(services, executor, clock, 60)

    assert [at for at, _, _ in ledger(services, job)] == ["12:00:00", "12:00:07", "11:00:14", "11:00:21"]


def test_a_fixed_delay_goes_on_in_real_time(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=10))
    live(services, executor, clock, 15)
    clock.put(hours=-2)

    live(services, executor, clock, 30)

    assert [outcome for _, outcome, _ in ledger(services, job)] == [STARTED] * 5


def test_far_back_every_schedule_starts_afresh_in_a_new_era(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(EVERY_MINUTE)
    once = make_job(TriggerSpec(TriggerKind.ONCE, "UTC", start_at=clock() + timedelta(seconds=30)), name="once")
    live(services, executor, clock, 130)
    clock.put(hours=-24)

    live(services, executor, clock, 60)

    with services.db.reading() as session:
        eras = session.execute(select(Fire.era, func.count()).where(Fire.job_id == job.id).group_by(Fire.era)).all()
    assert eras == [(1, 2), (2, 1)]
    assert the_trigger(services, job).next_fire_at == clock().replace(second=0) + timedelta(minutes=1)
    assert len(ledger(services, once)) == 1


def test_a_step_while_no_server_ran_is_found_at_the_next_start(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock, settings: Settings
) -> None:
    job = make_job(EVERY_MINUTE)
    live(services, executor, clock, 90)
    clock.put(hours=-1)

    services.engine.clock_steps.begin(clock())
    services.engine.clock_steps.begin(clock())

    with services.db.reading() as session:
        assert session.scalars(select(Outage.kind)).all() == [OutageKind.CLOCK_BACK]
    assert ledger(services, job)[-1] == ("12:02:00", HELD, FireReason.CLOCK_BACK)


def test_what_is_held_for_the_clock_is_nobody_s_to_answer(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(EVERY_MINUTE)
    live(services, executor, clock, 90)
    clock.put(hours=-1)
    services.engine.tick()
    held = services.fires.of_job(job.id)[0]

    with pytest.raises(ConflictError, match="waits for the clock"):
        services.ledger.decide(held.id, True, "ada")


def test_a_held_moment_goes_with_its_trigger(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(EVERY_MINUTE)
    live(services, executor, clock, 90)
    clock.put(hours=-1)
    services.engine.tick()
    services.jobs.disable(job.uid, "ada")

    live(services, executor, clock, 2)

    assert ledger(services, job) == [("12:01:00", STARTED, None)]


def test_an_end_from_before_a_step_back_counts_from_now(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: PutClock
) -> None:
    job = make_job(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=10))
    services.engine.tick()
    [assignment] = executor.assignments
    ended = executor.end(assignment, clock())
    clock.put(hours=-2)
    services.engine.tick()

    services.engine.deliver([ended])
    services.engine.record()

    assert the_trigger(services, job).next_fire_at == clock() + timedelta(seconds=10)
