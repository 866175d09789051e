"""Waiting for runs to end, without asking the database all the time."""

import threading
import time
from collections.abc import Callable

LOOK_EVERY = 1.0  # seconds at most between two looks: another process may have changed something


class RunEnds:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._changes = 0

    def notice(self) -> None:
        """Something about runs has changed. Never blocks for long."""
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def wait(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is over, up to so many seconds; say whether it is."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self._changes
            if is_over():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._changed:
                self._changed.wait_for(lambda seen=seen: self._changes != seen, min(left, LOOK_EVERY))  # type: ignore[misc]
