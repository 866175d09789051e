"""The server, the warden or its guardian is killed: nothing goes on without them, and nothing is forgotten."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters import process_tree, warden_process
from app.core.ports import Ended
from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import Bench, Watched, Witness, bench, process_executor


@pytest.fixture
def serve(tmp_path: Path, witness: Witness) -> Iterator[Callable[[str], int]]:
    """Starts a server that runs one job; gives its pid."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(job_type: str) -> int:
        command = [sys.executable, "-m", "tests.workers.small_server", str(tmp_path), job_type, witness.address]
        servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return servers[-1].pid

    yield start
    for server in servers:
        server.kill()
        server.wait()


def family(server: int) -> tuple[int, int, set[int]]:
    """Guardian, warden, workers."""
    [guardian] = process_tree.children(server)
    [warden] = process_tree.children(guardian)
    return guardian, warden, process_tree.children(warden)


def test_when_the_server_is_killed_everything_ends(serve: Callable[[str], int], witness: Witness) -> None:
    server = serve("LEAVE_A_CHILD_AND_SLEEP")
    named = map(int, witness.hear().split())
    guardian, warden, workers = family(server)
    watched = Watched(guardian, warden, *workers, *named)

    os.kill(server, signal.SIGKILL)

    assert not watched.alive(5)
    watched.close()


def test_the_next_server_learns_what_became_of_the_run(
    serve: Callable[[str], int], tmp_path: Path, witness: Witness
) -> None:
    server = serve("SLEEP")
    witness.hear()
    os.kill(server, signal.SIGKILL)

    executor = process_executor(tmp_path)
    [left] = executor.leftovers()

    assert (left.run_id, left.token) == (1, "first")
    assert (left.status, left.reason) == (RunStatus.INTERRUPTED, FailureReason.SERVER_LOST)
    executor.acknowledge([(1, "first")])
    executor.stop(0)
    again = process_executor(tmp_path)
    assert list(again.leftovers()) == []
    again.stop(0)


def test_a_run_that_ends_well_when_nobody_listens_any_more_has_succeeded(
    serve: Callable[[str], int], tmp_path: Path, witness: Witness
) -> None:
    server = serve("SUCCEED_WHEN_ASKED")
    witness.hear()
    os.kill(server, signal.SIGKILL)

    executor = process_executor(tmp_path)

    assert [left.status for left in executor.leftovers()] == [RunStatus.SUCCEEDED]
    executor.stop(0)


def test_all_killed_in_one_blow_leave_nothing_to_the_next_server(
    serve: Callable[[str], int], tmp_path: Path, witness: Witness
) -> None:
    server = serve("LEAVE_A_MARKED_CHILD_AND_SLEEP")
    _, child = map(int, witness.hear().split())
    guardian, warden, workers = family(server)
    watched = Watched(child, guardian, warden, *workers)
    for pid in (server, guardian, warden, *workers):
        os.kill(pid, signal.SIGSTOP)  # so that none can act on the death of another
    for pid in (*workers, warden, guardian, server):
        os.kill(pid, signal.SIGKILL)
    assert watched.alive(0.5) == [child]

    executor = process_executor(tmp_path)
    executor.leftovers()

    assert not watched.alive()
    executor.stop(0)
    watched.close()


@pytest.mark.parametrize("victim", ["guardian", "warden"])
def test_killed_guardian_or_warden_ends_the_runs_and_is_replaced(workers: Bench, victim: str) -> None:
    wanted = workers.submit("LEAVE_A_CHILD_AND_SLEEP")
    watched = Watched(*map(int, workers.witness.hear().split()))
    guardian = next(iter(guardians()))
    os.kill(guardian if victim == "guardian" else next(iter(process_tree.children(guardian))), signal.SIGKILL)

    ended = workers.end_of(wanted)

    assert (ended.status, ended.reason) == (RunStatus.INTERRUPTED, FailureReason.WORKER_LOST)
    assert not watched.alive()
    assert workers.run("NOOP").status is RunStatus.SUCCEEDED
    watched.close()


def guardians() -> list[int]:
    """Children of the test's own process that run our worker module."""
    return [
        pid for pid in process_tree.children(os.getpid()) if b"app.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_guardian_and_warden_killed_at_once(workers: Bench) -> None:
    """Only the worker is left to end itself and what is below it."""
    wanted = workers.submit("LEAVE_A_CHILD_AND_SLEEP")
    watched = Watched(*map(int, workers.witness.hear().split()))
    [guardian] = guardians()
    [warden] = process_tree.children(guardian)
    for pid in (guardian, warden):
        os.kill(pid, signal.SIGSTOP)
    for pid in (guardian, warden):
        os.kill(pid, signal.SIGKILL)

    ended = workers.end_of(wanted)

    assert ended.reason is FailureReason.WORKER_LOST
    assert not watched.alive(5)
    watched.close()


def test_a_stopped_warden_is_noticed_by_its_silence(workers: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warden_process, "SILENT_AFTER", 0.5)
    wanted = workers.submit("SLEEP")
    workers.witness.hear()
    [guardian] = guardians()
    [warden] = process_tree.children(guardian)
    os.kill(warden, signal.SIGSTOP)

    assert workers.end_of(wanted).reason is FailureReason.WORKER_LOST
    assert workers.run("NOOP").status is RunStatus.SUCCEEDED


def test_runs_that_had_not_begun_outlive_the_warden(tmp_path: Path, witness: Witness) -> None:
    with bench(process_executor(tmp_path, workers=1), tmp_path, witness) as workers:
        running = workers.submit("SLEEP")
        workers.witness.hear()
        waiting = [workers.submit("NOOP") for _ in range(10)]
        [guardian] = guardians()

        os.kill(guardian, signal.SIGKILL)

        assert workers.end_of(running).status is RunStatus.INTERRUPTED
        statuses = [workers.end_of(wanted).status for wanted in waiting]
        assert statuses[1:] == [RunStatus.SUCCEEDED] * 9  # the first was with the warden: it might have begun


def test_a_worker_that_is_stopped_can_be_cancelled(workers: Bench) -> None:
    wanted = workers.submit("SLEEP")
    os.kill(int(workers.witness.hear()), signal.SIGSTOP)

    assert workers.cancel(wanted).status is RunStatus.CANCELLED


def test_one_end_each_whatever_is_killed(workers: Bench) -> None:
    many = [workers.submit("NOOP") for _ in range(200)]
    for _ in range(3):
        workers.listener.wait_for(Ended, many[0].run_id)
        for guardian in guardians():
            os.kill(guardian, signal.SIGKILL)

    for wanted in many:
        workers.end_of(wanted)

    workers.listener.hear_the_rest()
    assert [len(workers.listener.of(Ended, wanted.run_id)) for wanted in many] == [1] * 200
