"""System jobs: made by Carillon, theirs is the schedule that people edit and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError
from app.core.job_types import JobType, JobTypes, SystemJob
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.runs import RunFilter
from app.core.statuses import RunStatus, TriggerKind
from app.core.triggers import cron
from tests.fakes import NOTHING, FakeExecutor

HOUSEKEEPING = JobType(
    "HOUSEKEEPING", "H", "", "x:y", system=SystemJob("DHIS2rocks1", "Housekeeping", delay_seconds=20)
)
NIGHTLY = JobType(
    "NIGHTLY", "N", "", "x:y", system=SystemJob("vt21671bgno", "Nightly", "{second} {minute} {hour} ? * *")
)


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes([NOTHING, HOUSEKEEPING, NIGHTLY])


@pytest.fixture
def system_job(services: Services) -> Job:
    services.system_jobs.ensure()
    return services.jobs.get("DHIS2rocks1")


def test_those_that_are_missing_are_made(services: Services) -> None:
    services.system_jobs.ensure()

    [housekeeping, nightly] = services.jobs.list(system=True)
    assert (housekeeping.uid, housekeeping.name, housekeeping.enabled, housekeeping.created_by) == (
        "DHIS2rocks1", "Housekeeping", True, None
    )  # fmt: skip
    assert [(row.kind, row.delay_seconds) for row in housekeeping.triggers] == [(TriggerKind.FIXED_DELAY, 20)]
    second, minute, hour = map(int, (nightly.triggers[0].expression or "").split()[:3])
    assert 0 <= second <= 59
    assert 0 <= minute <= 59
    assert 3 <= hour <= 5


def test_those_that_are_there_stay_as_they_are(services: Services, system_job: Job) -> None:
    services.jobs.update(system_job.uid, spec_of(system_job, triggers=[cron("0 0 5 * * ?", "UTC")]), by="ada")

    services.system_jobs.ensure()

    assert services.jobs.get(system_job.uid).triggers[0].expression == "0 0 5 * * ?"
    assert services.jobs.count(system=True) == 2


def test_a_name_that_somebody_took_before_is_left_to_him(services: Services, make_job: Any) -> None:
    make_job(name="Housekeeping")

    services.system_jobs.ensure()

    assert services.jobs.get("DHIS2rocks1").name == "Housekeeping (system)"


def test_one_whose_uid_is_taken_does_not_stop_the_server(
    services: Services, make_job: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_job(uid="DHIS2rocks1")

    services.system_jobs.ensure()

    assert [job.uid for job in services.jobs.list(system=True)] == ["vt21671bgno"]
    assert "the system job 'Housekeeping' cannot be made" in caplog.text


def spec_of(job: Job, **changes: Any) -> JobSpec:
    return replace(JobSpec.of(job), **changes)


@pytest.mark.parametrize(
    "changes",
    [{"name": "mine"}, {"enabled": False}, {"description": "x"}, {"group": "X"}, {"timeout_seconds": 5}],
    ids=lambda changes: next(iter(changes)),
)
def test_more_than_the_schedule_cannot_change(changes: dict[str, Any], services: Services, system_job: Job) -> None:
    with pytest.raises(ConflictError, match="Job DHIS2rocks1 is a system job that cannot be modified"):
        services.jobs.update(system_job.uid, spec_of(system_job, **changes), by="ada")


def test_it_keeps_a_schedule(services: Services, system_job: Job) -> None:
    with pytest.raises(InvalidError, match="a system job has a schedule"):
        services.jobs.update(system_job.uid, spec_of(system_job, triggers=[]), by="ada")


@pytest.mark.parametrize(("verb", "what"), [("delete", "deleted"), ("disable", "modified"), ("enable", "modified")])
def test_it_is_not_deleted_or_switched(verb: str, what: str, services: Services, system_job: Job) -> None:
    with pytest.raises(ConflictError, match=f"Job DHIS2rocks1 is a system job that cannot be {what}"):
        getattr(services.jobs, verb)(system_job.uid, by="ada")


def test_people_cannot_make_one(services: Services) -> None:
    with pytest.raises(ConflictError, match="Job mine must be configurable but was not"):
        services.jobs.create(JobSpec("mine", "NIGHTLY", triggers=[cron("0 0 3 * * ?", "UTC")]), by="ada")


def test_housekeeping_keeps_its_newest_run_and_those_that_failed(
    services: Services, system_job: Job, executor: FakeExecutor
) -> None:
    S, F, C = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED  # noqa: N806
    kept = [run_once(services, system_job, executor, status) for status in (S, F, C, S, F, S)]

    assert [(run.id, run.status) for run in services.runs.list(RunFilter())] == [
        (kept[5], S), (kept[4], F), (kept[1], F)
    ]  # fmt: skip
    assert [row.run_id for row in services.ledger.page(system_job.uid)] == [kept[5], kept[4], kept[1]]


def test_other_jobs_keep_all_runs(services: Services, system_job: Job, executor: FakeExecutor) -> None:
    nightly = services.jobs.get("vt21671bgno")
    kept = [run_once(services, nightly, executor, RunStatus.SUCCEEDED) for _ in range(3)]

    assert [run.id for run in services.runs.list(RunFilter())] == kept[::-1]


def run_once(services: Services, job: Job, executor: FakeExecutor, status: RunStatus) -> int:
    run = services.runs.request(job.uid, by="ada")
    services.engine.dispatch()
    services.engine.deliver([executor.end(executor.assignments[-1], services.clock(), status)])
    services.engine.record()
    return run.id
