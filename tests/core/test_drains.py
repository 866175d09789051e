"""Drains: nothing new begins, what runs goes on, and what came due says afterwards that it was a drain."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError
from app.core.statuses import FireOutcome, FireReason
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.core.test_pauses import ledger
from tests.fakes import FakeClock, FakeExecutor

EVERY_MINUTE = replace(cron("0 * * * * ?", "UTC"), misfire="do_nothing")
TWENTY = timedelta(minutes=20)


def test_nothing_begins_while_the_server_is_drained_and_what_runs_goes_on(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    first, second = make_job(), make_job(EVERY_MINUTE, name="second")
    services.runs.request(first.uid, "ada")
    services.engine.dispatch()
    services.drains.begin(TWENTY, "ada")
    services.engine.tick()
    clock.advance(minutes=1)
    services.runs.request(second.uid, "ada")
    services.engine.tick()
    services.engine.dispatch()

    state = services.drains.state()
    assert state is not None
    assert (state.is_heeded, state.is_safe, [run.job_name for run in state.running]) == (True, False, ["nightly"])
    assert len(executor.assignments) == 1
    assert services.health().is_ready is False

    services.engine.deliver([executor.end(executor.assignments[0], clock())])
    services.engine.record()
    state = services.drains.state()
    assert state is not None
    assert state.is_safe

    services.drains.end("bob")
    services.engine.tick()
    services.engine.dispatch()
    assert len(executor.assignments) == 2


def test_what_came_due_meanwhile_says_who_drained_the_server(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(EVERY_MINUTE)
    services.drains.begin(timedelta(minutes=3), "ada")
    for _ in range(5):
        clock.advance(minutes=1)
        services.engine.tick()

    assert ledger(services, job)[:2] == [
        ("12:01", FireOutcome.MISSED, FireReason.DRAIN), ("12:02", FireOutcome.STARTED, None),
    ]  # fmt: skip
    assert (
        "drained by ada from 2026-03-02 12:00:00 UTC" in services.ledger.why(job.uid, clock().replace(minute=1)).answer
    )


def test_a_drain_ends_when_its_time_is_over_or_a_server_starts(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    services.drains.begin(TWENTY, "ada")
    clock.advance(minutes=20)
    assert services.drains.current() is None
    assert services.engine.drains.look() is False

    services.drains.begin(TWENTY, "ada")
    clock.advance(minutes=1)
    services.drains.restart()
    assert services.drains.state() is None
    with pytest.raises(ConflictError):
        services.drains.end("ada")


def test_a_drain_without_a_server_is_safe_as_soon_as_nothing_runs(services: Services) -> None:
    services.drains.begin(TWENTY, "ada")

    state = services.drains.state()

    assert state is not None
    assert state.is_safe


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=1, seconds=1)])
def test_a_drain_lasts_from_a_second_to_a_day(services: Services, length: timedelta) -> None:
    with pytest.raises(InvalidError):
        services.drains.begin(length, "ada")


def test_there_is_one_drain_at_a_time(services: Services) -> None:
    services.drains.begin(TWENTY, "ada")

    with pytest.raises(ConflictError):
        services.drains.begin(TWENTY, "bob")
