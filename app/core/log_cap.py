"""How much of a run's log is kept: its beginning and its end, however long it goes on and however often it is tried.

The cap stands where the lines are made. What belongs to the beginning is passed on at once. Later lines wait here, a
bounded number of them, and are passed on at a bounded pace. What falls out of the end before it was passed on never
leaves the worker; what was passed on is removed once the end has moved past it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.ports import LogLine


@dataclass(frozen=True)
class LogLimits:
    """Of one run, in lines and characters; half of each is for the beginning, half for the end."""

    lines: int = 20_000
    characters: int = 10_000_000


@dataclass(frozen=True)
class LogSoFar:
    """What earlier attempts have left: lines and characters of the beginning, and the sizes of the lines of the end."""

    lines: int = 0
    characters: int = 0
    is_open: bool = True  # the beginning may still grow
    end: Sequence[int] = ()

    @classmethod
    def of(cls, kept: Iterable[tuple[int, int]], limits: LogLimits) -> "LogSoFar":
        """``kept`` are (number, size) of the lines there are, in order; a gap in the numbers ends the beginning."""
        cap = LogCap(limits)
        for expected, (number, size) in enumerate(kept, 1):
            if number != expected:
                cap.close()
            cap.count(size)
        return cap.so_far()


@dataclass(frozen=True)
class Kept:
    """Of the lines numbered above ``beginning`` only the newest ``end`` stay."""

    beginning: int
    end: int


class LogCap:
    """Of one attempt; who has it sees to it that one thread at a time calls it."""

    def __init__(self, limits: LogLimits, so_far: LogSoFar = LogSoFar()) -> None:
        self._most_lines, self._most_characters = limits.lines // 2, limits.characters // 2
        self._lines, self._characters, self._is_open = so_far.lines, so_far.characters, so_far.is_open
        self._end = deque(so_far.end)  # sizes
        self._end_characters = sum(so_far.end)
        self._waiting: deque[LogLine] = deque()  # the newest of the end: they have not been passed on
        self._left_out = 0  # directly before those

    def add(self, line: "LogLine") -> bool:
        """Say whether the line is of the beginning; else it waits."""
        return self.count(len(line.message), line)

    def count(self, size: int, line: "LogLine | None" = None) -> bool:
        if self._is_open and self._lines < self._most_lines and self._characters + size <= self._most_characters:
            self._lines, self._characters = self._lines + 1, self._characters + size
            return True
        self._is_open = False
        self._end.append(size)
        self._end_characters += size
        if line is not None:
            self._waiting.append(line)
        while len(self._end) > self._most_lines or self._end_characters > self._most_characters:
            self._drop()
        return False

    def _drop(self) -> None:
        self._end_characters -= self._end.popleft()
        if len(self._waiting) > len(self._end):
            self._waiting.popleft()
            self._left_out += 1

    def close(self) -> None:
        self._is_open = False

    @property
    def has_more(self) -> bool:
        return bool(self._waiting)

    def take(self, most: int) -> "tuple[Sequence[LogLine], int, Kept]":
        """The next lines that wait, the oldest first, how many were left out before them, and what stays with them."""
        lines = tuple(islice(self._waiting, most))
        for _ in lines:
            self._waiting.popleft()
        left_out, self._left_out = self._left_out, 0
        return lines, left_out, Kept(self._lines, len(self._end) - len(self._waiting))

    def so_far(self) -> LogSoFar:
        return LogSoFar(self._lines, self._characters, self._is_open, tuple(self._end))
