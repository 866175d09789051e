"""A file without a name for what does not fit into a run's memory."""

import io
import os
import tempfile
from pathlib import Path
from typing import Any

from app.adapters.result_file import LOOK_EVERY, full_disk_is_a_job_error, look_for_room

BUFFER = 256 * 1024  # bytes


def scratch_file(directory: Path, keep_free: int) -> io.BufferedRandom:
    """Readable and writable. Raises ``JobError`` (DISK_FULL) here and at each write while there is still room."""
    with tempfile.TemporaryFile(dir=directory, buffering=0) as made:
        look_for_room(made.fileno(), keep_free)
        return io.BufferedRandom(_Scratch(os.dup(made.fileno()), keep_free), BUFFER)


class _Scratch(io.FileIO):
    def __init__(self, descriptor: int, keep_free: int) -> None:
        super().__init__(descriptor, "r+b")
        self._keep_free = keep_free
        self._until_look = LOOK_EVERY

    def write(self, data: Any, /) -> int:
        if self._until_look <= 0:
            look_for_room(self.fileno(), self._keep_free)
            self._until_look = LOOK_EVERY
        with full_disk_is_a_job_error():
            written = super().write(data)
        self._until_look -= written
        return written
