"""A database that fails one time in five: the engine goes on, nothing is lost and nothing is done twice."""

import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.core.errors import UnavailableError
from app.core.models import Fire, Run
from app.core.statuses import FireOutcome, RunStatus
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor
from tests.flaky import Flakiness, Moment, make_flaky

EVERY_MINUTE = cron("0 * * * * ?", "UTC")


@pytest.fixture
def flakiness(services: Services) -> Flakiness:
    return make_flaky(services.db)


def next_one(moment: Moment) -> Callable[[Moment], bool]:
    """Fail the next time that it is this moment, and never again."""
    left = [moment]
    return lambda now: bool(left) and now is moment and bool(left.pop())


def runs(services: Services) -> list[Run]:
    with services.db.reading() as session:
        return list(session.scalars(select(Run).order_by(Run.id)))


@pytest.mark.parametrize("moment", Moment)
def test_a_wake_that_fails_is_made_up_for_by_the_next(
    services: Services,
    make_job: MakeJob,
    clock: FakeClock,
    executor: FakeExecutor,
    flakiness: Flakiness,
    moment: Moment,
) -> None:
    make_job(EVERY_MINUTE)
    clock.advance(minutes=1)
    flakiness.fails = next_one(moment)
    with pytest.raises(UnavailableError):
        services.engine.tick()

    services.engine.tick()

    [run] = runs(services)
    assert run.status is RunStatus.RUNNING
    assert [assignment.token for assignment in executor.assignments] == [run.token]


@pytest.mark.parametrize("moment", Moment)
def test_a_claim_that_fails_is_made_up_for_by_the_next(
    services: Services, make_job: MakeJob, executor: FakeExecutor, flakiness: Flakiness, moment: Moment
) -> None:
    services.runs.request(make_job().uid, "ada")
    flakiness.fails = next_one(moment)
    with pytest.raises(UnavailableError):
        services.engine.dispatch()

    services.engine.dispatch()

    [run] = runs(services)
    assert run.status is RunStatus.RUNNING
    assert [assignment.token for assignment in executor.assignments] == [run.token]


@pytest.mark.parametrize("seed", range(3))
def test_one_failure_in_five_loses_nothing_and_does_nothing_twice(
    services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor, flakiness: Flakiness, seed: int
) -> None:
    began, random = clock(), Random(seed)
    jobs = [make_job(cron(f"*/{seconds} * * * * ?", "UTC"), name=f"every {seconds}") for seconds in (2, 5, 10)]
    flakiness.fails = lambda moment: random.random() < 0.2
    handed: list[tuple[int, str]] = []

    for second in range(1, 121):
        clock.advance(seconds=1)
        if second > 110:
            flakiness.fails = lambda moment: False
        for step in (services.timer.step, services.engine.dispatch, services.engine.record):
            with contextlib.suppress(UnavailableError):
                step()
        handed += [(assignment.run_id, assignment.token) for assignment in executor.assignments]
        services.engine.deliver([executor.end(assignment, clock()) for assignment in executor.assignments])
        executor.assignments.clear()
    services.engine.record()

    assert set(flakiness.failed) == set(Moment)
    assert [count for count in Counter(handed).values() if count > 1] == []
    assert {run.status for run in runs(services)} == {RunStatus.SUCCEEDED}
    assert sorted(handed) == sorted((run.id, run.token) for run in runs(services))
    for job, seconds in zip(jobs, (2, 5, 10), strict=True):
        moments = [began + timedelta(seconds=n) for n in range(seconds, 121, seconds)]
        assert sorted(fire.scheduled_for for fire in services.fires.of_job(job.id, limit=100)) == moments
    with services.db.reading() as session:
        started = session.scalars(select(Fire.id).where(Fire.outcome == FireOutcome.STARTED)).all()
    assert sorted(started) == sorted(run.fire_id for run in runs(services))
