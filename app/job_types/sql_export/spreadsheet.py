"""A result as an Excel workbook (XLSX), for small results: a sheet has 1,048,576 lines and its numbers 15 digits.

XlsxWriter writes row by row and holds one (``constant_memory``). Nothing of a text is taken for more than text: no
formula, no link, no number.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.csv_text import text_of

MOST_ROWS = 1_048_575  # beside the header
MOST_CHARACTERS = 32_767  # of a cell
MOST_DIGITS = 15
LEAST_FLOAT, MOST_FLOAT = 2.2251e-308, 9.99999999999999e307  # nearer to zero, or further from it, a cell holds nothing
_FIRST_YEAR = 1900
_DAYS = {"ISO": "yyyy-mm-dd", "DMY_DOTS": "dd.mm.yyyy", "DMY_SLASHES": "dd/mm/yyyy", "MDY_SLASHES": "mm/dd/yyyy"}


class CalmStream:
    """Keeps its first error and takes what follows for nothing: an archive that is let go unfinished is closed by the
    interpreter, at any later time, and would complain once more where nobody listens."""

    def __init__(self, stream: BinaryIO) -> None:
        self.error: Exception | None = None
        self._stream = stream

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                self._stream.write(data)
            except Exception as error:
                self.error = error
        return len(data)

    def flush(self) -> None: ...


class Spreadsheet:
    """A ``TableFile``."""

    def __init__(self, stream: BinaryIO, header: Sequence[str], date_format: str) -> None:
        import xlsxwriter  # by the run that needs it: workers stay light

        self._folder = TemporaryDirectory(prefix="carillon-")  # rows wait here until the workbook is put together
        self._stream = CalmStream(stream)
        self._book = xlsxwriter.Workbook(self._stream, {"constant_memory": True, "tmpdir": self._folder.name})
        self._sheet = self._book.add_worksheet()
        day = _DAYS[date_format]
        self._day = self._book.add_format({"num_format": day})
        self._moment = self._book.add_format({"num_format": f"{day} hh:mm:ss"})
        self._clock = self._book.add_format({"num_format": "hh:mm:ss"})
        self._line = 0
        if header:
            bold = self._book.add_format({"bold": True})
            for column, name in enumerate(header):
                self._sheet.write_string(0, column, name, bold)
            self._sheet.freeze_panes(1, 0)
            self._line = 1

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            if self._line > MOST_ROWS:
                raise JobError(
                    f"a spreadsheet holds {MOST_ROWS:,} rows: choose CSV or Parquet", FailureReason.OUTPUT_LIMIT
                )
            for column, value in enumerate(row):
                self._cell(column, value)
            self._line += 1

    def finish(self) -> None:
        from xlsxwriter.exceptions import FileCreateError

        try:
            self._book.close()
        except FileCreateError as error:  # in which it wraps what the disk said, of a full one too
            raise error.__context__ or error from None
        if self._stream.error is not None:
            raise self._stream.error

    def end(self) -> None:
        self._book.fileclosed = True  # else it complains that it was never closed
        if rows := getattr(self._sheet, "row_data_fh", None):
            rows.close()
        self._folder.cleanup()

    def _cell(self, column: int, value: Any) -> None:
        sheet, line = self._sheet, self._line
        match value:
            case None:
                return
            case bool():
                sheet.write_boolean(line, column, value)
            case int() | float() | Decimal() if _is_exact(value):
                sheet.write_number(line, column, float(value))
            case datetime() if value.year >= _FIRST_YEAR:
                self._dated(column, value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value, self._moment)
            case date() if value.year >= _FIRST_YEAR and not isinstance(value, datetime):
                self._dated(column, value, self._day)
            case time() if value.tzinfo is None:
                self._dated(column, value, self._clock)
            case _:
                self._text(column, value if isinstance(value, str) else text_of(value))

    def _dated(self, column: int, value: Any, form: Any) -> None:
        write: Callable[..., int] = self._sheet.write_datetime
        write(self._line, column, value, form)

    def _text(self, column: int, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise JobError(
                f"a text of {len(text):,} characters, in row {self._line}: a cell of a spreadsheet holds"
                f" {MOST_CHARACTERS:,}",
                FailureReason.OUTPUT_LIMIT,
            )
        self._sheet.write_string(self._line, column, text)


def _is_exact(number: int | float | Decimal) -> bool:
    """Say whether a spreadsheet keeps this number as it is; the others are written as text."""
    if isinstance(number, float):
        return number == 0 or LEAST_FLOAT <= abs(number) <= MOST_FLOAT
    if isinstance(number, int):
        return bool(abs(number) < 10**MOST_DIGITS)
    return bool(number.is_finite() and len(number.as_tuple().digits) <= MOST_DIGITS)
