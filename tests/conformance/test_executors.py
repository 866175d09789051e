"""What every executor does, wherever its runs are."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.clock import utc_now
from app.adapters.inline_executor import InlineExecutor
from app.adapters.result_store import ResultStore
from app.core.job_types import JobTypes
from app.core.ports import Ended, Executor, Report, Started
from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import Bench, Witness, assignment, bench, process_executor
from tests.workers.job_types import TYPES


def inline(directory: Path) -> Executor:
    return InlineExecutor(JobTypes(TYPES), ResultStore(directory / "results"), clock=utc_now)


EVERY_EXECUTOR = {"params": [inline, process_executor], "ids": ["inline", "process"]}


@pytest.fixture(scope="module", **EVERY_EXECUTOR)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from a_bench(request.param, tmp_path_factory.mktemp("jobs"))


@pytest.fixture
def jobs(shared: Bench, tmp_path: Path) -> Iterator[Bench]:
    """One executor for all tests, but a witness for each: what one has not heard must not be told to the next."""
    shared.witness = Witness(tmp_path)
    yield shared
    shared.witness.close()


@pytest.fixture(**EVERY_EXECUTOR)
def own_jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """For tests that stop the executor."""
    yield from a_bench(request.param, tmp_path)


def a_bench(make: Callable[[Path], Executor], directory: Path) -> Iterator[Bench]:
    witness = Witness(directory)
    with bench(make(directory), directory, witness) as made:
        yield made
    witness.close()


def outcome(ended: Ended) -> tuple[RunStatus, FailureReason | None, str | None]:
    return ended.status, ended.reason, ended.error


def test_a_run_is_started_and_succeeds(jobs: Bench) -> None:
    wanted = jobs.submit("NOOP")

    ended = jobs.end_of(wanted)

    assert outcome(ended) == (RunStatus.SUCCEEDED, None, None)
    assert ended.token == wanted.token
    [started] = jobs.listener.of(Started, wanted.run_id)
    assert started.at <= ended.at
    assert started.start_ticks > 0


def test_an_exception_fails_the_run_with_one_line_and_without_paths(jobs: Bench) -> None:
    ended = jobs.run("FAIL")

    assert outcome(ended) == (RunStatus.FAILED, FailureReason.EXCEPTION, "ValueError: no such thing in secret.db")
    [line] = jobs.listener.lines(ended.run_id)
    assert line.level == "error"
    assert line.message.startswith("Traceback")
    assert line.message.endswith("and a second line")


@pytest.mark.parametrize("reason", [FailureReason.CONFIG, FailureReason.OUTPUT_LIMIT, FailureReason.EXCEPTION])
def test_a_job_error_brings_its_own_reason(jobs: Bench, reason: FailureReason) -> None:
    assert outcome(jobs.run("REFUSE", reason=reason.value)) == (RunStatus.FAILED, reason, "the table is missing")


def test_a_full_disk_is_named(jobs: Bench) -> None:
    ended = jobs.run("FILL_THE_DISK")

    assert (ended.status, ended.reason) == (RunStatus.FAILED, FailureReason.DISK_FULL)
    assert "/srv" not in (ended.error or "")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [(0, RunStatus.SUCCEEDED, None), (4, RunStatus.FAILED, FailureReason.EXIT)],
    ids=["zero", "four"],
)
def test_sys_exit_ends_the_run_only(jobs: Bench, code: int, status: RunStatus, reason: FailureReason | None) -> None:
    ended = jobs.run("LEAVE", code=code)

    assert (ended.status, ended.reason) == (status, reason)
    assert jobs.run("NOOP").status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("job_type", ["NO_SUCH_TYPE", "BROKEN"])
def test_a_job_type_that_is_missing_or_broken_is_a_matter_of_configuration(jobs: Bench, job_type: str) -> None:
    ended = jobs.run(job_type)

    assert (ended.status, ended.reason) == (RunStatus.FAILED, FailureReason.CONFIG)
    assert job_type in (ended.error or "")


def test_log_lines_come_in_order_before_the_end_and_not_too_long(jobs: Bench) -> None:
    ended = jobs.run("SAY")

    lines = jobs.listener.lines(ended.run_id)
    assert [(line.level, line.message) for line in lines[:2]] == [("info", "one"), ("warning", "two")]
    assert len(lines[2].message) < 9_000
    assert lines[2].message.endswith("... (11809 more characters)")


def test_the_last_progress_comes_before_the_end(jobs: Bench) -> None:
    ended = jobs.run("ADVANCE")

    last = jobs.listener.progress(ended.run_id)[-1]
    assert (last["stage"], last["rows"], last["processes"][0]["status"]) == ("read", 1000, "SUCCESS")


def test_a_stage_reports_each_of_its_items(jobs: Bench) -> None:
    ended = jobs.run("WORK_IN_STAGES")

    (process,) = jobs.listener.progress(ended.run_id)[-1]["processes"]
    shown = [(stage["description"], stage["status"], stage["done"], stage["failed"]) for stage in process["stages"]]
    assert ended.status is RunStatus.SUCCEEDED
    assert shown == [("one by one", "SUCCESS", 299, 1), ("three at a time", "SUCCESS", 30, 0)]


def test_a_cancelled_stage_ends_between_two_items(jobs: Bench) -> None:
    wanted = jobs.submit("WAIT_BETWEEN_ITEMS")
    assert jobs.witness.hear() == "2"

    ended = jobs.cancel(wanted)

    (process,) = jobs.listener.progress(ended.run_id)[-1]["processes"]
    (stage,) = process["stages"]
    assert (ended.status, process["status"], stage["status"]) == (RunStatus.CANCELLED, "CANCELLED", "CANCELLED")
    assert [item["status"] for item in stage["items"]] == ["SUCCESS", "SUCCESS"]


def test_passwords_are_masked_in_all_that_is_said(jobs: Bench) -> None:
    url = "postgresql://scott:t%40ger-hunt@db/warehouse"
    wanted = assignment("QUOTE_THE_PASSWORD", jobs.witness, connections={"warehouse": url})
    jobs.executor.submit([wanted])

    ended = jobs.end_of(wanted)

    said = [ended.error or "", *(line.message for line in jobs.listener.lines(ended.run_id))]
    assert not [text for text in said if "ger-hunt" in text]
    assert said[0] == "RuntimeError: cannot connect to postgresql://scott:***@db/warehouse"


def test_a_missing_connection_is_a_matter_of_configuration(jobs: Bench) -> None:
    ended = jobs.run("QUOTE_THE_PASSWORD")

    assert outcome(ended) == (RunStatus.FAILED, FailureReason.CONFIG, "there is no connection 'warehouse'")


def test_a_file_is_given_with_size_rows_and_hash(jobs: Bench) -> None:
    ended = jobs.run("WRITE_FILE")

    [file] = ended.files
    assert jobs.files(ended) == [file.path]
    assert (jobs.results / file.path).read_bytes() == b"n\n1\n2\n"
    assert (file.name, file.media_type, file.size, file.rows) == ("numbers.csv", "text/csv", 6, 2)
    assert list(file.columns or ()) == ["n"]
    assert file.sha256 == hashlib.sha256(b"n\n1\n2\n").hexdigest()


def test_a_run_that_fails_leaves_no_file_not_even_a_complete_one(jobs: Bench) -> None:
    ended = jobs.run("WRITE_TWO_FILES_AND_FAIL")

    assert ended.files == ()
    assert jobs.files(ended) == []


@pytest.mark.parametrize("job_type", ["WAIT_FOR_CANCEL", "WAIT_FOR_ACTION"])
def test_a_cancelled_run_ends_as_cancelled_however_it_learns_of_it(jobs: Bench, job_type: str) -> None:
    wanted = jobs.submit(job_type)
    jobs.witness.hear()

    ended = jobs.cancel(wanted)

    assert outcome(ended) == (RunStatus.CANCELLED, None, "the run was cancelled")


def test_a_run_that_succeeds_in_spite_of_its_cancellation_has_succeeded(jobs: Bench) -> None:
    wanted = jobs.submit("SUCCEED_WHEN_ASKED")
    jobs.witness.hear()

    assert jobs.cancel(wanted).status is RunStatus.SUCCEEDED


def test_a_run_that_exceeds_its_time_is_failed(jobs: Bench) -> None:
    ended = jobs.run("WAIT_FOR_CANCEL", timeout_seconds=0.05)

    assert outcome(ended) == (RunStatus.FAILED, FailureReason.TIMEOUT, "the time limit of 0.05 s was exceeded")


def test_a_run_that_ends_well_but_too_late_is_failed_and_gives_no_file(jobs: Bench) -> None:
    ended = jobs.run("SUCCEED_WHEN_ASKED", timeout_seconds=0.1)

    assert (ended.status, ended.reason) == (RunStatus.FAILED, FailureReason.TIMEOUT)


def test_two_runs_go_on_at_once(jobs: Bench) -> None:
    both = [jobs.submit("MEET"), jobs.submit("MEET")]

    for address in [jobs.witness.hear(), jobs.witness.hear()]:
        jobs.witness.answer(address)

    assert [jobs.end_of(wanted).status for wanted in both] == [RunStatus.SUCCEEDED] * 2


def test_more_runs_than_workers_wait_for_their_turn(jobs: Bench) -> None:
    many = [jobs.submit("NOOP") for _ in range(50)]

    assert {jobs.end_of(wanted).status for wanted in many} == {RunStatus.SUCCEEDED}


def test_a_waiting_run_can_be_cancelled(jobs: Bench) -> None:
    many = [jobs.submit("WAIT_FOR_CANCEL") for _ in range(12)]
    jobs.witness.hear()

    assert jobs.cancel(many[-1]).status is RunStatus.CANCELLED
    assert {jobs.cancel(wanted).status for wanted in many} == {RunStatus.CANCELLED}


def test_each_run_has_exactly_one_end(own_jobs: Bench) -> None:
    wanted = [own_jobs.submit(name) for name in ("NOOP", "FAIL", "WAIT_FOR_CANCEL", "LEAVE", "NO_SUCH_TYPE")]
    own_jobs.witness.hear()
    for each in wanted * 2:
        own_jobs.executor.cancel(each.run_id, each.token)
    for each in wanted:
        own_jobs.end_of(each)

    own_jobs.executor.stop(1)

    own_jobs.listener.hear_the_rest()
    assert [len(own_jobs.listener.of(Ended, each.run_id)) for each in wanted] == [1] * len(wanted)


def test_free_counts_what_would_begin_at_once(jobs: Bench) -> None:
    jobs.run("NOOP")
    before = jobs.executor.free()
    wanted = jobs.submit("WAIT_FOR_CANCEL")
    during = jobs.executor.free()
    jobs.witness.hear()
    jobs.cancel(wanted)

    assert during == before - 1
    assert jobs.executor.free() == before


def test_a_stop_waits_for_what_runs(own_jobs: Bench) -> None:
    wanted = own_jobs.submit("MEET")
    address = own_jobs.witness.hear()

    threading.Timer(0.05, own_jobs.witness.answer, [address]).start()
    own_jobs.executor.stop(5)

    assert own_jobs.end_of(wanted).status is RunStatus.SUCCEEDED


def test_a_stop_interrupts_what_outlasts_the_grace_time(own_jobs: Bench) -> None:
    wanted = own_jobs.submit("WAIT_FOR_CANCEL")
    own_jobs.witness.hear()

    own_jobs.executor.stop(0)

    ended = own_jobs.end_of(wanted)
    assert (ended.status, ended.reason) == (RunStatus.INTERRUPTED, FailureReason.SHUTDOWN)


def test_without_workers_the_inline_executor_runs_in_the_callers_thread(tmp_path: Path) -> None:
    executor = InlineExecutor(JobTypes(TYPES), ResultStore(tmp_path), clock=utc_now, workers=0)
    reports: list[Report] = []
    executor.start(reports.extend)

    executor.submit([assignment("NOOP"), assignment("FAIL")])

    assert [type(report).__name__ for report in reports] == ["Started", "Ended", "Started", "Logged", "Ended"]


def test_nothing_is_taken_after_a_stop(own_jobs: Bench) -> None:
    own_jobs.executor.stop(0)

    assert own_jobs.executor.free() == 0
