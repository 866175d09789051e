"""The first rows of a CSV file of ours, for people to look at: little is read of it, however large its rows are."""

from contextlib import suppress
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from app.core.rows.cells import cutter, value_of
from app.core.rows.dialect import Dialect
from app.core.rows.reading import EnoughError, rows

CHUNK = 64 * 1024
MOST_BYTES = 1024 * 1024  # unpacked
CELL_CHARACTERS = 160
CHARACTERS = 100_000  # of all cells together


class Cell(NamedTuple):
    text: str | None  # None: NULL
    is_cut: bool


def first_rows(stream: BinaryIO, dialect: Dialect, most: int) -> list[list[Cell]]:
    """Give up to that many rows, fewer where they are large: it may be none. Raises ``UnreadableError``."""
    cut, read, room = cutter(dialect.delimiter), dialect.as_read, CHARACTERS
    found: list[list[Cell]] = []
    with suppress(EnoughError):
        for row in islice(chain.from_iterable(rows(stream, dialect, CHUNK, MOST_BYTES)), most):
            cells = [_cell(value_of(cell, read)) for cell in cut(row)]
            found.append(cells)
            room -= sum(len(cell.text or "") + 1 for cell in cells)
            if room < 0:
                break
    return found


def _cell(text: str | None) -> Cell:
    return Cell(text and text[:CELL_CHARACTERS], len(text or "") > CELL_CHARACTERS)
