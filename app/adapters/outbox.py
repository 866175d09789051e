"""Gathers what a running job says, so that a talkative job costs few messages."""

import threading
import time
from collections.abc import Callable, Sequence

from app.core.log_cap import LogCap, LogLimits
from app.core.ports import Assignment, Logged, LogLine, Progressing, Report

LOG_EVERY = 0.25  # seconds
PROGRESS_EVERY = 1.0
LINES_AT_MOST = 100  # in one message
END_EVERY = 1.0
"""Lines beyond the beginning of a log are passed on so often (seconds), and ..."""
END_AT_MOST = 10
"""... at most so many messages of them: a flood must not fill the way to the database."""


class Outbox:
    """Holds log lines of the current run and reads its progress, and passes them on in time.

    One thread for all runs of a worker does so; it sleeps while nothing is said.
    """

    def __init__(self, deliver: Callable[[Sequence[Report]], None]) -> None:
        self._deliver = deliver
        self._lines: list[LogLine] = []
        self._attempt = (0, "")
        self._progress: Progressing | None = None
        self._progress_sent_at = 0.0
        self._cap = LogCap(LogLimits())
        self._end_sent_at = 0.0
        self._lock = threading.Lock()
        self._has_something = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._pass_on, name="outbox", daemon=True).start()

    def begin(self, assignment: Assignment) -> None:
        """What comes from now on is of this attempt."""
        with self._lock:
            self._attempt = (assignment.run_id, assignment.token)
            self._cap = LogCap(assignment.log_limits, assignment.log_so_far)

    def put(self, report: Report | Progressing) -> None:
        with self._lock:
            match report:
                case Logged() if (report.run_id, report.token) == self._attempt:
                    self._lines.extend(line for line in report.lines if self._cap.add(line))
                case Progressing():
                    self._progress = report
            if len(self._lines) >= LINES_AT_MOST:
                self._deliver(self._take(with_progress=False))
        self._has_something.set()

    def flush(self) -> None:
        """Pass everything on: the run has ended."""
        with self._lock:
            if reports := self._take(with_progress=True):
                self._deliver(reports)
            while reports := self._take_end():
                self._deliver(reports)
        self._progress_sent_at = self._end_sent_at = 0.0  # the next run's first progress does not wait

    def _pass_on(self) -> None:
        never = threading.Event()
        while self._has_something.wait():
            never.wait(LOG_EVERY)
            self._has_something.clear()
            with self._lock:
                is_due = time.monotonic() - self._progress_sent_at >= PROGRESS_EVERY
                if reports := [*self._take(with_progress=is_due), *self._take_due_end()]:
                    self._deliver(reports)
                if self._progress or self._cap.has_more:
                    self._has_something.set()

    def _take_due_end(self) -> list[Report]:
        if time.monotonic() - self._end_sent_at < END_EVERY:
            return []
        self._end_sent_at = time.monotonic()
        return self._take_end()

    def _take_end(self) -> list[Report]:
        """Some lines beyond the beginning of the log."""
        reports: list[Report] = []
        while self._cap.has_more and len(reports) < END_AT_MOST:
            lines, left_out, kept = self._cap.take(LINES_AT_MOST)
            reports.append(Logged(*self._attempt, lines, left_out, kept))
        return reports

    def _take(self, *, with_progress: bool) -> list[Report]:
        reports: list[Report] = []
        if self._lines:
            reports.append(Logged(*self._attempt, tuple(self._lines)))
            self._lines.clear()
        if with_progress and self._progress:
            reports.append(self._progress.read())
            self._progress = None
            self._progress_sent_at = time.monotonic()
        return reports
