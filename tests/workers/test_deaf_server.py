"""A server that does not take reports, as its database is away, must not stop the warden from keeping order."""

import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.adapters import process_tree
from app.adapters.process_executor import ProcessExecutor
from app.core.ports import Ended, Report
from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import PATIENCE, Watched, Witness, assignment, process_executor


class DeafServer:
    """Takes no report until it is told to."""

    def __init__(self, executor: ProcessExecutor) -> None:
        self.executor = executor
        self.ears = threading.Event()
        self.ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        executor.start(self.deliver)

    def deliver(self, reports: Sequence[Report]) -> None:
        self.ears.wait(PATIENCE * 2)
        for report in reports:
            if isinstance(report, Ended):
                self.ended.put(report)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DeafServer]:
    made = DeafServer(process_executor(tmp_path, terminate=1.0))
    yield made
    made.ears.set()
    made.executor.stop(0)


def test_time_limits_hold_while_nobody_listens(server: DeafServer, witness: Witness) -> None:
    server.executor.submit([assignment("SLEEP", witness, timeout_seconds=0.2)])
    watched = Watched(int(witness.hear()))
    server.executor.submit([assignment("LEAVE_A_CHILD", witness)])
    child = Watched(int(witness.hear()))

    assert not child.alive(5)

    server.ears.set()
    ended = {server.ended.get(timeout=PATIENCE).reason for _ in range(2)}
    assert ended == {None, FailureReason.TIMEOUT}
    watched.close()
    child.close()


def test_a_job_that_says_too_much_waits_and_can_be_cancelled(server: DeafServer, witness: Witness) -> None:
    wanted = assignment("CHATTER", witness)
    server.executor.submit([wanted])
    worker = int(witness.hear())
    watched = Watched(worker)
    warden = _parent(worker)

    _wait_until_it_waits(worker)
    assert _resident_bytes(warden) < 120_000_000

    server.executor.cancel(wanted.run_id, wanted.token)
    server.ears.set()
    ended = server.ended.get(timeout=PATIENCE)
    assert ended.status is RunStatus.CANCELLED
    watched.close()


def _wait_until_it_waits(pid: int) -> None:
    """Until it uses no more CPU, as it is blocked in sending."""
    before = -1
    while (now := _cpu_ticks(pid)) != before:
        before = now
        threading.Event().wait(0.2)


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_worker_that_is_stopped_does_not_hold_up_the_others(server: DeafServer, witness: Witness) -> None:
    """One cannot even read its next assignment; everything else goes on."""
    server.ears.set()
    server.executor.submit([assignment("SLEEP", witness)])
    worker = int(witness.hear())
    os.kill(worker, signal.SIGSTOP)

    server.executor.submit([assignment("NOOP", witness) for _ in range(20)])

    assert {server.ended.get(timeout=PATIENCE).status for _ in range(20)} == {RunStatus.SUCCEEDED}
    assert worker in process_tree.children(_parent(worker))
