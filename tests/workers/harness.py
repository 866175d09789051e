"""What the tests of the executors share: a listener for reports, a witness for jobs, a way to see processes end."""

import itertools
import os
import queue
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.adapters.process_executor import ProcessExecutor
from app.core.ports import Assignment, Ended, Executor, Logged, LogLine, Progressed, Report

PATIENCE = 10.0  # seconds until a test gives up
COMMAND = [sys.executable, "-m", "app.worker", "--job-types", "tests.workers.job_types:TYPES"]
QUICK = {"cooperative": 0.2, "terminate": 0.2, "bereaved": 0.1, "hopeless": 5.0, "heartbeat": 0.1}

_numbers = itertools.count(1)


class Listener:
    """The server's side: keeps every report, waits for those that a test wants."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._new: queue.SimpleQueue[Report] = queue.SimpleQueue()

    def __call__(self, reports: Sequence[Report]) -> None:
        for report in reports:
            self._new.put(report)

    def wait_for(self, kind: type, run_id: int, patience: float = PATIENCE) -> Any:
        until = time.monotonic() + patience
        while not (found := self.of(kind, run_id)):
            self.reports.append(self._new.get(timeout=max(0.01, until - time.monotonic())))
        return found[0]

    def wait_for_next(self, kind: type) -> None:
        while not isinstance(report := self._new.get(timeout=PATIENCE), kind):
            self.reports.append(report)

    def of(self, kind: type, run_id: int) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind) and _is_of(report, run_id)]

    def lines(self, run_id: int) -> list[LogLine]:
        return [line for report in self.of(Logged, run_id) for line in report.lines]

    def progress(self, run_id: int) -> list[dict[str, Any]]:
        return [dict(report.values) for report in self.of(Progressed, run_id)]

    def hear_the_rest(self) -> None:
        while not self._new.empty():
            self.reports.append(self._new.get())


def _is_of(report: Report, run_id: int) -> bool:
    return getattr(report, "run_id", run_id) == run_id


class Witness:
    """Hears what jobs tell it, from whatever process."""

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "witness")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(PATIENCE)

    def hear(self) -> str:
        return self._socket.recv(1 << 20).decode()

    def answer(self, address: str) -> None:
        self._socket.sendto(b"go", address)

    def close(self) -> None:
        self._socket.close()


class Bench:
    """An executor with its listener, results directory and witness."""

    def __init__(self, executor: Executor, directory: Path, witness: Witness) -> None:
        self.executor = executor
        self.listener = Listener()
        self.witness = witness
        self.results = directory / "results"
        self.spool = directory / "spool"
        executor.start(self.listener)

    def submit(self, job_type: str, *, timeout_seconds: float | None = None, **parameters: Any) -> Assignment:
        wanted = assignment(job_type, self.witness, timeout_seconds=timeout_seconds, **parameters)
        self.executor.submit([wanted])
        return wanted

    def run(self, job_type: str, **more: Any) -> Ended:
        return self.end_of(self.submit(job_type, **more))

    def end_of(self, wanted: Assignment, patience: float = PATIENCE) -> Ended:
        ended: Ended = self.listener.wait_for(Ended, wanted.run_id, patience)
        return ended

    def cancel(self, wanted: Assignment) -> Ended:
        self.executor.cancel(wanted.run_id, wanted.token)
        return self.end_of(wanted)

    def files(self, of: Assignment | Ended) -> list[str]:
        found = self.results.rglob(f"{of.run_id}-*")
        return sorted(path.relative_to(self.results).as_posix() for path in found)


def assignment(
    job_type: str,
    witness: Witness | None = None,
    *,
    timeout_seconds: float | None = None,
    connections: dict[str, str] | None = None,
    **parameters: Any,
) -> Assignment:
    number = next(_numbers)
    return Assignment(
        run_id=number,
        token=f"token-{number}_x",
        job_id=7,
        job_name="nightly",
        job_type=job_type,
        parameters={**parameters, "witness": witness.address if witness else ""},
        connections=connections or {},
        timeout_seconds=timeout_seconds,
    )


def process_executor(directory: Path, workers: int = 2, **times: float) -> ProcessExecutor:
    return ProcessExecutor(COMMAND, workers, directory, times={**QUICK, **times})


@contextmanager
def bench(executor: Executor, directory: Path, witness: Witness) -> Iterator[Bench]:
    made = Bench(executor, directory, witness)
    try:
        yield made
    finally:
        executor.stop(0)


class Watched:
    """Processes that a test wants to see end; held by pidfd, so that their numbers cannot go to others."""

    def __init__(self, *pids: int) -> None:
        self.descriptors = {pid: os.pidfd_open(pid) for pid in pids}

    def alive(self, patience: float = 0.0) -> list[int]:
        """Those that still live after ``patience`` seconds at the latest."""
        until = time.monotonic() + patience
        return [pid for pid, held in self.descriptors.items() if not _has_ended(held, until - time.monotonic())]

    def close(self) -> None:
        for held in self.descriptors.values():
            os.close(held)


def _has_ended(held: int, patience: float) -> bool:
    return bool(select.select([held], [], [], max(0.0, patience))[0])
