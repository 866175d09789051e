"""Compression while writing, in a thread of its own: the libraries work without the interpreter's lock.

The thread that moves the rows waits for the database most of the time, so on two cores compressing costs no time
(`benchmarks/export.py`: ratio_zstd). Level 1 of both: higher ones cost several times as much for a tenth of the size.
"""

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from app.core.job_types import ResultWriter

WAITING = 8  # batches, of a megabyte at most or nearly so

SUFFIXES = {"NONE": "", "GZIP": ".gz", "ZSTD": ".zst"}
MEDIA_TYPES = {"GZIP": "application/gzip", "ZSTD": "application/zstd"}
Write = Callable[[bytes | memoryview], object]


class Compressor(Protocol):
    def compress(self, data: bytes | memoryview, /) -> bytes: ...

    def flush(self) -> bytes: ...


@contextmanager
def compressed(file: ResultWriter, kind: str) -> Iterator[Write]:
    """Give what to write to. When the block ends well, everything is in the file."""
    if kind == "NONE":
        yield file.write
        return
    packing = Packing(file.write, compressor(kind))
    try:
        yield packing.write
        packing.finish()
    finally:
        packing.end()


def compressor(kind: str) -> Compressor:
    if kind == "GZIP":
        from isal import isal_zlib

        made: Compressor = isal_zlib.compressobj(1, wbits=31)  # 31: with gzip's header
        return made
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdCompressor(level=1)


class Packing:
    """A thread that compresses what it is given. Its error is raised where the next batch is written."""

    def __init__(self, write: Write, compressor: Compressor) -> None:
        self._write = write
        self._compressor = compressor
        self._batches: queue.Queue[bytes | memoryview | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._work, name="compression", daemon=True)
        self._thread.start()

    def write(self, data: bytes | memoryview) -> None:
        self._raise()
        self._batches.put(data)

    def finish(self) -> None:
        self._batches.put(None)
        self._thread.join()
        self._raise()
        self._write(self._compressor.flush())

    def end(self) -> None:
        """Leave no thread behind, whatever has happened; what it still has is thrown away."""
        self._given_up = True
        if self._thread.is_alive():
            self._batches.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        """After an error it goes on taking, so that nobody waits for a full queue for ever."""
        while (data := self._batches.get()) is not None:
            if self._error is None and not self._given_up:
                try:
                    self._write(self._compressor.compress(data))
                except BaseException as error:
                    self._error = error
