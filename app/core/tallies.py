"""What has been counted and measured since the process began: for whoever watches it. It survives nothing.

One book for the process, as there is one process that watches are set on. What belongs to a transaction is counted when
that is durable, and not when it is tried.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
"""Upper bounds of the buckets, in seconds."""
THREADS = {
    "APScheduler": "timer",
    "carillon-dispatch": "dispatch",
    "carillon-record": "record",
    "carillon-postman": "postman",
}
WEB = "waitress"
Key = tuple[str, ...]


class Tally:
    """Counts by labels; from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[Key] = Counter()
        self._lock = threading.Lock()

    def add(self, *labels: str, by: int = 1) -> None:
        with self._lock:
            self._counts[labels] += by

    def read(self) -> Mapping[Key, int]:
        with self._lock:
            return dict(self._counts)


class Durations:
    """Seconds by labels, as a histogram."""

    def __init__(self) -> None:
        self._buckets: dict[Key, list[int]] = {}
        self._sums: Counter[Key] = Counter()
        self._lock = threading.Lock()

    def add(self, seconds: float, *labels: str) -> None:
        with self._lock:
            buckets = self._buckets.setdefault(labels, [0] * (len(BOUNDS) + 1))
            buckets[bisect_left(BOUNDS, seconds)] += 1
            self._sums[labels] += seconds  # type: ignore[assignment] # typed for whole numbers

    def read(self) -> Mapping[Key, tuple[Sequence[int], float]]:
        """For each: how many fell into each bucket (the last is for what is above all bounds), and their sum."""
        with self._lock:
            return {labels: (list(buckets), self._sums[labels]) for labels, buckets in self._buckets.items()}


runs_ended = Tally()  # status, job type
fires_decided = Tally()  # outcome, reason
transactions = Durations()  # thread
security = Tally()  # kind
worker_restarts = Tally()

_COUNTED = "carillon.counted"


def count(session: Session, tally: Tally, *labels: str, by: int = 1) -> None:
    """To be added once the transaction of this session is committed."""
    session.info.setdefault(_COUNTED, []).append((tally, labels, by))


def committed(session: Session) -> None:
    for tally, labels, by in session.info.pop(_COUNTED, ()):
        tally.add(*labels, by=by)


@contextmanager
def timed() -> Iterator[None]:
    """A transaction that goes well, by whose it is."""
    began = time.perf_counter()
    yield
    transactions.add(time.perf_counter() - began, _whose())


def _whose() -> str:
    name = threading.current_thread().name
    return THREADS.get(name) or ("web" if name.startswith(WEB) else "other")
