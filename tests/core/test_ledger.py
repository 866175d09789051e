"""Why did it (not) run then? And fires that wait for an answer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.bootstrap import Services
from app.core.errors import ConflictError, NotFoundError
from app.core.models import Job
from app.core.runs import RunFilter
from app.core.statuses import FireOutcome, FireReason, RunStatus
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock

HOURLY = cron("0 0 * * * ?", "UTC")


def why(services: Services, job: Job, clock: FakeClock, **ago: float) -> str:
    return services.ledger.why(job.uid, clock() - timedelta(**ago)).answer


def test_a_run_is_named(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(HOURLY)
    clock.advance(hours=1, seconds=5)
    services.fires.wake()

    found = services.ledger.why(job.uid, clock() - timedelta(seconds=5))

    [run] = services.runs.list(RunFilter())
    assert found.answer == f"started as run {run.id}, 5 s late; the run is queued"
    assert found.row is not None
    assert (found.row.run_id, found.row.run_status) == (run.id, RunStatus.QUEUED)


def test_the_minute_of_a_question_counts(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job()
    clock.advance(seconds=20)
    services.runs.request(job.uid, by="ada")
    clock.advance(seconds=30)

    assert why(services, job, clock).startswith("started as run 1")


def test_what_was_in_the_way_is_named(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(HOURLY)
    for _ in range(2):
        clock.advance(hours=1)
        services.fires.wake()

    [run] = services.runs.list(RunFilter())
    assert why(services, job, clock) == f"skipped: the run before was still going on (run {run.id})"


def test_a_moment_within_a_range_is_found(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(cron("* * * * * ?", "UTC"))
    clock.advance(hours=1)
    services.fires.wake()

    assert why(services, job, clock, minutes=30).startswith("missed: it was noticed too late, and a later fire")


def test_a_moment_without_a_fire_says_so_and_names_its_neighbours(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(HOURLY)
    for _ in range(2):
        clock.advance(hours=1)
        services.fires.wake()

    found = services.ledger.why(job.uid, clock() - timedelta(minutes=30))

    assert found.answer == "no trigger of the job, as it is now, was due then"
    assert (found.before, found.after) == (clock() - timedelta(hours=1), clock())


def test_before_the_job_and_after_now(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(HOURLY)

    assert why(services, job, clock, days=1).startswith("the job did not exist yet")
    assert why(services, job, clock, hours=-1) == "it is due then"
    assert why(services, job, clock, minutes=-30) == "no trigger of the job is due then"


def test_a_job_that_is_switched_off_says_so(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(HOURLY)
    services.jobs.disable(job.uid, "ada")
    clock.advance(hours=1)
    services.fires.wake()

    assert why(services, job, clock).startswith("the job is switched off, since 2026-03-02 12:00 UTC")


def test_the_ledger_is_read_page_by_page(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(HOURLY)
    for _ in range(5):
        clock.advance(hours=1)
        services.fires.wake()

    first = services.ledger.page(job.uid, limit=2)
    second = services.ledger.page(job.uid, limit=2, before=first[-1].fire.id)

    assert [row.fire.scheduled_for.hour for row in [*first, *second]] == [17, 16, 15, 14]
    bounded = services.ledger.page(job.uid, start=clock() - timedelta(hours=3), end=clock() - timedelta(hours=2))
    assert [row.fire.scheduled_for.hour for row in bounded] == [15, 14]
    with pytest.raises(NotFoundError):
        services.ledger.page("x1234567890")


class TestAnswers:
    @pytest.fixture
    def held(self, services: Services, make_job: MakeJob, clock: FakeClock) -> Job:
        job = make_job(replace(HOURLY, misfire="ask"))
        clock.advance(hours=1, minutes=30)
        services.fires.wake()
        return job

    def test_yes_starts_it_late(self, services: Services, held: Job, clock: FakeClock) -> None:
        [row] = services.ledger.page(held.uid)

        services.ledger.decide(row.fire.id, True, by="ada")

        [run] = services.runs.list(RunFilter())
        assert (run.status, run.requested_by, run.scheduled_for) == (RunStatus.QUEUED, "ada", row.fire.scheduled_for)
        assert services.ledger.page(held.uid)[0].fire.outcome is FireOutcome.STARTED

    def test_no_leaves_it_out(self, services: Services, held: Job) -> None:
        [row] = services.ledger.page(held.uid)

        fire = services.ledger.decide(row.fire.id, False, by="ada")

        assert (fire.outcome, fire.reason) == (FireOutcome.MISSED, FireReason.DECLINED)
        with pytest.raises(ConflictError):
            services.ledger.decide(row.fire.id, True, by="ada")
        assert services.runs.list(RunFilter()) == []

    def test_yes_is_refused_while_the_job_runs(self, services: Services, held: Job) -> None:
        [row] = services.ledger.page(held.uid)
        services.runs.request(held.uid, by="bob")

        with pytest.raises(ConflictError, match="already running"):
            services.ledger.decide(row.fire.id, True, by="ada")
        assert services.ledger.page(held.uid)[-1].fire.outcome is FireOutcome.HELD
