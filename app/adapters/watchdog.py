"""Ends the process when a thread that it cannot do without has come to a stand, or when another process has taken its
place: who supervises it starts it again.

A loop that survives every error can still hang, and a scheduler that hangs silently is the worst there is: stock
APScheduler's thread dies on a locked database while ``running`` stays True. One stale reading proves nothing, as the
whole machine may have slept: only a thread that is stale twice, some seconds apart, has stopped alone.

A process that has lost its lease to another one must not linger: its workers go on, and while they live the other
cannot begin.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from app.core.errors import UnavailableError

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds
LOOK_AT_LEASE_EVERY = 1.0  # seconds
STALE = 60.0  # seconds; one turn of a loop may wait 30 s for a locked database before it comes by again
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


class Watchdog:
    def __init__(
        self,
        ages: Mapping[str, Callable[[], float | None]],
        is_deposed: Callable[[], bool] = lambda: False,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        """``ages`` tells by the thread's name how many seconds ago it came by, ``None`` for one that shall not run.

        ``is_deposed`` tells whether another process keeps the time now; it may raise ``UnavailableError``.
        """
        self.ages = ages
        self.is_deposed = is_deposed
        self.end = end
        self.stale = STALE
        self.look_every = LOOK_EVERY
        self._suspects: set[str] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="carillon-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def look(self) -> None:
        """One reading. Ends the process when something is stale that was stale at the reading before."""
        ages = {name: age() for name, age in self.ages.items()}
        stale = {name for name, age in ages.items() if age is not None and age > self.stale}
        gone = stale & self._suspects
        self._suspects = stale
        if gone:
            told = ", ".join(f"{name} for {ages[name]:.0f} s" for name in sorted(gone))
            log.critical("ending the process: nothing is heard of its threads: %s", told)
            self.end(EXIT_STATUS)

    def look_at_the_lease(self) -> None:
        """While the database is away nobody knows; what it says when it is back counts."""
        with suppress(UnavailableError):
            if self.is_deposed():
                log.critical("ending the process: another one keeps the time of this database now")
                self.end(EXIT_STATUS)

    def _watch(self) -> None:
        next_look = time.monotonic() + self.look_every
        while not self._stopping.wait(min(self.look_every, LOOK_AT_LEASE_EVERY)):
            self.look_at_the_lease()
            if time.monotonic() >= next_look:
                self.look()
                next_look = time.monotonic() + self.look_every
