"""What a stop would miss, what the misfire rules would make of it, what would still run, and when it is quieter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.bootstrap import Services
from app.core.errors import InvalidError
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

TWO, TWENTY_PAST = datetime(2026, 3, 2, 14, tzinfo=UTC), datetime(2026, 3, 2, 14, 20, tzinfo=UTC)
EVERY_FIVE = cron("0 2/5 * * * ?", "UTC")


@pytest.mark.parametrize(
    ("misfire", "starts", "asks", "left_out"),
    [("smart", 1, 0, 3), ("do_nothing", 0, 0, 4), ("ignore_misfire_policy", 4, 0, 0), ("ask", 0, 4, 0)],
)
def test_each_trigger_is_judged_by_its_misfire_rule(
    services: Services, make_job: MakeJob, misfire: str, starts: int, asks: int, left_out: int
) -> None:
    make_job(replace(EVERY_FIVE, misfire=misfire))

    plan = services.stop_plans.plan(TWO, TWENTY_PAST)

    assert [(each.job, each.count, each.starts, each.asks, each.left_out) for each in plan.missed] == [
        ("nightly", 4, starts, asks, left_out)
    ]
    assert (plan.missed[0].first, plan.missed[0].last) == (TWO.replace(minute=2), TWO.replace(minute=17))


def test_a_job_that_does_not_fire_then_is_not_missed(services: Services, make_job: MakeJob) -> None:
    make_job(cron("0 30 14 * * ?", "UTC"))
    make_job(EVERY_FIVE, name="off", enabled=False)

    assert services.stop_plans.plan(TWO, TWENTY_PAST).missed == []


def test_a_quieter_time_has_no_starts_where_there_is_one(services: Services, make_job: MakeJob) -> None:
    make_job(cron("0 0/5 12-15 * * ?", "UTC"))

    plan = services.stop_plans.plan(TWO, TWENTY_PAST)

    assert [(each.start.hour, each.start.minute, each.fires) for each in plan.quieter] == [
        (16, 0, 0), (16, 20, 0), (16, 40, 0),
    ]  # fmt: skip


def test_what_usually_takes_long_is_told(
    services: Services, make_job: MakeJob, executor: FakeExecutor, clock: FakeClock
) -> None:
    job = make_job(cron("0 50 13 * * ?", "UTC"))
    services.runs.request(job.uid, "ada")
    services.engine.dispatch()
    clock.advance(minutes=15)
    services.engine.deliver([executor.end(executor.assignments[0], clock())])
    services.engine.record()

    plan = services.stop_plans.plan(TWO, TWENTY_PAST)

    assert [(each.job, each.run_id, each.begins, each.usual_seconds) for each in plan.running] == [
        ("nightly", None, TWO - timedelta(minutes=10), 900.0)
    ]
    assert services.stop_plans.plan(TWENTY_PAST, TWENTY_PAST + timedelta(minutes=5)).running == []


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (TWENTY_PAST, TWO, 1),
        (TWO, TWO + timedelta(days=2), 1),
        (TWO - timedelta(days=1), TWO, 1),
        (TWO, TWENTY_PAST, 8),
    ],
)
def test_a_stop_lies_ahead_and_lasts_a_day_at_most(
    services: Services, start: datetime, end: datetime, days: int
) -> None:
    with pytest.raises(InvalidError):
        services.stop_plans.plan(start, end, days)
