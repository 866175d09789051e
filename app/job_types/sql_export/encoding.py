"""The bytes of a text file: another encoding than UTF-8, and the mark at its begin that tells which one it is."""

import codecs
from collections.abc import Callable

from app.core.job_types import JobError
from app.core.statuses import FailureReason

Write = Callable[[bytes | memoryview], object]

CHOICES = [
    ("UTF-8", "UTF-8"),
    ("UTF-16LE", "UTF-16 (little endian)"),
    ("WINDOWS-1252", "Windows-1252 (Western Europe)"),
    ("ISO-8859-1", "ISO 8859-1 (Latin 1)"),
    ("ISO-8859-15", "ISO 8859-15 (Latin 9, with €)"),
]
MARKS = {"UTF-8": codecs.BOM_UTF8, "UTF-16LE": codecs.BOM_UTF16_LE}


class Encoded:
    """Writes UTF-8 that comes in whole lines in another encoding."""

    def __init__(self, write: Write, encoding: str, *, mark: bool) -> None:
        self._write = write
        self._encoding = encoding
        self._mark = MARKS[encoding] if mark else b""

    def write(self, data: bytes | memoryview) -> None:
        if self._mark:
            self._write(self._mark)
            self._mark = b""
        self._write(data if self._encoding == "UTF-8" else self._other(str(data, "utf-8")))

    def _other(self, text: str) -> bytes:
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError as error:
            sign = text[error.start]
            where = text[: error.start].rpartition("\n")[2][-40:]
            raise JobError(
                f"{sign!r} (U+{ord(sign):04X}), after {where!r}, cannot be written in {self._encoding}:"
                " choose UTF-8, or replace it in the query",
                FailureReason.CONFIG,
            ) from None
