"""Guessing passwords is slowed down: after some failures in a row each further one makes the next look wait longer.

Kept in memory per name and address: who guesses from one place locks nobody out who logs in from another.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

FREE_FAILURES = 10
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)
REMEMBERED = 10_000


@dataclass(frozen=True)
class _Failures:
    count: int
    until: datetime


class Throttle:
    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._lock = Lock()

    def is_open(self, key: tuple[str, str], now: datetime) -> bool:
        """Whether a password of this (name, address) is looked at now."""
        with self._lock:
            found = self._failures.get(key)
        return found is None or now >= found.until

    def failed(self, key: tuple[str, str], now: datetime) -> None:
        with self._lock:
            count = self._failures[key].count + 1 if key in self._failures else 1
            doublings = min(count - FREE_FAILURES, 10)
            wait = min(FIRST_WAIT * 2**doublings, LONGEST_WAIT) if doublings >= 0 else timedelta()
            self._failures[key] = _Failures(count, now + wait)
            self._failures.move_to_end(key)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._failures.pop(key, None)
