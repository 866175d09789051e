"""Wakes a thread that waits in ``poll``. Ringing is allowed from anywhere and at any time, also when nobody listens."""

import os
import threading
from contextlib import suppress


class Bell:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number: int | None = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        if self._number is None:
            raise ValueError("the bell is closed")
        return self._number

    def ring(self) -> None:
        with self._lock:
            if self._number is not None:
                os.eventfd_write(self._number, 1)

    def hush(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self.fileno())

    def close(self) -> None:
        with self._lock:
            if self._number is not None:
                os.close(self._number)
            self._number = None
