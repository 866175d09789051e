"""What a comparison writes: all differences as a CSV file, and a summary with the first of them for people."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
from operator import ne
from typing import Any

from app.core.rows.cells import Cell, Row, cutter, value_of
from app.core.rows.dialect import Dialect
from app.core.rows.differences import ADDED, CHANGED, Difference

MOST_EXAMPLES = 100  # of each kind
EXAMPLE_BYTES = 400_000  # of all examples together: a page shows them
LONGEST_CELL = 200  # characters of a cell in an example
AT_ONCE = 500
HEADING = ("change", "changed_columns")
WORDS = {"added": b"added", "removed": b"removed", "before": b"before", "after": b"after"}


class Written:
    """Takes differences in their order. A changed row is two lines: how it was before, and how it is after."""

    def __init__(self, write: Callable[[bytes], object], columns: Sequence[str], dialect: Dialect) -> None:
        self.columns = columns
        self.dialect = dialect
        self.rows = 0
        self.changed_cells: Counter[str] = Counter()
        self.examples: dict[str, list[Any]] = {"changed": [], "added": [], "removed": []}
        self._room = EXAMPLE_BYTES
        self._write = write
        self._lines: list[bytes] = []
        self._apart = dialect.delimiter.encode()
        self._cut = cutter(dialect.delimiter)
        self._line(*(self._cell(name) for name in (*HEADING, *columns)))
        self.rows = 0

    def add(self, difference: Difference) -> None:
        before, after = difference.before, difference.after
        if difference.kind == CHANGED and before is not None and after is not None:
            self._add_changed(difference.number, before, after)
        elif difference.kind == ADDED and after is not None:
            self._line(WORDS["added"], self._empty, after)
            self._show("added", {"row": difference.number}, after=after)
        elif before is not None:
            self._line(WORDS["removed"], self._empty, before)
            self._show("removed", {"row": difference.number}, before=before)

    def _add_changed(self, number: int, before: Row, after: Row) -> None:
        changed = list(compress(self.columns, map(ne, self._cut(before), self._cut(after))))
        self.changed_cells.update(changed)
        names = self._cell("; ".join(changed))
        self._line(WORDS["before"], names, before)
        self._line(WORDS["after"], names, after)
        self._show("changed", {"row": number, "columns": changed}, before=before, after=after)

    def finish(self) -> None:
        if self._lines:
            self._write(b"".join(self._lines))
            self._lines.clear()

    def _line(self, *cells: bytes) -> None:
        self._lines.append(self._apart.join(cells) + b"\n")
        self.rows += 1
        if len(self._lines) >= AT_ONCE:
            self.finish()

    @property
    def _empty(self) -> Cell:
        return self._cell("")

    def _cell(self, text: str) -> Cell:
        """Always in quotes: what has to be quoted depends on the dialect."""
        return ('"' + text.replace('"', '""') + '"').encode(self.dialect.encoding, "replace")

    def _show(self, kind: str, said: dict[str, Any], **rows: Row) -> None:
        shown = self.examples[kind]
        if len(shown) >= MOST_EXAMPLES or self._room < 0:
            return
        told = {name: [self._told(cell) for cell in self._cut(row)] for name, row in rows.items()}
        self._room -= sum(len(text or "") + 4 for texts in told.values() for text in texts)
        shown.append(said | told)

    def _told(self, cell: Cell) -> str | None:
        text = value_of(cell, self.dialect)
        return text if text is None or len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
