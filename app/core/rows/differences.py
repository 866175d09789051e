"""What is different between two files: rows that were changed, added, removed; in order, however many."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from app.core.rows.cells import Row
from app.core.rows.matching import MEMORY, KeyOf, Matching, Placed
from app.core.rows.reading import Rows
from app.core.rows.spill import Spill

CHANGED, ADDED, REMOVED = 0, 1, 2
BLOCK = 64 * 1024  # bytes that are read back at a time, of each run


class Difference(NamedTuple):
    """Of a changed row ``before`` and ``after`` have the same key. ``number`` is its place in the new file, or the old
    one where it was removed."""

    kind: int
    number: int
    before: Row | None
    after: Row | None


@dataclass
class Counts:
    same: int = 0
    changed: int = 0
    added: int = 0
    removed: int = 0
    old_rows: int = 0
    new_rows: int = 0
    repeated_keys: int = 0
    """Keys of more than one of the rows that differ: those rows count as added and removed."""


class Differences:
    """Reads two files once, and then gives what is different, in order: changed, added, removed."""

    def __init__(
        self, key_of: KeyOf | None, scratch: Callable[[], BinaryIO], on_batch: Callable[[], None], memory: int = MEMORY
    ) -> None:
        """``key_of=None``: a row is its own key, and none is changed. ``on_batch`` is called every now and then."""
        self.counts = Counts()
        self._key_of = key_of
        self._hot: set[Hashable] = set()  # keys of so many rows that they came in several parts
        self._read = [0, 0]
        self._scratch = scratch
        self._on_batch = on_batch
        self._memory = memory

    @property
    def rows_read(self) -> int:
        """So far, of both files."""
        return sum(self._read)

    def find(self, old: Iterator[Rows], new: Iterator[Rows]) -> Iterator[Difference]:
        """``counts`` is complete before the first difference is given."""
        matching = Matching(self._key_of or (lambda row: row), self._scratch, self._memory)
        self._read = matching.counts
        matching.read(old, new, self._on_batch)
        ordered = _Ordered(self._scratch, self._memory)
        for old_rows, new_rows, is_hot in matching.left(self._on_batch):
            ordered.add(self._differences(old_rows, new_rows, is_hot))
        self.counts.same = matching.same
        self.counts.old_rows, self.counts.new_rows = matching.counts
        self.counts.repeated_keys += len(self._hot)
        return ordered.all()

    def _differences(self, old: list[Placed], new: list[Placed], is_hot: bool) -> Iterator[Difference]:
        if self._key_of is None or is_hot:
            if self._key_of is not None:
                self._hot.update(self._key_of(row) for _, row in chain(old, new))
            yield from self._apart(old, new)
            return
        by_key: dict[Hashable, tuple[list[Placed], list[Placed]]] = defaultdict(lambda: ([], []))
        for side, rows in enumerate((old, new)):
            for placed in rows:
                by_key[self._key_of(placed[1])][side].append(placed)
        for olds, news in by_key.values():
            if len(olds) == len(news) == 1:
                self.counts.changed += 1
                yield Difference(CHANGED, news[0][0], olds[0][1], news[0][1])
            else:
                self.counts.repeated_keys += len(olds) > 1 or len(news) > 1
                yield from self._apart(olds, news)

    def _apart(self, old: list[Placed], new: list[Placed]) -> Iterator[Difference]:
        self.counts.added += len(new)
        self.counts.removed += len(old)
        yield from (Difference(ADDED, number, None, row) for number, row in new)
        yield from (Difference(REMOVED, number, row, None) for number, row in old)


_place = itemgetter(0, 1)


class _Ordered:
    """Sorts differences: what does not fit into memory as runs on the disk, which are merged."""

    def __init__(self, scratch: Callable[[], BinaryIO], memory: int) -> None:
        self._scratch = scratch
        self._memory = memory // 2
        self._size = 0
        self._kept: list[Difference] = []
        self._spill: Spill | None = None
        self._runs = 0

    def add(self, differences: Iterator[Difference]) -> None:
        for each in differences:
            self._kept.append(each)
            self._size += len(each.before or b"") + len(each.after or b"") + 200
            if self._size > self._memory:
                self._put_aside()

    def _put_aside(self) -> None:
        if self._spill is None:
            self._spill = Spill(self._scratch())
        self._kept.sort(key=_place)
        step = max(1, len(self._kept) * BLOCK // self._size)
        for start in range(0, len(self._kept), step):
            self._spill.put(self._runs, [tuple(each) for each in self._kept[start : start + step]])
        self._runs += 1
        self._kept.clear()
        self._size = 0

    def all(self) -> Iterator[Difference]:
        self._kept.sort(key=_place)
        if self._spill is None:
            return iter(self._kept)
        runs = [self._run(self._spill, number) for number in range(self._runs)]
        return heapq.merge(*runs, self._kept, key=_place)

    def _run(self, spill: Spill, number: int) -> Iterator[Difference]:
        for part in spill.get(number):
            yield from (Difference(*each) for each in part)
