"""Comparisons of results: which files, by which key, what is found, and that it is found once."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.adapters.inline_executor import InlineExecutor
from app.adapters.result_store import ResultStore
from app.bootstrap import Services
from app.core.diffs import JOB_UID, Diff
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.job_types import JobTypes
from app.core.keeping import Rule
from app.core.models import Job
from app.core.results import ResultFilter
from app.core.statuses import RunStatus
from app.core.terms import Terms
from app.job_types.sql_export.compression import compressor
from config import Settings
from tests.comparisons import TYPES, Desk
from tests.fakes import FakeClock

OLD = b"id,name\n1,Ada\n2,Bob\n3,\n"
NEW = b'id,name\n1,Ada\n3,""\n4,Dan\n2,Bea\n'


@pytest.fixture
def job_types() -> JobTypes:
    return TYPES


@pytest.fixture
def executor(settings: Settings, clock: FakeClock) -> InlineExecutor:
    return InlineExecutor(TYPES, ResultStore(settings.data_dir / "results"), clock=clock, workers=0)


@pytest.fixture
def desk(services: Services, executor: InlineExecutor) -> Desk:
    return Desk(services, executor)


@pytest.fixture
def job(desk: Desk) -> Job:
    return desk.job()


def counts(diff: Diff) -> dict[str, int]:
    assert diff.summary is not None, diff.run and diff.run.error
    return {name: diff.summary["counts"][name] for name in ("added", "removed", "changed", "same")}


def test_a_result_is_compared_with_the_one_before_it(desk: Desk, job: Job) -> None:
    old, new = desk.make(job, OLD), desk.make(job, NEW)

    diff = desk.compare(new)

    assert diff.old.id == old.id
    assert counts(diff) == {"added": 1, "removed": 0, "changed": 2, "same": 1}
    assert desk.lines(diff) == [
        b'before,"name",3,', b'after,"name",3,""', b'before,"name",2,Bob', b'after,"name",2,Bea', b'added,"",4,Dan',
    ]  # fmt: skip
    assert diff.rows is not None
    assert diff.rows.columns == ["change", "changed_columns", "id", "name"]
    assert diff.rows.name == "changes of r.csv"


def test_the_summary_has_what_a_page_shows(desk: Desk, job: Job) -> None:
    desk.make(job, OLD)

    summary = desk.compare(desk.make(job, NEW + b"5," + b"x" * 300 + b"\n")).summary

    assert summary is not None
    assert (summary["key"], summary["is_key_guessed"]) == (["id"], True)
    assert summary["columns"] == {"compared": ["id", "name"], "added": [], "removed": [], "is_reordered": False}
    assert summary["changed_cells"] == {"name": 2}
    assert summary["examples"]["changed"] == [
        {"row": 2, "columns": ["name"], "before": ["3", None], "after": ["3", ""]},
        {"row": 4, "columns": ["name"], "before": ["2", "Bob"], "after": ["2", "Bea"]},
    ]
    assert summary["examples"]["added"][1] == {"row": 5, "after": ["5", "x" * 200 + "…"]}


def test_what_is_known_is_not_computed_again(desk: Desk, job: Job, services: Services) -> None:
    old, new = desk.make(job, OLD), desk.make(job, NEW)
    first = desk.compare(new)

    assert desk.compare(new, old).run.id == first.run.id  # type: ignore[union-attr]
    assert desk.compare(new, key=["id"]).run.id != first.run.id  # type: ignore[union-attr]
    assert desk.compare(new, key=["name"]).summary["counts"]["changed"] == 0  # type: ignore[index]
    assert len(services.results.list(ResultFilter())) == 2  # comparisons are no results of people's jobs


def test_one_that_goes_on_is_not_begun_again(desk: Desk, job: Job, services: Services) -> None:
    desk.make(job, OLD)
    new = desk.make(job, NEW)
    assert services.diffs.find(new.id).run is None

    first, second = (services.diffs.request(new.id, by="ada") for _ in range(2))

    assert first.is_going_on
    assert second.run is not None
    assert second.run.id == first.run.id  # type: ignore[union-attr]
    assert second.run.requested_by == "ada"


def test_what_is_gone_is_computed_again(desk: Desk, job: Job, services: Services) -> None:
    desk.make(job, OLD)
    new = desk.make(job, NEW)
    first = desk.compare(new)
    services.store.delete(next(file.path for file in services.results.list(ResultFilter(job_id=first.rows.job_id))))  # type: ignore[union-attr]

    assert services.diffs.find(new.id).run is None
    assert counts(desk.compare(new)) == counts(first)


@pytest.mark.parametrize(
    ("old", "new", "csv", "found"),
    [
        ((b"id,name\n1,\n", {}), (b'id;name\n"1";""\n', {"delimiter": ";", "quoting": "ALL"}), "changed", 1),
        ((b"id,name\n1,\n", {}), (b"id;name\n1;\n", {"delimiter": ";"}), "same", 1),
        ((b"id,name\n1,\n", {}),
         (b"1\t-\r\n", {"delimiter": "\t", "header": False, "null_text": "-", "line_ending": "CRLF"}), "same", 1),
        ((b"id,name\n1,\xc3\xa9\n", {}), (b"id,name\n1,\xe9\n", {"encoding": "ISO-8859-1"}), "same", 1),
        ((b"id,name\n1,1.5\n", {}), (b'\xef\xbb\xbfid,name\n1,"1,5"\n', {"decimal_mark": "COMMA"}), "same", 1),
        ((b"id,name\n1,2026-12-31\n", {}), (b"id,name\n1,31/12/2026\n", {"date_format": "DMY_SLASHES"}), "same", 1),
        ((b"id,name\n1,=x\n", {}), (b"id,name\n1,'=x\n", {"guarded": True}), "same", 1),
        ((b'id,name\n1,"a\nb"', {}),
         ('\ufeffid,name\n1,"a\nb"\n'.encode("utf-16-le"), {"encoding": "UTF-16LE"}), "same", 1),
        ((b"id,name\n", {}), (b"", {}), "same", 0),
        ((b"id,name\n", {}), (b"id,name\n1,x", {}), "added", 1),
        ((b"id,name\n1,x\n", {}), (b"id,name\n", {}), "removed", 1),
    ],
    ids=["null is no empty text", "delimiter", "no header", "encoding", "decimals", "dates", "guard", "utf-16",
         "nothing", "from nothing", "to nothing"],
)  # fmt: skip
def test_files_of_different_dialects_are_compared_by_their_values(
    old: tuple[bytes, Mapping[str, Any]], new: tuple[bytes, Mapping[str, Any]], csv: str, found: int,
    desk: Desk, job: Job,
) -> None:  # fmt: skip
    desk.make(job, old[0], **old[1])

    diff = desk.compare(desk.make(job, new[0], **new[1]))

    assert counts(diff) == {"added": 0, "removed": 0, "changed": 0, "same": 0} | {csv: found}


@pytest.mark.parametrize(("type_", "found"), [("TEXT", "changed"), ("numeric(9,2)", "same"), (None, "same")])
def test_texts_that_look_like_numbers_are_none(type_: str | None, found: str, desk: Desk, job: Job) -> None:
    desk.make(job, b"id,name\n1,1.5\n")

    diff = desk.compare(desk.make(job, b'id,name\n1,"1,5"\n', types=["integer", type_], decimal_mark="COMMA"))

    assert counts(diff)[found] == 1


@pytest.mark.parametrize("kind", ["GZIP", "ZSTD"])
def test_packed_files_are_compared(kind: str, desk: Desk, job: Job) -> None:
    packer = compressor(kind)
    desk.make(job, packer.compress(OLD) + packer.flush(), compression=kind)

    assert counts(desk.compare(desk.make(job, NEW)))["changed"] == 2


def test_what_an_earlier_release_did_not_say_its_run_does(desk: Desk, job: Job, services: Services) -> None:
    old, new = desk.make(job, b"1,-\n"), desk.make(job, b"id,name\n1,\n")
    with services.db.transaction() as session:
        run = services.runs.get(old.run_id)
        session.merge(run).parameters = {**run.parameters, "header": False, "nullText": "-"}

    assert counts(desk.compare(new))["same"] == 1


@pytest.mark.parametrize(
    ("columns", "content", "told", "found"),
    [
        (["id", "name", "age"], b"id,name,age\n1,Ada,7\n", {"added": ["age"]}, {"same": 1, "removed": 2}),
        (["id"], b"id\n1\n", {"removed": ["name"]}, {"same": 1, "removed": 2}),
        (["name", "id"], b"name,id\nAda,1\n", {"is_reordered": True}, {"same": 1, "removed": 2}),
        (["id", "title"], b"id,title\n1,Ada\n", {"added": ["title"], "removed": ["name"]}, {"same": 1, "removed": 2}),
    ],
)
def test_other_columns_are_told_and_the_common_ones_compared(
    columns: Sequence[str], content: bytes, told: Mapping[str, Any], found: Mapping[str, int], desk: Desk, job: Job
) -> None:
    desk.make(job, OLD)

    diff = desk.compare(desk.make(job, content, columns), key=["id"])

    assert {name: diff.summary["columns"][name] for name in told} == told  # type: ignore[index]
    assert counts(diff) == {"added": 0, "removed": 0, "changed": 0, "same": 0} | found


def test_columns_of_one_name_are_told_apart(desk: Desk, job: Job) -> None:
    desk.make(job, b"n,n\n1,a\n", ["n", "n"])

    diff = desk.compare(desk.make(job, b"n,n\n1,b\n", ["n", "n"]))

    assert diff.summary["changed_cells"] == {"n (2)": 1}  # type: ignore[index]


def test_repeated_keys_are_told(desk: Desk, job: Job) -> None:
    desk.make(job, b"id,name\n1,a\n1,b\n")

    diff = desk.compare(desk.make(job, b"id,name\n1,a\n1,c\n1,d\n"), key=["id"])

    assert counts(diff) == {"added": 2, "removed": 1, "changed": 0, "same": 1}
    assert diff.summary["counts"]["repeated_keys"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (b"1,a\n2,a\n", b"1,b\n2,b\n", ["id"]),
        (b"1,a\n1,b\n", b"1,b\n2,c\n", ["name"]),
        (b"1,a\n1,a\n", b"1,b\n2,c\n", []),
        (b",a\n2,b\n", b"1,b\n2,b\n", []),
    ],
)
def test_the_first_column_that_tells_rows_apart_is_guessed_as_the_key(
    old: bytes, new: bytes, key: Sequence[str], desk: Desk, job: Job
) -> None:
    desk.make(job, b"id,name\n" + old)

    assert desk.compare(desk.make(job, b"id,name\n" + new)).summary["key"] == key  # type: ignore[index]


def test_a_key_that_is_not_in_both_files_is_refused(desk: Desk, job: Job, services: Services) -> None:
    desk.make(job, OLD)
    new = desk.make(job, b"id,title\n1,x\n", ["id", "title"])

    with pytest.raises(InvalidError, match="'name' is no column of both"):
        services.diffs.request(new.id, key=["id", "name"], by="ada")


def test_held_results_can_be_compared_and_are_not_compared_with(desk: Desk, job: Job, services: Services) -> None:
    good = desk.make(job, OLD)
    services.contracts.save(job.id, Terms(most_rows=3), is_on=True, by="ada")
    held, next_one = desk.make(job, NEW), desk.make(job, NEW + b"5,x\n")

    assert held.held
    assert services.diffs.find(held.id).old.id == good.id
    assert services.diffs.find(next_one.id).old.id == good.id
    assert [file.id for file in services.diffs.candidates(held.id)] == [good.id, next_one.id]


def test_what_cannot_be_compared_is_refused_with_the_reason(desk: Desk, job: Job, services: Services) -> None:
    first = desk.make(job, OLD)
    with pytest.raises(ConflictError, match="no earlier result"):
        services.diffs.find(first.id)
    with pytest.raises(InvalidError, match="with itself"):
        services.diffs.find(first.id, first.id)
    with pytest.raises(NotFoundError):
        services.diffs.find(first.id, 999)
    other = desk.make(job, b"x\n1\n", ["x"])
    with pytest.raises(ConflictError, match="no column in common"):
        services.diffs.find(other.id, first.id)
    workbook = desk.make(job, b"PK", [])
    with pytest.raises(ConflictError, match="only CSV files"):
        services.diffs.find(workbook.id, first.id)


def test_a_file_that_vanishes_meanwhile_ends_the_comparison_with_words(
    desk: Desk, job: Job, services: Services
) -> None:
    old, new = desk.make(job, OLD), desk.make(job, NEW)
    services.diffs.request(new.id, by="ada")
    services.store.delete(old.path)

    desk.work()

    run = services.diffs.find(new.id).run
    assert run is not None
    assert (run.status, run.error) == (RunStatus.FAILED, "a result file that was to be read is gone")


@pytest.mark.parametrize("content", [b"id,name\n1\n2,x\n", b"id,name\n1,a\n2,x,y\n"])
def test_a_file_that_is_not_what_its_record_says_ends_with_words(content: bytes, desk: Desk, job: Job) -> None:
    desk.make(job, content)

    run = desk.compare(desk.make(job, b"id;name\n1;a\n", delimiter=";"), key=["name"]).run

    assert run is not None
    assert run.error is None or "cells" in run.error


def test_its_job_is_made_when_it_is_needed_and_keeps_its_results_for_a_month(
    desk: Desk, job: Job, services: Services
) -> None:
    services.system_jobs.ensure()
    assert services.jobs.count(system=True) == 0
    desk.make(job, OLD)

    desk.compare(desk.make(job, NEW))

    made = services.jobs.get(JOB_UID)
    assert (made.is_system, made.triggers) == (True, [])
    assert services.keeping.rule(made.id) == Rule(days=30)


def test_a_run_of_its_job_by_hand_says_where_to_go(desk: Desk, job: Job, services: Services) -> None:
    desk.make(job, OLD)
    desk.compare(desk.make(job, NEW))

    run = services.runs.request(JOB_UID, "ada")
    desk.work()

    assert "nothing to compare" in (services.runs.get(run.id).error or "")


def test_comparisons_of_results_that_are_gone_are_forgotten(desk: Desk, job: Job, services: Services) -> None:
    desk.make(job, OLD)
    desk.compare(desk.make(job, NEW))
    assert services.diffs.forget() == 0
    services.keeping.save(job.id, Rule(count=1))

    services.keeping.sweep()

    assert services.diffs.forget() == 1
