"""The rehearsal itself, on a database that is open."""

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from itertools import chain
from typing import Any

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.csv_text import text_of
from app.job_types.sql_export.rehearsal.found import Cell, Column, Found
from app.job_types.sql_export.source import BindValue, Source, time_is_up

ROWS = 20
CELL_CHARACTERS, FEWEST_CHARACTERS = 300, 20
CHARACTERS = 200_000  # of all cells together
STEPS = 40
NAMES = {bool: "boolean", int: "integer", float: "real", Decimal: "decimal", str: "text", bytes: "blob"}


def look(source: Source, query: str, values: Mapping[str, BindValue], seconds: float) -> Found:
    """Raises ``JobError``; after ``seconds`` the database is told to stop."""
    if source.is_carillon():
        raise JobError("this is a database of Carillon's own: it is not for export", FailureReason.CONFIG)
    started = time.monotonic()
    with _stopped_after(seconds, source):
        plan = source.plan(query, values)
        table = source.table(query, values)
        sample = Sample(len(table.columns))
        sample.take(table.portions)
    has_types = any(table.types)
    types = table.types if has_types else sample.types()
    return Found(
        version=source.version(),
        columns=[Column(*column) for column in zip(table.columns, types, strict=True)],
        rows=sample.rows,
        has_more=sample.has_more,
        seconds=round(time.monotonic() - started, 3),
        expected_rows=plan.rows,
        cost=plan.cost,
        steps=plan.steps[:STEPS],
        notes=table.notes,
        types_are_seen=not has_types and bool(sample.rows),
    )


@contextmanager
def _stopped_after(seconds: float, source: Source) -> Iterator[None]:
    """Databases limit a statement; this limits all of them together."""
    overdue = threading.Event()

    def stop() -> None:
        overdue.set()
        source.cancel()

    watch = threading.Timer(seconds, stop)
    watch.daemon = True
    watch.start()
    try:
        yield
    except JobError:
        if overdue.is_set():
            raise time_is_up(round(seconds)) from None
        raise
    finally:
        watch.cancel()


class Sample:
    """The first rows as cells: a large value is let go as soon as its begin is kept."""

    def __init__(self, columns: int) -> None:
        self.rows: list[list[Cell]] = []
        self.has_more = False
        self._kinds: list[dict[type, None]] = [{} for _ in range(columns)]
        # A wide table has shorter cells.
        self._most = min(max(CHARACTERS // (ROWS * max(columns, 1)), FEWEST_CHARACTERS), CELL_CHARACTERS)

    def take(self, portions: Generator[Sequence[Sequence[Any]], None, None]) -> None:
        with closing(portions):
            for row in chain.from_iterable(portions):
                if len(self.rows) == ROWS:
                    self.has_more = True
                    return
                self._add(row)

    def _add(self, row: Sequence[Any]) -> None:
        for kinds, value in zip(self._kinds, row, strict=True):
            if value is not None:
                kinds[type(value)] = None
        self.rows.append([_cell(value, self._most) for value in row])

    def types(self) -> list[str]:
        """Name what the columns hold in these rows; nothing for one that has NULL alone."""
        return [" or ".join(NAMES.get(kind, kind.__name__) for kind in kinds) for kinds in self._kinds]


def _cell(value: Any, most: int) -> Cell:
    if value is None:
        return Cell(None)
    if isinstance(value, str | bytes | bytearray | memoryview):  # a large one is not spelled out for its first part
        text, size = text_of(value[:most]), len(value)
        return Cell(text[:most], size > most or len(text) > most)
    text = text_of(value)
    return Cell(text[:most], len(text) > most)
