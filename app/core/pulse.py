"""A sign of life: a thread says that it came by, and who watches over it sees how long ago."""

import time
from collections.abc import Callable

Monotonic = Callable[[], float]


class Pulse:
    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at = monotonic()
        self._is_wanted = False

    def begin(self) -> None:
        """From now on the thread shall be there."""
        self.beat()
        self._is_wanted = True

    def beat(self) -> None:
        self._at = self._monotonic()

    def rest(self) -> None:
        """The thread ends because it shall: nobody has to miss it."""
        self._is_wanted = False

    def age(self) -> float | None:
        """Seconds since the last beat; ``None`` where the thread shall not be there."""
        return self._monotonic() - self._at if self._is_wanted else None
