"""A result as a Parquet file, with the types that the database's driver gives.

What a column holds is known from its first rows, of which enough are held back. One that turns out to hold something
else later raises ``WiderError``: the file begins anew with what is known by then.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO

from app.job_types.sql_export.csv_text import text_of
from app.job_types.sql_export.source import size_of

HELD_ROWS = 20_000
HELD_BYTES = 16 << 20
GROUP_BYTES = 32 << 20
MOST_DIGITS = 38
PACKINGS = {"NONE": "none", "GZIP": "gzip", "ZSTD": "zstd"}


class WiderError(Exception):
    """A column holds more than its first rows said."""

    def __init__(self, kinds: "Sequence[Kinds]") -> None:
        super().__init__("a column changes its type")
        self.kinds = kinds


class Kinds:
    """What the values of a column have been so far."""

    def __init__(self) -> None:
        self.types: set[type] = set()
        self.whole = self.scale = 0  # most digits of a decimal before and behind its point
        self.exact = True  # every integer fits 64 bits, and a float where there are floats

    def take(self, values: Sequence[Any]) -> bool:
        """Say whether this is something new."""
        before = self._shape()
        self.types |= {_type_of(value) for value in values if value is not None}
        if Decimal in self.types:
            for value in values:
                self._measure(value)
        if int in self.types:
            least, most = (-(2**53), 2**53) if float in self.types else (-(2**63), 2**63 - 1)
            self.exact = self.exact and all(least <= value <= most for value in values if type(value) is int)
        return before != self._shape()

    def _shape(self) -> tuple[object, ...]:
        """What the type of the column depends on."""
        return frozenset(self.types), self.scale, self.exact, self.whole + self.scale > MOST_DIGITS

    def _measure(self, value: Any) -> None:
        if isinstance(value, Decimal):
            exponent = value.as_tuple().exponent
            if not isinstance(exponent, int):  # NaN or Infinity, which Arrow's decimals have not
                self.types.add(str)
                return
            self.scale = max(self.scale, -exponent)
            self.whole = max(self.whole, value.adjusted() + 1, 1)
        elif type(value) is int:
            self.whole = max(self.whole, len(str(abs(value))))


def _type_of(value: Any) -> type:
    """Naive and aware moments are two types here: ``datetime`` and ``UTC``'s own."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return type(UTC)
    return bytes if isinstance(value, bytearray | memoryview) else type(value)


class Parquet:
    """A ``TableFile``. Loads Apache Arrow when it is made: only the run that needs it pays for it."""

    def __init__(
        self, stream: BinaryIO, names: Sequence[str], compression: str, kinds: Sequence[Kinds] | None = None
    ) -> None:
        self._stream = stream
        self._names = _apart(names)
        self._packing = PACKINGS[compression]
        self._kinds = list(kinds or [Kinds() for _ in names])
        self._rows: list[Sequence[Any]] = []
        self._size = 0
        self._writer: Any = None
        self._columns: list[tuple[Any, Callable[[Any], Any]]] = []

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Raises ``WiderError``."""
        news = [kinds.take(values) for kinds, values in zip(self._kinds, zip(*rows, strict=True), strict=True)]
        if self._writer is not None and any(news):
            raise WiderError(self._kinds)
        self._rows.extend(rows)
        self._size += size_of(rows)
        if self._size > GROUP_BYTES or (
            self._writer is None and (len(self._rows) >= HELD_ROWS or self._size > HELD_BYTES)
        ):
            self._write_group()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()

    def end(self) -> None:
        with suppress(Exception):  # its footer goes where the rest of an unfinished file goes
            if self._writer is not None:
                self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if self._writer is None:
            self._columns = [_arrow_type(kinds) for kinds in self._kinds]
            schema = pa.schema([(name, kind) for name, (kind, _) in zip(self._names, self._columns, strict=True)])
            self._writer = parquet.ParquetWriter(self._stream, schema, compression=self._packing)
        if self._rows:
            arrays = [
                pa.array([None if value is None else convert(value) for value in values], kind)
                for (kind, convert), values in zip(self._columns, zip(*self._rows, strict=True), strict=True)
            ]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._writer.schema))
        self._rows, self._size = [], 0


def _arrow_type(kinds: Kinds) -> tuple[Any, Callable[[Any], Any]]:
    """The type of a column, and what makes a value fit it. What has no type of its own is text, as in CSV."""
    import pyarrow as pa

    match kinds.types:
        case types if types == {bool}:
            return pa.bool_(), bool
        case types if types == {int} and kinds.exact:
            return pa.int64(), int
        case types if types in ({float}, {float, int}) and kinds.exact:
            return pa.float64(), float
        case types if Decimal in types and types <= {Decimal, int} and kinds.whole + kinds.scale <= MOST_DIGITS:
            return pa.decimal128(MOST_DIGITS, kinds.scale), Decimal
        case types if types == {date}:
            return pa.date32(), _same
        case types if types == {datetime}:
            return pa.timestamp("us"), _same
        case types if types == {type(UTC)}:
            return pa.timestamp("us", "UTC"), _same
        case types if types == {time}:
            return pa.time64("us"), _same
        case types if types == {bytes}:
            return pa.binary(), bytes
    return pa.string(), _text


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else text_of(value)


def _apart(names: Sequence[str]) -> list[str]:
    """Columns of a Parquet file are known by their names: those of one name get numbers."""
    apart: list[str] = []
    for name in names:
        number, free = 2, name
        while free in apart:
            number, free = number + 1, f"{name}_{number}"
        apart.append(free)
    return apart
