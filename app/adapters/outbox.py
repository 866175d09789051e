"""Gathers what a running job says, so that a talkative job costs few messages."""

import threading
import time
from collections.abc import Callable, Sequence

from app.core.ports import Logged, LogLine, Progressing, Report

LOG_EVERY = 0.25  # seconds
PROGRESS_EVERY = 1.0
LINES_AT_MOST = 100


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
        self._lock = threading.Lock()
        self._has_something = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._pass_on, name="outbox", daemon=True).start()

    def put(self, report: Report | Progressing) -> None:
        with self._lock:
            match report:
                case Logged():
                    self._attempt = (report.run_id, report.token)
                    self._lines.extend(report.lines)
                case Progressing():
                    self._progress = report
            if len(self._lines) >= LINES_AT_MOST:
                self._deliver(self._take(with_progress=False))
        self._has_something.set()

    def flush(self) -> None:
        """Pass everything on: the run has ended."""
        if self._lines or self._progress:
            with self._lock:
                self._deliver(self._take(with_progress=True))
        self._progress_sent_at = 0.0  # the next run's first progress does not wait

    def _pass_on(self) -> None:
        never = threading.Event()
        while self._has_something.wait():
            never.wait(LOG_EVERY)
            self._has_something.clear()
            with self._lock:
                is_due = time.monotonic() - self._progress_sent_at >= PROGRESS_EVERY
                if reports := self._take(with_progress=is_due):
                    self._deliver(reports)
                if self._progress:
                    self._has_something.set()

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
