"""CSV from Arrow's columns, in the very bytes of ``csv_text``: a batch at a time, without a Python object per value."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.float_text import float_text

_EVEN_FROM, _EVEN_BELOW = 1e-4, 1e10  # where Arrow writes floats as COPY does


class CsvColumns:
    def __init__(self, csv: CsvFormat, columns: int) -> None:
        self._csv = csv
        self._special = (csv.delimiter, '"', "\n", "\r")
        self._pattern = "[" + "".join(f"\\x{{{ord(sign):x}}}" for sign in self._special) + "]"
        self._quoted_whole = (csv.null_text, "\\.") if columns == 1 else (csv.null_text,)

    def encode(self, columns: Sequence[pa.Array]) -> memoryview:
        """Give the lines. Raises ``pa.ArrowInvalid`` for text that is not UTF-8."""
        texts = [self._texts(column) for column in columns]
        texts[-1] = self._joined([texts[-1], ""], self._csv.line_ending)
        lines = self._joined(texts, self._csv.delimiter) if len(texts) > 1 else texts[0]
        _, offsets, data = lines.buffers()
        places = memoryview(offsets).cast("i")
        return memoryview(data)[places[lines.offset] : places[lines.offset + len(lines)]]

    def _joined(self, texts: Sequence[pa.Array | str], separator: str) -> pa.Array:
        return pc.binary_join_element_wise(
            *texts, separator, null_handling="replace", null_replacement=self._csv.null_text
        )

    def _texts(self, column: pa.Array) -> pa.Array:
        if pa.types.is_string(column.type):
            column.validate(full=True)
            return self._quoted(column)
        return _float_texts(column) if pa.types.is_floating(column.type) else pc.cast(column, pa.string())

    def _quoted(self, column: pa.Array) -> pa.Array:
        """Numbers never come here: ``can_be_read_by_arrow`` refuses formats in which they need quotes."""
        must_be = self._must_be_quoted(column)
        if not pc.any(must_be).as_py():
            return column
        doubled = pc.replace_substring(column.filter(must_be), '"', '""')
        return pc.replace_with_mask(column, must_be, pc.binary_join_element_wise('"', doubled, '"', ""))

    def _must_be_quoted(self, column: pa.Array) -> pa.Array:
        found = [pc.equal(column, whole) for whole in self._quoted_whole]
        data = column.buffers()[2]
        held = data.to_pybytes() if data is not None else b""  # a look for four bytes is far quicker than the pattern
        if any(sign.encode() in held for sign in self._special):
            found.append(pc.match_substring_regex(column, self._pattern))
        must_be = found[0]
        for more in found[1:]:
            must_be = pc.or_(must_be, more)
        return pc.fill_null(must_be, False)


def _float_texts(column: pa.Array) -> pa.Array:
    texts = pc.cast(column, pa.string())
    size = pc.abs(column)
    even = pc.or_(pc.and_(pc.greater_equal(size, _EVEN_FROM), pc.less(size, _EVEN_BELOW)), pc.equal(size, 0.0))
    odd = pc.fill_null(pc.invert(even), False)
    if not pc.any(odd).as_py():
        return texts
    spelled = [float_text(value) for value in column.filter(odd).to_pylist()]
    return pc.replace_with_mask(texts, odd, pa.array(spelled, pa.string()))
