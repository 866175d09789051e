"""Two files side by side: equal rows are taken out in pairs, whatever their order; what is left has changed.

Most rows find their equal nearby and are never looked into. What finds none within the memory that there is waits on
the disk, in parts by its key, and each part is matched by itself: a part holds all rows of its keys.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from app.core.rows.cells import Row
from app.core.rows.reading import Rows
from app.core.rows.spill import Spill

MEMORY = 24 * 1024 * 1024  # bytes that rows without a partner may take
PARTS = 64
DEEPEST = 4  # parts of parts: what is still too large then is one key a great many times
_OBJECTS = 200  # bytes that a row takes beside its own: its object, its number, its place in a dict

KeyOf = Callable[[Row], Hashable]
Placed = tuple[int, Row]
"""A row and its number in its file, from 1."""
OLD, NEW = 0, 1


class Matching:
    def __init__(self, key_of: KeyOf, scratch: Callable[[], BinaryIO], memory: int = MEMORY) -> None:
        """``scratch`` opens a file for what does not fit into ``memory`` (bytes)."""
        self.same = 0
        self.counts = [0, 0]  # rows of each file
        self._key_of = key_of
        self._scratch = scratch
        self._memory = memory
        self._waiting: tuple[dict[Row, int], dict[Row, int]] = ({}, {})
        self._again: tuple[list[Placed], list[Placed]] = ([], [])  # further copies of rows that wait already
        self._size = 0
        self._spill: Spill | None = None

    def read(self, old: Iterator[Rows], new: Iterator[Rows], on_batch: Callable[[], None]) -> None:
        """Take all rows. ``on_batch`` is called every few thousand."""
        for old_rows, new_rows in _side_by_side(old, new):
            self._match(old_rows, new_rows)
            if self._size > self._memory:
                self._put_aside()
            on_batch()

    def _match(self, old: Rows, new: Rows) -> None:
        starts = self.counts[OLD] + 1, self.counts[NEW] + 1
        self.counts[OLD] += len(old)
        self.counts[NEW] += len(new)
        if old == new:
            self.same += len(old)
            return
        common = _common(old, new)
        self.same += sum(common.values()) if isinstance(common, Counter) else len(common)
        for side, rows in ((OLD, old), (NEW, new)):
            self._look_for_partners(side, _rest(rows, starts[side], common))

    def _look_for_partners(self, side: int, rest: Iterable[Placed]) -> None:
        mine, others = self._waiting[side], self._waiting[1 - side]
        size = 0
        for number, row in rest:
            if row in others:
                del others[row]
                self.same += 1
                size -= len(row) + _OBJECTS
                continue
            size += len(row) + _OBJECTS
            if row in mine:
                self._again[side].append((number, row))
            else:
                mine[row] = number
        self._size += size

    def _put_aside(self) -> None:
        if self._spill is None:
            self._spill = Spill(self._scratch())
        for side in (OLD, NEW):
            _put(self._spill, (side,), self._left(side), self._key_of)
            self._waiting[side].clear()
            self._again[side].clear()
        self._size = 0

    def _left(self, side: int) -> Iterator[Placed]:
        waiting = self._waiting[side]
        return chain(zip(waiting.values(), waiting, strict=True), self._again[side])

    def left(self, on_part: Callable[[], None]) -> "Iterator[tuple[list[Placed], list[Placed], bool]]":
        """Give what has no equal in the other file, old and new, in parts; ``True`` if a part is one repeated key."""
        if self._spill is None:
            yield self._without_equals(list(self._left(OLD)), list(self._left(NEW)), False)
            return
        self._put_aside()
        for part in range(PARTS):
            yield from self._left_of(self._spill, (part,), on_part)

    def _left_of(
        self, spill: Spill, part: tuple[int, ...], on_part: Callable[[], None]
    ) -> "Iterator[tuple[list[Placed], list[Placed], bool]]":
        on_part()
        names = [(side, *part) for side in (OLD, NEW)]
        is_hot = len(part) > DEEPEST
        if sum(map(spill.size, names)) > self._memory // 2 and len(part) <= 2 * DEEPEST:
            key_of: KeyOf = (lambda row: row) if len(part) >= DEEPEST else self._key_of
            for name in names:
                for things in spill.get(name):
                    _put(spill, name, things, key_of)
                spill.drop(name)
            for below in range(PARTS):
                yield from self._left_of(spill, (*part, below), on_part)
            return
        old, new = ([placed for things in spill.get(name) for placed in things] for name in names)
        yield self._without_equals(old, new, is_hot)

    def _without_equals(
        self, old: list[Placed], new: list[Placed], is_hot: bool
    ) -> tuple[list[Placed], list[Placed], bool]:
        common = _common([row for _, row in old], [row for _, row in new])
        if common:
            self.same += sum(common.values()) if isinstance(common, Counter) else len(common)
            old, new = (_without(rows, common) for rows in (old, new))
        return old, new, is_hot


def _put(spill: Spill, name: tuple[int, ...], things: Iterable[Placed], key_of: KeyOf) -> None:
    """Share rows out to the parts below a name. Each level looks at other bits of the same hash."""
    parts: list[list[Placed]] = [[] for _ in range(PARTS)]
    shift = 6 * (len(name) - 1)
    for placed in things:
        parts[hash(key_of(placed[1])) >> shift & (PARTS - 1)].append(placed)
    for number, part in enumerate(parts):
        if part:
            spill.put((*name, number), part)


def _side_by_side(old: Iterator[Rows], new: Iterator[Rows]) -> Iterator[tuple[Rows, Rows]]:
    """Give as many rows of each as both have: rows of the same number stand side by side."""
    a: Rows = []
    b: Rows = []
    while True:
        a, b = a or next(old, []), b or next(new, [])
        if not a or not b:
            break
        length = min(len(a), len(b))
        yield a[:length], b[:length]
        a, b = a[length:], b[length:]
    for rest in (a, *old):
        if rest:
            yield rest, []
    for rest in (b, *new):
        if rest:
            yield [], rest


def _common(old: Rows, new: Rows) -> "Counter[Row] | set[Row]":
    """What both have, with the number of copies where a row comes twice."""
    rows, others = set(old), set(new)
    if len(rows) == len(old) and len(others) == len(new):
        return rows & others
    return Counter(old) & Counter(new)


def _rest(rows: Rows, start: int, common: "Counter[Row] | set[Row]") -> Iterable[Placed]:
    if isinstance(common, Counter):
        return _without(list(enumerate(rows, start)), common)
    return [(number, row) for number, row in enumerate(rows, start) if row not in common]


def _without(placed: list[Placed], common: "Counter[Row] | set[Row]") -> list[Placed]:
    if not isinstance(common, Counter):
        return [each for each in placed if each[1] not in common]
    spare = common.copy()
    left = []
    for each in placed:
        if spare.get(each[1]):
            spare[each[1]] -= 1
        else:
            left.append(each)
    return left
