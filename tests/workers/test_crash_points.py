"""The plug is pulled before each and every step of a run's way to the disk: files, their names, the spooled outcome.

The steps are counted where the program asks the kernel for them, in a process of its own that ends there and then.
"""

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from app.adapters.clock import utc_now
from app.adapters.messages import pack_report
from app.adapters.result_store import ResultStore
from app.adapters.spool import Spool
from app.core.execution import CancelFlag, execute
from app.core.job_types import JobContext, JobType, JobTypes
from app.core.ports import Assignment, Ended
from app.core.statuses import RunStatus

STEPS = ("open", "write", "pwrite", "fsync", "rename", "unlink", "mkdir")
CONTENT = b"a,b\r\n" * 300_000  # two writes
SLOT = 0
WORK = Assignment(run_id=5, token="first", job_id=7, job_name="nightly", job_type="TWO_FILES", parameters={})


def two_files(context: JobContext) -> None:
    for name in ("one.csv", "two.csv"):
        with context.result_file(name) as file:
            file.write(CONTENT)


TYPES = JobTypes([JobType("TWO_FILES", "", "", f"{__name__}:two_files")])


class Plug:
    """Counts the steps and ends the process before the one of this number; 0 is never."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0
        for name in STEPS:
            setattr(os, name, self._before(getattr(os, name)))

    def _before(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.seen += 1
            if self.seen == self.number:
                os._exit(1)
            return step(*arguments, **options)

        return counted


def run_in_a_process(directory: Path, number: int) -> int:
    """Do the whole run, up to a step. Gives the number of steps, 0 when the plug was pulled."""
    reads, writes = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and later warn of forks beside threads
        child = os.fork()
    if child == 0:
        _work(directory, number, writes)
    os.close(writes)
    with open(reads, "rb") as told:
        steps = told.read()
    os.waitpid(child, 0)
    return int(steps or 0)


def _work(directory: Path, number: int, tell: int) -> NoReturn:
    try:
        write, plug = os.write, Plug(number)
        results, spool = ResultStore(directory / "results"), Spool(directory / "spool")
        outcome = execute(WORK, TYPES, emit=lambda report: None, results=results, clock=utc_now, cancelled=CancelFlag())
        spool.write(SLOT, pack_report(outcome), sync=True)
        write(tell, str(plug.seen).encode())
    finally:
        os._exit(2)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path


def test_undisturbed_it_leaves_two_files_and_their_outcome(directory: Path) -> None:
    assert run_in_a_process(directory, 0) > 10

    outcome = Spool(directory / "spool").read_all()[SLOT]
    assert outcome.status is RunStatus.SUCCEEDED
    assert [made.name for made in outcome.files] == ["one.csv", "two.csv"]


def test_wherever_it_ends_a_file_with_its_name_is_complete_and_an_outcome_is_whole(directory: Path) -> None:
    steps = run_in_a_process(directory, 0)
    for number in range(1, steps + 1):
        place = directory / str(number)
        (place / "spool").mkdir(parents=True)

        assert run_in_a_process(place, number) == 0

        results = ResultStore(place / "results")
        for path in results.complete_files():
            assert (place / "results" / path).read_bytes() == CONTENT, f"before step {number}"
        for outcome in Spool(place / "spool").read_all().values():
            assert_true(outcome, place / "results", f"before step {number}")
        results.sweep(before=utc_now() + timedelta(minutes=1))
        assert list((place / "results").rglob("*.part")) == []


def assert_true(outcome: Ended, results: Path, when: str) -> None:
    """The outcome of a run that succeeded speaks of files that are there, as they are."""
    assert (outcome.run_id, outcome.status, len(outcome.files)) == (5, RunStatus.SUCCEEDED, 2), when
    for made in outcome.files:
        content = (results / made.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (made.size, made.sha256), when


def test_an_outcome_half_written_over_another_is_none_or_one_of_the_two(directory: Path) -> None:
    run_in_a_process(directory, 0)
    slot = directory / "spool" / f"{SLOT}.exit.json"
    old_bytes, first = slot.read_bytes(), Spool(directory / "spool").read_all()[SLOT]
    second = replace(first, token="second", files=(), status=RunStatus.FAILED)
    (directory / "other").mkdir()
    Spool(directory / "other").write(SLOT, pack_report(second), sync=False)
    new_bytes = (directory / "other" / slot.name).read_bytes()

    for cut in range(len(new_bytes) + 1):
        slot.write_bytes(new_bytes[:cut] + old_bytes[cut:])

        assert list(Spool(directory / "spool").read_all().values()) in ([], [first], [second]), f"cut at {cut}"
