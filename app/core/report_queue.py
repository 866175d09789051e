"""Reports on their way from the executor to the database."""

import queue
import threading

from app.core.ports import Progressed, Report


class ReportQueue:
    """Oldest first; the end of all reports is ``None``.

    Of a run's progress only the newest waits, in the place of the oldest: a tree may be 100 KB, and while the database
    is away each run sends one a second.
    """

    def __init__(self, most: int) -> None:
        self._reports: queue.Queue[Report | None] = queue.Queue(most)
        self._progress: dict[tuple[int, str], Progressed] = {}
        self._lock = threading.Lock()

    def stop_waiting(self) -> None:
        """The server ends: who has something to say must not be held up, however much there is."""
        with self._reports.mutex:
            self._reports.maxsize = 0
            self._reports.not_full.notify_all()

    def put(self, report: Report | None) -> None:
        """Waits while there are too many."""
        if not (isinstance(report, Progressed) and self._replaces(report)):
            self._reports.put(report)

    def get(self, block: bool, timeout: float) -> Report | None:
        """Raises ``queue.Empty``."""
        report = self._reports.get(block, timeout=timeout)
        if not isinstance(report, Progressed):
            return report
        with self._lock:
            return self._progress.pop(_key(report), report)

    def empty(self) -> bool:
        return self._reports.empty()

    def _replaces(self, report: Progressed) -> bool:
        with self._lock:
            is_waiting = _key(report) in self._progress
            self._progress[_key(report)] = report
            return is_waiting


def _key(report: Progressed) -> tuple[int, str]:
    return report.run_id, report.token
