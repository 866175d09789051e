"""How the executor is stopped, and what does not stop it."""

import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from app.adapters import process_tree
from app.adapters.messages import WardenSettings
from app.core.ports import Ended, Report, Unbegun
from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import PATIENCE, Bench, Listener, Watched, Witness, assignment, process_executor
from tests.workers.test_lost_server import guardians

PROMISED = 15.0  # seconds from a request to the verified end


def test_the_steps_to_an_end_stay_within_the_promise() -> None:
    times = WardenSettings(4, "", "")

    assert times.cooperative + times.terminate + times.hopeless <= PROMISED


def test_a_stop_ends_a_job_that_ignores_everything(workers: Bench) -> None:
    wanted = workers.submit("IGNORE_EVERYTHING")
    watched = Watched(int(workers.witness.hear()))

    workers.executor.stop(0)

    ended = workers.end_of(wanted)
    assert (ended.status, ended.reason) == (RunStatus.INTERRUPTED, FailureReason.SHUTDOWN)
    assert not watched.alive()
    watched.close()


def test_a_second_stop_ends_the_grace_time_of_the_first(workers: Bench) -> None:
    wanted = workers.submit("WAIT_FOR_CANCEL")
    workers.witness.hear()
    first = threading.Thread(target=workers.executor.stop, args=(60,))
    first.start()

    workers.executor.stop(0)

    first.join(5)
    assert not first.is_alive()
    assert workers.end_of(wanted).reason is FailureReason.SHUTDOWN


def test_runs_that_have_not_begun_are_given_back_by_a_stop(workers: Bench) -> None:
    many = [workers.submit("WAIT_FOR_CANCEL") for _ in range(8)]
    workers.witness.hear()

    workers.executor.stop(0)

    workers.listener.hear_the_rest()
    given_back = {report.token for report in workers.listener.reports if isinstance(report, Unbegun)}
    interrupted = [wanted for wanted in many if wanted.token not in given_back]
    assert 0 < len(given_back) < 8
    assert {workers.end_of(wanted).reason for wanted in interrupted} == {FailureReason.SHUTDOWN}


def test_after_a_stop_nothing_is_left(workers: Bench) -> None:
    workers.run("NOOP")
    [guardian] = guardians()
    watched = Watched(guardian, *process_tree.descendants(guardian))

    workers.executor.stop(0)

    assert not watched.alive(1)
    watched.close()


def test_signals_to_the_whole_group_are_for_the_server_to_answer(workers: Bench) -> None:
    """As ``systemctl stop`` sends them, and Ctrl-C: the server gives its runs their grace time."""
    wanted = workers.submit("WAIT_FOR_CANCEL")
    workers.witness.hear()
    [guardian] = guardians()
    everybody = {guardian, *process_tree.descendants(guardian)}
    watched = Watched(*everybody)
    process_tree.send(everybody, signal.SIGTERM)

    assert workers.cancel(wanted).status is RunStatus.CANCELLED
    assert len(watched.alive()) == len(everybody)
    watched.close()


def test_a_listener_that_fails_costs_no_run(tmp_path: Path, witness: Witness) -> None:
    failed, listener = threading.Event(), Listener()

    def deliver(reports: Sequence[Report]) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("not now")
        listener(reports)

    executor = process_executor(tmp_path, workers=1)
    executor.start(deliver)
    try:
        wanted = assignment("SUCCEED_WHEN_ASKED", witness)
        executor.submit([wanted])
        witness.hear()
        assert failed.wait(PATIENCE)
        executor.cancel(wanted.run_id, wanted.token)

        assert listener.wait_for(Ended, wanted.run_id).status is RunStatus.SUCCEEDED
    finally:
        executor.stop(0)


def test_more_workers_than_one_are_hired_at_once(workers: Bench) -> None:
    workers.run("NOOP")
    [guardian] = guardians()
    [warden] = process_tree.children(guardian)

    assert len(process_tree.children(warden)) == 2
