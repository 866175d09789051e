"""What a rehearsal gives, also as the JSON in which it comes out of its process."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from app.job_types.sql_export.sql_text import Place


class Cell(NamedTuple):
    text: str | None  # as a CSV file has it; None: NULL
    is_cut: bool = False


class Column(NamedTuple):
    name: str
    type: str  # in the database's words; empty where nothing is known


@dataclass(frozen=True)
class Found:
    """``rows`` are the first ones; there are more if ``has_more``.

    ``expected_rows``, ``cost`` and ``steps`` are the database's own guess, ``None`` or empty where it makes none.
    """

    version: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    has_more: bool
    seconds: float
    expected_rows: int | None = None
    cost: float | None = None
    steps: Sequence[str] = ()
    notes: Sequence[str] = ()
    types_are_seen: bool = False  # in these rows: the database has none of its own for a column

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Found":
        columns = [Column(*column) for column in document["columns"]]
        rows = [[Cell(*cell) for cell in row] for row in document["rows"]]
        return cls(**{**document, "columns": columns, "rows": rows})


@dataclass(frozen=True)
class Refused:
    """Why there is nothing to show, in the database's words where they are its own; ``place`` is in the query."""

    message: str
    reason: str  # one of FailureReason
    place: Place | None = None

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Refused":
        return cls(**{**document, "place": Place(*document["place"]) if document["place"] else None})
