"""Keys that come more than once in a file: found exactly, in bounded memory."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import lt
from typing import Any, BinaryIO

from app.core.rows.cells import Cell, Row
from app.core.rows.reading import Rows
from app.core.rows.spill import Spill

MEMORY = 24 * 1024 * 1024  # bytes of keys; beyond it they wait on the disk, in parts
PARTS = 64
DEEPEST = 4
EXAMPLES = 3
_OBJECTS = 100  # bytes that a key takes beside its own

Key = Cell | tuple[Cell, ...]


@dataclass
class Repeats:
    count: int = 0  # keys, not rows
    examples: list[Key] = field(default_factory=list)

    def add(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.count += 1
            if len(self.examples) < EXAMPLES:
                self.examples.append(key)


def repeats(
    parts: Iterator[Rows],
    key_of: Callable[[Row], Hashable],
    scratch: Callable[[], BinaryIO],
    on_batch: Callable[[], None],
    memory: int = MEMORY,
) -> Repeats:
    """Find the keys that several rows have. ``scratch`` opens a file for what does not fit into ``memory``."""
    found = Repeats()
    seen, twice, size = set[Key](), set[Key](), 0
    spill: Spill | None = None
    for rows in parts:
        keys: list[Key] = list(map(key_of, rows))  # type: ignore[arg-type]
        size += sum(map(_size, keys)) + _OBJECTS * len(keys)
        _look(keys, seen, twice)
        if size > memory:
            spill = spill or Spill(scratch())
            _put(spill, (), seen, twice)
            seen, twice, size = set(), set(), 0
        on_batch()
    if spill is None:
        found.add(twice)
        return found
    _put(spill, (), seen, twice)
    for part in range(PARTS):
        _look_in(spill, (part,), found, on_batch, memory)
    return found


def rises(parts: Iterator[Rows], key_of: Callable[[Row], Hashable], on_batch: Callable[[], None]) -> bool:
    """Whether each key is greater than the one before it, as texts or as whole numbers are: then none comes twice.

    Queries are often sorted by their key, and this takes half the time and no memory.
    """
    before: Key | None = None
    orders: list[Callable[[Key], Any]] = [lambda key: key, _as_number]
    for rows in parts:
        keys: list[Key] = list(map(key_of, rows))  # type: ignore[arg-type]
        keys = keys if before is None else [before, *keys]
        orders = [order for order in orders if _rises(list(map(order, keys)))]
        if not orders:
            return False
        before = keys[-1]
        on_batch()
    return True


def _rises(keys: list[Any]) -> bool:
    return all(map(lt, keys, islice(keys, 1, None)))


def _as_number(key: Key) -> tuple[int, Key]:
    """Of texts without a sign and leading zeros the longer one is the greater number; of others it is an order, too."""
    return len(key), key


def _size(key: Key) -> int:
    return len(key) if isinstance(key, bytes) else sum(map(len, key)) + _OBJECTS


def _look(keys: list[Key], seen: set[Key], twice: set[Key]) -> None:
    new = set(keys)
    if len(new) < len(keys):
        once: set[Key] = set()
        twice.update(key for key in keys if key in once or once.add(key))  # type: ignore[func-returns-value]
    if not new.isdisjoint(seen):
        twice.update(new & seen)
    seen |= new


def _put(spill: Spill, name: tuple[int, ...], seen: set[Key], twice: Iterable[Key]) -> None:
    """One that came twice is put aside twice."""
    parts: list[list[Key]] = [[] for _ in range(PARTS)]
    shift = 6 * len(name)
    for keys in (seen, twice):
        for key in keys:
            parts[hash(key) >> shift & (PARTS - 1)].append(key)
    for number, part in enumerate(parts):
        if part:
            spill.put((*name, number), part)


def _look_in(spill: Spill, name: tuple[int, ...], found: Repeats, on_batch: Callable[[], None], memory: int) -> None:
    on_batch()
    if spill.size(name) > memory // 2 and len(name) < DEEPEST:
        for keys in spill.get(name):
            _put(spill, name, set(), keys)
        for part in range(PARTS):
            _look_in(spill, (*name, part), found, on_batch, memory)
        return
    seen, twice = set[Key](), set[Key]()
    for keys in spill.get(name):
        _look(keys, seen, twice)
    found.add(twice)
