"""Result contracts: what is learnt, what breaks them, and what becomes of a result that does."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.bootstrap import Services
from app.core.contracts import Contract
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import Job, ResultFile
from app.core.ports import Ended, MadeFile
from app.core.results import ResultFilter
from app.core.statuses import RunStatus
from app.core.terms import Terms
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

PAIR = ("id", "name")


class Maker:
    """Lets a job make results as a worker would report them."""

    def __init__(self, services: Services, executor: FakeExecutor, clock: FakeClock) -> None:
        self.services, self.executor, self.clock = services, executor, clock

    def __call__(self, job: Job, rows: int | None, columns: Sequence[str] = PAIR, **said: Any) -> ResultFile:
        self.services.runs.request(job.uid, "ada")
        self.services.engine.dispatch()
        given = self.executor.assignments[-1]
        made = MadeFile("r.csv", f"1/{given.run_id}-t-1.csv", "text/csv", 1, "0" * 64, rows=rows, columns=columns,
                        **said)  # fmt: skip
        ended = Ended(given.run_id, given.token, self.clock(), RunStatus.SUCCEEDED, files=(made,))
        self.services.engine.deliver([ended])
        self.services.engine.record()
        return self.services.results.list(ResultFilter(job_id=job.id), limit=1)[0]


@pytest.fixture
def make(services: Services, executor: FakeExecutor, clock: FakeClock) -> Maker:
    return Maker(services, executor, clock)


def test_nothing_is_held_without_a_contract(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()

    assert [make(job, rows).held for rows in (1000, 0)] == [None, None]
    assert services.contracts.of_job(job.id) == Contract()


def test_it_is_learnt_from_the_newest_result(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    make(job, 1000)

    contract = services.contracts.switch(job.id, "ada")

    assert (contract.is_on, contract.terms, contract.updated_by) == (True, Terms(list(PAIR), 500, 2000), "ada")


def test_without_any_result_the_next_one_teaches_it(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    assert services.contracts.switch(job.id, "ada").terms is None

    first, second = make(job, 1000), make(job, 100)

    assert services.contracts.of_job(job.id).terms == Terms(list(PAIR), 500, 2000)
    assert (first.held, second.held) == (None, ["it has 100 rows, fewer than 500"])


def test_a_held_result_is_kept_and_the_one_before_stays_the_latest(
    services: Services, make_job: MakeJob, make: Maker
) -> None:
    job, other = make_job(), make_job(name="other")
    good = make(job, 1000)
    services.contracts.switch(job.id, "ada")

    held, of_other = make(job, 0, ("id",)), make(other, 0)

    assert held.held == ["without column 'name'", "it is empty"]
    assert services.results.get(held.id).held == held.held
    assert services.results.latest(job).id == good.id
    assert {made.id for made in services.results.newest([job.id, other.id]).values()} == {good.id, of_other.id}


def test_accepting_gives_it_out_and_widens_the_contract(
    services: Services, make_job: MakeJob, make: Maker, clock: FakeClock
) -> None:
    job = make_job()
    make(job, 1000)
    services.contracts.switch(job.id, "ada")
    held = make(job, 3000, ("id", "title"))

    accepted = services.contracts.accept(held.id, "bob")

    assert (accepted.held, accepted.accepted_at, accepted.accepted_by) == (None, clock(), "bob")
    assert services.results.latest(job).id == held.id
    assert services.contracts.of_job(job.id) == Contract(True, Terms(["id", "title"], 500, 3000), clock(), "bob")
    assert make(job, 3000, ("id", "title")).held is None


def test_only_what_is_held_can_be_accepted(services: Services, make_job: MakeJob, make: Maker) -> None:
    made = make(make_job(), 1)

    with pytest.raises(ConflictError, match="is not held"):
        services.contracts.accept(made.id, "ada")
    with pytest.raises(NotFoundError, match="no result file 99"):
        services.contracts.accept(99, "ada")


def test_a_contract_that_is_off_holds_nothing_and_forgets_nothing(
    services: Services, make_job: MakeJob, make: Maker
) -> None:
    job = make_job()
    make(job, 1000)
    terms = services.contracts.switch(job.id, "ada").terms

    off = services.contracts.switch(job.id, "ada")

    assert (off.is_on, off.terms) == (False, terms)
    assert make(job, 0).held is None
    assert services.contracts.switch(job.id, "ada").terms == terms


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(("a", "a")), "columns"),
        (Terms(("a", "")), "columns"),
        (Terms(least_rows=-1), "least_rows"),
        (Terms(most_rows=2**60), "most_rows"),
        (Terms(least_rows=3, most_rows=2), "most_rows"),
        (Terms(max_age_seconds=0), "max_age_seconds"),
        (Terms(unique_key=()), "unique_key"),
        (Terms(unique_key=("a", "a")), "unique_key"),
        (Terms(("a",), unique_key=("b",)), "unique_key"),
        (Terms(("a",), types={"b": "text"}), "types"),
        (Terms(types={"b": ""}), "types"),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms: Terms, field: str, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    with pytest.raises(InvalidError) as refused:
        services.contracts.save(job.id, terms, is_on=True, by="ada")

    assert [problem.field for problem in refused.value.errors] == [field]
    assert services.contracts.of_job(job.id) == Contract()


def test_types_are_learnt_and_another_type_is_held_until_it_is_accepted(
    services: Services, make_job: MakeJob, make: Maker
) -> None:
    job = make_job()
    make(job, 10, types=("integer", "numeric(10,2)"))
    services.contracts.switch(job.id, "ada")

    held = make(job, 10, types=("integer", "text"))

    assert held.held == ["column 'name' is text, not numeric(10,2)"]
    services.contracts.accept(held.id, "ada")
    assert services.contracts.of_job(job.id).terms.types == {"id": "integer", "name": "text"}  # type: ignore[union-attr]
    assert make(job, 10, types=("integer", "text")).held is None


def test_a_unique_key_travels_with_each_run_and_its_repeats_are_held_until_accepted(
    services: Services, make_job: MakeJob, make: Maker, executor: FakeExecutor
) -> None:
    job = make_job()
    services.contracts.save(job.id, Terms(unique_key=("id",), types={"id": "integer"}), is_on=True, by="ada")

    good = make(job, 2, repeated={"count": 0, "examples": []})
    held = make(job, 2, repeated={"count": 2, "examples": ["17", "NULL"]})

    assert [each.unique_key for each in executor.assignments] == [("id",), ("id",)]
    assert good.held is None
    assert held.held == ["2 values of the key 'id' come several times, as '17', 'NULL'"]
    services.contracts.accept(held.id, "ada")
    assert services.contracts.of_job(job.id).terms == Terms(types={"id": "integer"})
    make(job, 2)
    assert executor.assignments[-1].unique_key == ()


def test_a_contract_that_is_off_has_no_key_looked_at(
    services: Services, make_job: MakeJob, make: Maker, executor: FakeExecutor
) -> None:
    job = make_job()
    services.contracts.save(job.id, Terms(unique_key=("id",)), is_on=False, by="ada")

    make(job, 2)

    assert executor.assignments[-1].unique_key == ()
