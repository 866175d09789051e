"""Brings a growing file to the disk bit by bit, in a thread of its own, so that little is left to do at its end.

Else the last fsync of a large file waits for all of it (0.26 s for 650 MB on a fast disk), and on the way there the
machine's memory fills with what nobody has written yet.
"""

import os
import queue
import threading

EVERY = 32 * 1024 * 1024  # bytes


class EarlySync:
    """For a file that one thread writes. Smaller ones need no thread and get none."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._next = EVERY
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def grown_to(self, size: int) -> None:
        """Raises ``OSError`` when the disk did not take something earlier: the kernel tells that only once."""
        if self._error is not None:
            raise self._error
        if size < self._next:
            return
        self._next = size + EVERY
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="early sync", daemon=True)
            self._thread.start()
        if self._asked.empty():  # a slow disk is not asked more often than it answers
            self._asked.put(True)

    def end(self) -> None:
        """To be called before the file is closed. Raises ``OSError`` as ``grown_to``."""
        if self._thread is not None:
            self._asked.put(False)
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while self._asked.get():
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._error = error
