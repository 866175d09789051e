"""Unique keys: which keys come several times in a file, whatever its size, and what becomes of such a result."""

import io
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from app.adapters.inline_executor import InlineExecutor
from app.adapters.result_store import ResultStore
from app.bootstrap import Services
from app.core.job_types import JobTypes
from app.core.rows.cells import picker
from app.core.rows.reading import Rows
from app.core.rows.repeats import repeats, rises
from app.core.statuses import RunStatus
from app.core.terms import Terms
from config import Settings
from tests.comparisons import TYPES, Desk
from tests.fakes import FakeClock

FIRST = picker(",", [0])


def parts(rows: Sequence[bytes], at_once: int = 5) -> Iterator[Rows]:
    return (list(rows[start : start + at_once]) for start in range(0, len(rows), at_once))


@pytest.mark.parametrize("memory", [300, 3000, 10**6])
@pytest.mark.parametrize("keys", [1, 40, 5000])
@pytest.mark.parametrize("places", [[0], [1, 0]], ids=["one", "two"])
def test_each_key_that_comes_again_is_found_once(places: list[int], keys: int, memory: int) -> None:
    draw = random.Random(keys)
    rows = [b"%d,%d" % (draw.randrange(keys), draw.randrange(3)) for _ in range(300)]
    key_of = picker(",", places)

    found = repeats(parts(rows), key_of, io.BytesIO, lambda: None, memory)

    again = {key for key, count in Counter(map(key_of, rows)).items() if count > 1}
    assert found.count == len(again)
    assert set(found.examples) <= again
    assert len(found.examples) == min(3, len(again))


@pytest.mark.parametrize(
    ("keys", "rising"),
    [
        ([], True),
        (["7"], True),
        (["a", "ab", "b"], True),
        (["9", "10", "11", "100"], True),
        (["1", "2", "2"], False),
        (["a", "b", "a"], False),
        (["9", "10", "9"], False),
        (["1", "2", "3", "4", "5", "5"], False),  # across two parts
    ],
)
def test_keys_in_order_are_unique_without_more_ado(keys: list[str], rising: bool) -> None:
    assert rises(parts([key.encode() for key in keys]), FIRST, lambda: None) is rising


# The run that made a result looks at it before it is given out


@pytest.fixture
def job_types() -> JobTypes:
    return TYPES


@pytest.fixture
def executor(settings: Settings, clock: FakeClock) -> InlineExecutor:
    return InlineExecutor(TYPES, ResultStore(settings.data_dir / "results"), clock=clock, workers=0)


@pytest.fixture
def desk(services: Services, executor: InlineExecutor) -> Desk:
    return Desk(services, executor)


@pytest.mark.parametrize(
    ("content", "key", "held"),
    [
        (b"id,name\n1,a\n2,a\n", ["id"], None),
        (b"id,name\n2,a\n1,a\n", ["id"], None),
        (b"id,name\n1,a\n2,a\n", ["name"], ["1 value of the key 'name' comes several times, as 'a'"]),
        (b"id,name\n1,a\n1,b\n", ["id", "name"], None),
        (b'id,name\n1,\n2,""\n', ["name"], None),
        (b"id,name\n,a\n,b\n", ["id"], ["1 value of the key 'id' comes several times, as 'NULL'"]),
        (b'id,name\n1,"x\ny"\n1,"x\ny"', ["id", "name"],
         ["1 value of the key 'id', 'name' comes several times, as '1 / x\\ny'"]),
        (b"", ["id"], None),
    ],
)  # fmt: skip
def test_a_result_whose_key_is_not_unique_is_held(
    content: bytes, key: list[str], held: list[str] | None, desk: Desk, services: Services
) -> None:
    job = desk.job()
    services.contracts.save(job.id, Terms(unique_key=key), is_on=True, by="ada")

    assert desk.make(job, content).held == held


def test_files_that_are_no_csv_are_not_looked_at(desk: Desk, services: Services) -> None:
    job = desk.job()
    services.contracts.save(job.id, Terms(unique_key=["id"]), is_on=True, by="ada")

    assert desk.make(job, b"PK", []).held is None


def test_a_file_that_is_not_what_its_record_says_fails_its_run(desk: Desk, services: Services) -> None:
    job = desk.job()
    services.contracts.save(job.id, Terms(unique_key=["name"]), is_on=True, by="ada")

    services.runs.request(job.uid, "ada", parameters={"content": b"id,name\n1\n".hex(), "csv": {"delimiter": ","}})
    desk.work()

    run = services.runs.get(1)
    assert (run.status, run.files) == (RunStatus.FAILED, [])
    assert "the key of 'r.csv' cannot be looked at" in (run.error or "")


def test_the_key_of_the_contract_is_that_of_comparisons(desk: Desk, services: Services) -> None:
    job = desk.job()
    desk.make(job, b"id,name\n1,a\n2,b\n")
    new = desk.make(job, b"id,name\n3,a\n2,b\n")
    services.contracts.save(job.id, Terms(unique_key=["name"]), is_on=True, by="ada")

    diff = desk.compare(new)

    assert diff.summary is not None
    assert (diff.summary["key"], diff.summary["is_key_guessed"]) == (["name"], False)
    assert diff.summary["counts"]["changed"] == 1
