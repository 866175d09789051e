"""The key of two files of which nobody has said one."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from app.core.rows.cells import Cell, Row
from app.core.rows.reading import Rows


def sample(parts: Iterator[Rows]) -> tuple[Rows, Iterator[Rows]]:
    """Some first rows, and all of them."""
    first = next(parts, [])
    return first, chain([first] if first else [], parts)


def guessed(columns: Sequence[str], cut: Callable[[Row], list[Cell]], null: Cell, samples: Sequence[Rows]) -> list[str]:
    """The first column that is never NULL and never the same in the first rows of each file; none if there is none."""
    tables = [[cut(row) for row in rows] for rows in samples]
    for place, name in enumerate(columns):
        if all(_is_unique([cells[place] for cells in table], null) for table in tables):
            return [name]
    return []


def _is_unique(cells: Sequence[Cell], null: Cell) -> bool:
    found = set(cells)
    return len(found) == len(cells) and null not in found
