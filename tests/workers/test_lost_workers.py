"""A worker process that dies under its run."""

import os
import signal
from pathlib import Path

import pytest

from app.adapters import process_tree
from app.core.ports import Ended, Started
from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import Bench, Watched, Witness, bench, process_executor


def assert_lost(ended: Ended, how: str) -> None:
    assert (ended.status, ended.reason) == (RunStatus.INTERRUPTED, FailureReason.WORKER_LOST)
    assert how in (ended.error or "")


def test_started_names_the_process_of_the_run(workers: Bench) -> None:
    wanted = workers.submit("SLEEP")
    worker = int(workers.witness.hear())

    started = workers.listener.wait_for(Started, wanted.run_id)

    assert (started.pid, started.start_ticks) == (worker, process_tree.start_ticks(worker))


def test_killed_worker_interrupts_its_run_only(workers: Bench) -> None:
    killed, other = workers.submit("SLEEP"), workers.submit("SLEEP")
    pids = {int(workers.witness.hear()), int(workers.witness.hear())}
    pid = workers.listener.wait_for(Started, killed.run_id).pid

    assert pid in pids
    os.kill(pid, signal.SIGKILL)

    assert_lost(workers.end_of(killed), "killed by signal 9 SIGKILL")
    assert not workers.listener.of(Ended, other.run_id)


@pytest.mark.parametrize(
    ("job_type", "how"),
    [("CRASH", "killed by signal 11 SIGSEGV"), ("EXIT_AT_ONCE", "ended with exit code 3")],
)
def test_the_message_says_how_the_worker_died(workers: Bench, job_type: str, how: str) -> None:
    assert_lost(workers.run(job_type), how)


def test_a_dead_worker_is_replaced(workers: Bench) -> None:
    for _ in range(4):
        workers.run("EXIT_AT_ONCE")

    assert {workers.run("NOOP").status for _ in range(4)} == {RunStatus.SUCCEEDED}


def test_what_a_dead_worker_has_left_is_gone_when_its_end_is_told(workers: Bench) -> None:
    wanted = workers.submit("LEAVE_A_CHILD_AND_SLEEP", timeout_seconds=60)
    worker, child = map(int, workers.witness.hear().split())
    watched = Watched(worker, child)
    os.kill(worker, signal.SIGKILL)

    assert_lost(workers.end_of(wanted), "SIGKILL")

    assert not watched.alive()
    watched.close()


def test_a_large_assignment_reaches_its_worker(workers: Bench) -> None:
    """Larger than the socket's buffer, for the fast server and the slow worker alike."""
    assert workers.run("NOOP", text="x" * 3_000_000).status is RunStatus.SUCCEEDED


def test_progress_that_no_message_can_carry_harms_nobody(workers: Bench) -> None:
    ended = workers.run("ADVANCE_IN_CIRCLES")

    assert ended.status is RunStatus.SUCCEEDED
    assert workers.listener.progress(ended.run_id) == []


def test_files_of_a_dead_worker_are_removed_complete_ones_too(workers: Bench) -> None:
    wanted = workers.submit("WRITE_AND_WAIT")
    worker = int(workers.witness.hear())
    assert len(workers.files(wanted)) == 2
    os.kill(worker, signal.SIGKILL)

    workers.end_of(wanted)

    assert workers.files(wanted) == []


def test_a_worker_killed_while_idle_is_replaced_without_a_word(tmp_path: Path, witness: Witness) -> None:
    with bench(process_executor(tmp_path, workers=1), tmp_path, witness) as workers:
        pid = workers.listener.wait_for(Started, workers.run("NOOP").run_id).pid
        watched = Watched(pid)
        os.kill(pid, signal.SIGKILL)
        assert not watched.alive(5)

        again = workers.run("NOOP")

        assert again.status is RunStatus.SUCCEEDED
        assert workers.listener.wait_for(Started, again.run_id).pid != pid
        watched.close()
