"""Nothing that a run has started is alive when its end is told."""

import pytest

from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import Bench, Watched


def test_escaped_child_of_a_successful_run_is_ended_and_told_of(workers: Bench) -> None:
    wanted = workers.submit("LEAVE_A_CHILD")
    watched = Watched(int(workers.witness.hear()))

    ended = workers.end_of(wanted)

    assert not watched.alive()
    assert ended.status is RunStatus.SUCCEEDED
    assert (
        workers.listener.lines(ended.run_id)[-1].message
        == "processes that the run had left behind and that were ended: 1"
    )
    watched.close()


def test_escaped_child_of_a_cancelled_run_is_ended(workers: Bench) -> None:
    wanted = workers.submit("LEAVE_A_CHILD_AND_SLEEP")
    watched = Watched(*map(int, workers.witness.hear().split()))

    ended = workers.cancel(wanted)

    assert ended.status is RunStatus.CANCELLED
    assert watched.alive() == [] or watched.alive() == [_worker(watched)]
    watched.close()


def _worker(watched: Watched) -> int:
    return next(iter(watched.descriptors))


def test_a_process_that_is_another_one_each_time_is_caught(workers: Bench) -> None:
    assert workers.run("LEAVE_A_HOPPING_CHILD").status is RunStatus.SUCCEEDED
    assert workers.run("NOOP").status is RunStatus.SUCCEEDED


def test_a_thread_that_a_run_has_left_ends_with_its_worker(workers: Bench) -> None:
    wanted = workers.submit("LEAVE_A_THREAD")
    watched = Watched(int(workers.witness.hear()))

    assert workers.end_of(wanted).status is RunStatus.SUCCEEDED

    assert not watched.alive()
    assert workers.listener.lines(wanted.run_id)[-1].message == "threads that the run had left behind were ended"
    watched.close()


def test_two_runs_that_leave_children_do_not_disturb_each_other(workers: Bench) -> None:
    staying = workers.submit("LEAVE_A_CHILD_AND_SLEEP")
    kept = Watched(*map(int, workers.witness.hear().split()))

    for _ in range(3):
        workers.run("LEAVE_A_CHILD")
        workers.run("EXIT_AT_ONCE")

    assert len(kept.alive()) == 2
    workers.cancel(staying)
    kept.close()


@pytest.mark.parametrize("limit", [None, 0.1], ids=["cancelled", "timed out"])
def test_a_job_that_ignores_everything_is_ended_with_its_children(workers: Bench, limit: float | None) -> None:
    wanted = workers.submit("IGNORE_EVERYTHING", timeout_seconds=limit and limit + 0.5)
    watched = Watched(int(workers.witness.hear()))

    ended = workers.cancel(wanted) if limit is None else workers.end_of(wanted)

    expected = (RunStatus.CANCELLED, None) if limit is None else (RunStatus.FAILED, FailureReason.TIMEOUT)
    assert (ended.status, ended.reason) == expected
    assert not watched.alive()
    watched.close()


def test_sigterm_lets_a_job_clean_up(workers: Bench) -> None:
    """It does not look at its cancellation; the signal raises inside it, also while it waits."""
    wanted = workers.submit("SLEEP_AND_CLEAN_UP")
    watched = Watched(int(workers.witness.hear()))

    ended = workers.cancel(wanted)

    assert ended.status is RunStatus.CANCELLED
    assert workers.witness.hear() == "cleaned up"
    assert len(watched.alive()) == 1
    watched.close()


def test_files_of_a_run_ended_by_force_are_removed(workers: Bench) -> None:
    wanted = workers.submit("WRITE_AND_WAIT")
    workers.witness.hear()

    workers.cancel(wanted)

    assert workers.files(wanted) == []
