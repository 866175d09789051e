"""What becomes of a result when its job has one of that name."""

from collections.abc import Sequence

import pytest

from app.bootstrap import Services
from app.core.models import Job, Run
from app.core.ports import Ended, MadeFile
from app.core.results import ResultFilter
from app.core.statuses import FailureReason, RunStatus
from app.core.terms import Terms
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor


class Maker:
    """Lets a job make results as a worker would report them."""

    def __init__(self, services: Services, executor: FakeExecutor, clock: FakeClock) -> None:
        self.services, self.executor, self.clock = services, executor, clock

    def __call__(self, job: Job, wish: str, name: str = "visits.csv", rows: int = 5) -> Run:
        self.services.runs.request(job.uid, "ada")
        self.services.engine.dispatch()
        given = self.executor.assignments[-1]
        made = MadeFile(name, f"{job.id}/{given.run_id}-t-1.csv", "text/csv", 1, "0" * 64, rows, ["id"], same_name=wish)
        self.services.engine.deliver(
            [Ended(given.run_id, given.token, self.clock(), RunStatus.SUCCEEDED, files=(made,))]
        )
        self.services.engine.record()
        return self.services.runs.get(given.run_id)

    def names(self, job: Job) -> Sequence[str]:
        """Oldest first."""
        return [file.name for file in self.services.results.list(ResultFilter(job_id=job.id))][::-1]


@pytest.fixture
def make(services: Services, executor: FakeExecutor, clock: FakeClock) -> Maker:
    return Maker(services, executor, clock)


def test_both_are_kept_unless_the_job_says_otherwise(make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    make(job, "KEEP")
    make(job, "KEEP")

    assert make.names(job) == ["visits.csv", "visits.csv"]


def test_the_new_one_gets_the_next_free_number_before_its_ending(make_job: MakeJob, make: Maker) -> None:
    job, other = make_job(), make_job(name="other")
    make(other, "NUMBER", "a.csv.gz")
    for name in ("a.csv.gz", "a.csv.gz", "a (3).csv.gz", "a.csv.gz", "a.csv.gz", "100%", "100%"):
        make(job, "NUMBER", name)

    assert make.names(job) == [
        "a.csv.gz", "a (2).csv.gz", "a (3).csv.gz", "a (4).csv.gz", "a (5).csv.gz", "100%", "100% (2)",
    ]  # fmt: skip
    assert make.names(other) == ["a.csv.gz"]


def test_the_new_one_replaces_the_earlier_ones_but_no_pinned_one_and_none_of_another_job(
    services: Services, make_job: MakeJob, make: Maker
) -> None:
    job, other = make_job(), make_job(name="other")
    make(other, "KEEP")
    pinned = make(job, "KEEP").files[0]
    services.keeping.pin(pinned.id, pinned=True)
    make(job, "KEEP")
    make(job, "KEEP", "another.csv")

    new = make(job, "REPLACE")

    files = services.results.list(ResultFilter(job_id=job.id))
    assert [(file.name, file.run_id) for file in files if file.name == "visits.csv"] == [
        ("visits.csv", new.id), ("visits.csv", pinned.run_id),
    ]  # fmt: skip
    assert sorted(make.names(job)) == ["another.csv", "visits.csv", "visits.csv"]
    assert make.names(other) == ["visits.csv"]


def test_a_result_that_is_held_replaces_nothing(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    make(job, "REPLACE")
    services.contracts.save(job.id, Terms(least_rows=3), is_on=True, by="ada")

    make(job, "REPLACE", rows=0)

    assert [bool(file.held) for file in services.results.list(ResultFilter(job_id=job.id))] == [True, False]


def test_the_run_fails_and_leaves_the_earlier_one_alone(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    first = make(job, "FAIL")

    second = make(job, "FAIL")

    assert first.status is RunStatus.SUCCEEDED
    assert (second.status, second.reason) == (RunStatus.FAILED, FailureReason.CONFIG)
    assert second.error == "there is a result called 'visits.csv', and the job wants no second one"
    assert second.files == []
    assert [file.run_id for file in services.results.list(ResultFilter(job_id=job.id))] == [first.id]
