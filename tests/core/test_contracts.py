"""Result contracts: what is learnt, what breaks them, and what becomes of a result that does."""

from collections.abc import Sequence

import pytest

from app.bootstrap import Services
from app.core.contracts import Contract, Terms, breaches, learnt, widened
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import Job, ResultFile
from app.core.ports import Ended, MadeFile
from app.core.results import ResultFilter
from app.core.statuses import RunStatus
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

PAIR = ("id", "name")


@pytest.mark.parametrize(
    ("rows", "least", "most"), [(None, None, None), (0, 0, 100), (1, 1, 101), (90, 45, 190), (1000, 500, 2000)]
)
def test_a_good_result_teaches_its_columns_and_room_around_its_rows(
    rows: int | None, least: int | None, most: int | None
) -> None:
    assert learnt(PAIR, rows) == Terms(PAIR, least, most)


@pytest.mark.parametrize(
    ("terms", "columns", "rows", "wrong"),
    [
        (Terms(), PAIR, 0, []),
        (Terms(PAIR, 1, 5), PAIR, 5, []),
        (Terms(PAIR, 1, 5), None, None, []),
        (Terms(PAIR), ("id",), 1, ["without column 'name'"]),
        (Terms(("id",)), ("id", "a", "b"), 1, ["with the new columns 'a', 'b'"]),
        (Terms(PAIR), ("id", "title"), 1, ["without column 'name'", "with the new column 'title'"]),
        (Terms(PAIR), ("name", "id"), 1, ["its columns are in another order"]),
        (Terms(("id",)), tuple("abcdefg"), 1,
         ["without column 'id'", "with the new columns 'a', 'b', 'c', 'd', 'e' ..."]),
        (Terms(least_rows=1), PAIR, 0, ["it is empty"]),
        (Terms(least_rows=3), PAIR, 2, ["it has 2 rows, fewer than 3"]),
        (Terms(most_rows=3), PAIR, 4, ["it has 4 rows, more than 3"]),
    ],
)  # fmt: skip
def test_what_breaks_a_contract_is_said(
    terms: Terms, columns: Sequence[str] | None, rows: int | None, wrong: list[str]
) -> None:
    assert breaches(terms, columns, rows) == wrong
    if columns is not None:
        assert breaches(widened(terms, columns, rows), columns, rows) == []


def test_what_was_not_broken_is_not_widened() -> None:
    terms = Terms(PAIR, 10, 20, max_age_seconds=60)

    assert widened(terms, PAIR, 15) == terms
    assert widened(Terms(), PAIR, 15) == Terms()


class Maker:
    """Lets a job make results as a worker would report them."""

    def __init__(self, services: Services, executor: FakeExecutor, clock: FakeClock) -> None:
        self.services, self.executor, self.clock = services, executor, clock

    def __call__(self, job: Job, rows: int | None, columns: Sequence[str] = PAIR) -> ResultFile:
        self.services.runs.request(job.uid, "ada")
        self.services.engine.dispatch()
        given = self.executor.assignments[-1]
        made = MadeFile("r.csv", f"1/{given.run_id}-t-1.csv", "text/csv", 1, "0" * 64, rows=rows, columns=columns)
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
    ],
)
def test_terms_that_make_no_sense_are_refused(terms: Terms, field: str, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    with pytest.raises(InvalidError) as refused:
        services.contracts.save(job.id, terms, is_on=True, by="ada")

    assert [problem.field for problem in refused.value.errors] == [field]
    assert services.contracts.of_job(job.id) == Contract()
