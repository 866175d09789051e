"""What a job prints or logs with Python's own means becomes log lines of its run."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

LONGEST_REST = 64 * 1024  # characters without a line end that are kept waiting for one


class Hears(Protocol):
    def log(self, message: str, level: str = "info") -> None: ...


class RunOutput:
    """Stands in place of sys.stdout, sys.stderr and the root logger's handlers for the life of a worker process.

    A run is heard while it is in ``of``; what comes between two runs goes to the server's log.
    """

    def __init__(self) -> None:
        self.run: Hears | None = None
        self._streams = (Lines(self, "info", sys.stdout), Lines(self, "warning", sys.stderr))

    def install(self) -> None:
        root = logging.getLogger()
        root.handlers = [Handler(self)]
        root.setLevel(logging.INFO)

    @contextmanager
    def of(self, run: Hears) -> Iterator[None]:
        self.run = run
        sys.stdout, sys.stderr = self._streams  # each time, as a job may have put others there
        try:
            yield
        finally:
            for stream in self._streams:
                stream.finish()
            self.run = None


class Lines(io.TextIOBase):
    """A text stream of which each line is a log line."""

    def __init__(self, output: RunOutput, level: str, otherwise: TextIO) -> None:
        self._output = output
        self._level = level
        self._otherwise = otherwise
        self._rest = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._otherwise.fileno()  # for children that inherit it, and for faulthandler

    def write(self, text: str, /) -> int:
        if self._output.run is None:
            return self._otherwise.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > LONGEST_REST:
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            self._output.run.log(line, self._level)
        return len(text)

    def flush(self) -> None:
        self._otherwise.flush()

    def finish(self) -> None:
        """The run is over: a last line without an end is one too."""
        if self._rest and self._output.run:
            self._output.run.log(self._rest, self._level)
        self._rest = ""


class Handler(logging.Handler):
    def __init__(self, output: RunOutput) -> None:
        super().__init__()
        self._output = output
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if self._output.run is None:
            print(line, file=sys.__stderr__)
        else:
            self._output.run.log(line, _level(record.levelno))


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
