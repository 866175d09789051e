"""The two files of a comparison, brought to rows that can be compared as bytes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from app.core.rows.cells import reteller
from app.core.rows.dialect import PLAIN, Dialect
from app.core.rows.reading import Rows, rows

TEXT = re.compile(r"char|text|json|xml|uuid|enum", re.IGNORECASE)
"""Types whose values are no numbers and no dates, whatever they look like."""


@dataclass(frozen=True)
class Side:
    """One of the files, as its record says."""

    id: int
    name: str
    path: str
    columns: Sequence[str]
    dialect: Dialect
    rows: int | None = None
    types: Sequence[str | None] = ()  # of the columns; empty where nobody knows

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Side":
        columns, dialect = named(said["columns"]), Dialect.of(said["csv"])
        return cls(said["id"], said["name"], said["path"], columns, dialect, said.get("rows"), said.get("types") or ())


def named(columns: Sequence[str]) -> list[str]:
    """A query may give one name to several columns: the further ones are told apart by a number."""
    found: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for name in columns:
        other = name
        while other in found:
            numbers[name] = numbers.get(name, 1) + 1
            other = f"{name} ({numbers[name]})"
        found[other] = None
    return list(found)


@dataclass(frozen=True)
class Pair:
    """Both files in one dialect, with the columns that both have, in the order of the new file."""

    old: Side
    new: Side

    @property
    def columns(self) -> list[str]:
        return [name for name in self.new.columns if name in self.old.columns]

    @property
    def is_alike(self) -> bool:
        """Whether rows of both can be compared as they are in the files."""
        return self.old.dialect.as_read == self.new.dialect.as_read and self.old.columns == self.new.columns

    @property
    def dialect(self) -> Dialect:
        """That of the rows that are compared."""
        return self.new.dialect.as_read if self.is_alike else PLAIN

    def rows(self, side: Side, stream: BinaryIO) -> Iterator[Rows]:
        """Raises ``UnreadableError``."""
        parts = rows(stream, side.dialect)
        if self.is_alike:
            return parts
        places = [side.columns.index(name) for name in self.columns]
        is_guarded = self.old.dialect.guarded or self.new.dialect.guarded
        if side.dialect.as_read == PLAIN and places == list(range(len(side.columns))) and not is_guarded:
            return parts
        texts = [number for number, type_ in enumerate(side.types) if type_ and TEXT.search(type_)]
        retell = reteller(side.dialect, places, guard=is_guarded, texts=texts)
        return ([retell(row) for row in part] for part in parts)
