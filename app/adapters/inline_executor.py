"""Runs inside this process, for tests and for the server's own upkeep: the same reports as from workers, without their
isolation.

A thread cannot be killed: a job that ignores its cancellation goes on, only its outcome is no longer heard.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from app.adapters.process_tree import start_ticks
from app.core.execution import CANCELLED, SHUTDOWN, CancelFlag, ResultFiles, ended, execute, timed_out
from app.core.job_types import JobTypes
from app.core.log_cap import LogCap
from app.core.ports import Alive, Assignment, Clock, Ended, Logged, Occupancy, Progressing, Report, Started, Unbegun

DEAF_AFTER = 1.0  # seconds after which a job that does not end is no longer heard

Attempt = tuple[int, str]


class InlineExecutor:
    def __init__(self, job_types: JobTypes, results: ResultFiles, *, clock: Clock, workers: int = 4) -> None:
        """``workers=0`` runs in the caller's thread: when ``submit`` returns, everything is reported."""
        self._job_types = job_types
        self._results = results
        self._clock = clock
        self._workers = workers
        self._lock = threading.RLock()
        self._nothing_runs = threading.Condition(self._lock)
        self._in_flight: dict[Attempt, CancelFlag] = {}
        self._caps: dict[Attempt, LogCap] = {}
        self._waiting: deque[Assignment] = deque()
        self._is_stopping = False

    def start(self, deliver: Callable[[Sequence[Report]], None]) -> None:
        self._deliver = deliver

    def free(self) -> int:
        return max(0, (self._workers or 1) - len(self._in_flight)) if not self._is_stopping else 0

    def occupancy(self) -> Occupancy:
        waiting = len(self._waiting)
        return Occupancy(self._workers or 1, len(self._in_flight) - waiting, waiting, is_up=not self._is_stopping)

    def submit(self, assignments: Sequence[Assignment]) -> None:
        with self._lock:
            self._in_flight.update({_key(assignment): CancelFlag() for assignment in assignments})
            self._waiting.extend(assignments)
        if self._is_stopping:
            self._give_back()
        else:
            self._begin_waiting()

    def _begin_waiting(self) -> None:
        while assignment := self._next():
            if self._workers:
                name = f"run-{assignment.run_id}"
                threading.Thread(target=self._run, args=(assignment,), name=name, daemon=True).start()
            else:
                self._run(assignment)

    def _next(self) -> Assignment | None:
        with self._lock:
            running = len(self._in_flight) - len(self._waiting)
            return self._waiting.popleft() if self._waiting and running < (self._workers or 1) else None

    def cancel(self, run_id: int, token: str) -> None:
        with self._lock:
            for assignment in [waiting for waiting in self._waiting if _key(waiting) == (run_id, token)]:
                self._waiting.remove(assignment)
                self._report(ended(assignment, CANCELLED, self._clock))
            cancelled = self._in_flight.get((run_id, token))
        if cancelled:
            cancelled.set(CANCELLED)

    def knows(self, run_id: int, token: str) -> bool:
        return (run_id, token) in self._in_flight

    def acknowledge(self, ended: Sequence[Attempt]) -> None:
        """Nothing is spooled: a process that dies takes its inline runs along."""

    def leftovers(self) -> Sequence[Ended]:
        return ()

    def stop(self, grace_seconds: float) -> None:
        self._is_stopping = True
        self._give_back()
        if self._wait_for_runs(grace_seconds):
            return
        for cancelled in list(self._in_flight.values()):
            cancelled.set(SHUTDOWN)
        if not self._wait_for_runs(DEAF_AFTER):
            for run_id, token in list(self._in_flight):
                self._report(Ended(run_id, token, self._clock(), SHUTDOWN.status, SHUTDOWN.reason, SHUTDOWN.error))

    def _wait_for_runs(self, seconds: float) -> bool:
        with self._lock:
            return self._nothing_runs.wait_for(lambda: not self._in_flight, seconds)

    def _give_back(self) -> None:
        with self._lock:
            while self._waiting:
                self._report(Unbegun(*_key(self._waiting.popleft()), self._clock()))

    def _run(self, assignment: Assignment) -> None:
        cancelled = self._in_flight[_key(assignment)]
        self._caps[_key(assignment)] = LogCap(assignment.log_limits, assignment.log_so_far)
        pid = os.getpid()
        self._report(Started(*_key(assignment), self._clock(), pid, start_ticks(pid)))
        with _limit(assignment.timeout_seconds, cancelled):
            outcome = execute(
                assignment,
                self._job_types,
                emit=self._report,
                results=self._results,
                clock=self._clock,
                cancelled=cancelled,
            )
        self._report(outcome)
        if self._workers:
            self._begin_waiting()

    def _report(self, report: Report | Progressing) -> None:
        with self._lock:
            if isinstance(report, Progressing):
                report = report.read()
            if isinstance(report, Alive) or (report.run_id, report.token) not in self._in_flight:
                return
            if isinstance(report, Ended | Unbegun):
                del self._in_flight[report.run_id, report.token]
                self._nothing_runs.notify_all()
                self._caps.pop((report.run_id, report.token), None)
            self._deliver(self._capped(report) if isinstance(report, Logged) else [report])

    def _capped(self, report: Logged) -> Sequence[Report]:
        cap = self._caps[report.run_id, report.token]
        beginning = tuple(line for line in report.lines if cap.add(line))
        if beginning:
            return [replace(report, lines=beginning)]
        return [Logged(report.run_id, report.token, *cap.take(len(report.lines)))]


def _key(assignment: Assignment) -> Attempt:
    return assignment.run_id, assignment.token


@contextmanager
def _limit(seconds: float | None, cancelled: CancelFlag) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, cancelled.set, [timed_out(seconds)])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
