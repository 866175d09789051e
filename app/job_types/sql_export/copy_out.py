"""A running COPY ... TO STDOUT: the server sends one message per line of CSV, here they are moved by the thousand."""

import fcntl
import os
import select
import socket
import struct
import termios
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import errors, generators, pq

from app.core.job_types import JobError
from app.job_types.sql_export.csv_text import CsvFormat, RowEncoder
from app.job_types.sql_export.source import Batch

BATCH_BYTES = 1 << 20
SHOW_SECONDS = 0.5  # lines that come slowly are handed on after this time
GATHERED_BYTES = 128 * 1024  # that the kernel gathers before it wakes us
PATIENCE_MILLISECONDS = (5, 100)  # after which we look anyway: the last lines are fewer than that


class CopyOut:
    """An ``Answer`` to a COPY that the server has begun."""

    notes: Sequence[str] = ()

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        columns: Sequence[str],
        csv: CsvFormat,
        words: Callable[[], AbstractContextManager[None]],
        expected_rows: int | None = None,
        types: Sequence[str | None] = (),
    ) -> None:
        self.columns = columns
        self.types = types
        self.expected_rows = expected_rows
        self._connection = connection
        self._csv = csv
        self._words = words

    def batches(self) -> Generator[Batch, None, None]:
        if self._csv.header:
            yield Batch(0, RowEncoder(self._csv, len(self.columns)).header(self.columns))
        rows, ended = 0, False
        with _arrivals(self._connection.pgconn) as wait:
            while not ended:
                with self._words():
                    lines, data, ended = _drain(self._connection.pgconn, wait, self._csv.line_ending)
                rows += lines
                yield Batch(lines, memoryview(data))
        self._compare(rows)

    def _compare(self, rows: int) -> None:
        """Hold the count against the server's own: a proxy that joins messages would spoil counts and line ends."""
        with self._words():
            result = good(self._connection.wait(generators.fetch_many(self._connection.pgconn))[-1])
        if result.command_tuples != rows:
            raise JobError(f"the server says that it sent {result.command_tuples} rows, but {rows} arrived")


@contextmanager
def _arrivals(pgconn: pq.abc.PGconn) -> Iterator[Callable[[], None]]:
    """Give a function that waits until there is much to read, or a moment has passed.

    The server sends 8 KiB at a time. To wake up for each costs the server more than us (on one machine it wakes us
    itself): 13,000 turns for a million rows, 900 when the kernel gathers. It took 0.72 instead of 0.84 s, and 0.28
    instead of 0.45 s of our CPU time (measured). A Unix socket gathers nothing; then it is as before.
    """
    with socket.socket(fileno=os.dup(pgconn.socket)) as line:
        poll = select.poll()
        poll.register(line, select.POLLIN)
        patience, longest = PATIENCE_MILLISECONDS

        def wait() -> None:
            """libpq takes 16 KiB at a time: what has arrived is taken first, and no less than all of it."""
            nonlocal patience
            if not _has_arrived(line):
                patience = PATIENCE_MILLISECONDS[0] if poll.poll(patience) else min(patience * 2, longest)
            pgconn.consume_input()

        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, GATHERED_BYTES)
        try:
            yield wait
        finally:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


def _has_arrived(line: socket.socket) -> bool:
    (count,) = struct.unpack("i", fcntl.ioctl(line, termios.FIONREAD, bytes(4)))
    return bool(count > 0)


def _drain(pgconn: pq.abc.PGconn, wait: Callable[[], None], line_ending: str) -> tuple[int, bytearray, bool]:
    """Take the lines that are there and wait for more until they make a batch; say whether it was the last one.

    Every line is let go at once: half of the CPU time of a list that is joined.
    """
    lines, data, show_at = 0, bytearray(), time.monotonic() + SHOW_SECONDS
    take, ending = pgconn.get_copy_data, b"" if line_ending == "\n" else line_ending.encode()
    while len(data) < BATCH_BYTES:
        length, line = take(1)
        while length > 0:
            data += line
            lines += 1
            if ending:
                data[-1:] = ending  # the last byte is the record's line feed; those inside quotes stay as they are
            length, line = take(1)
        if length < 0:
            return lines, data, True
        if lines and time.monotonic() > show_at:
            break
        wait()
    return lines, data, False


def good(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
        raise errors.error_from_result(result)
    return result
