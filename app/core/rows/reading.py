"""The rows of a CSV file of ours as bytes, each without its line end, some thousand at once."""

import codecs
import sys
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

from app.core.rows.dialect import Dialect

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 512 * 1024  # bytes, unpacked
LARGEST = 64 * 1024 * 1024  # bytes of one row: what is larger would not leave memory for anything else
ENDINGS = {"LF": b"\n", "CRLF": b"\r\n"}

Rows = list[bytes]


class UnreadableError(Exception):
    """The file is not what its record says. The message is for people."""


class EnoughError(Exception):
    """As much was read as was wanted, and there is more."""


def rows(stream: BinaryIO, dialect: Dialect, chunk: int = CHUNK, most: int | None = None) -> Iterator[Rows]:
    """Give the rows in the order of the file, without the header. Raises ``UnreadableError``.

    Of a file with more than ``most`` bytes, unpacked, only the rows within these; then ``EnoughError``.
    """
    chunks = _unpacked(stream, dialect.compression, chunk)
    if most is not None:
        chunks = _limited(chunks, most)
    parts = _split(_text(chunks, dialect.encoding), ENDINGS[dialect.line_ending])
    if dialect.header:
        first = next(parts, [])
        parts = chain([first[1:]], parts)
    return (part for part in parts if part)


def _unpacked(stream: BinaryIO, compression: str, chunk: int) -> Iterator[bytes]:
    """In chunks of one size: a small packed file may hold gigabytes."""
    opened: Any = stream
    if compression == "GZIP":
        from isal import igzip  # here, so that only who reads such a file loads it

        opened = igzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[no-untyped-call]
    elif compression == "ZSTD":
        opened = zstd.ZstdFile(stream)
    try:
        while data := opened.read(chunk):
            yield data
    except (EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        if compression == "NONE":
            raise
        raise UnreadableError(f"it cannot be unpacked: {error}") from error


def _limited(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        if most <= 0:
            raise EnoughError
        most -= len(chunk)
        yield chunk


def _text(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Bytes that agree with ASCII on ASCII, without a byte order mark."""
    if encoding == "UTF-16LE":
        reader = codecs.getincrementaldecoder(encoding)()
        chunks = (reader.decode(data).encode("utf-8", "surrogatepass") for data in chunks)
    first = next(chunks, b"")
    yield first.removeprefix(codecs.BOM_UTF8) if encoding.startswith("UTF") else first
    yield from chunks


def _split(chunks: Iterator[bytes], ending: bytes) -> Iterator[Rows]:
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        end = _end_of_rows(data, ending)
        if end:
            yield _rows(data[: end - len(ending)], ending)
        rest = data[end:]
        if len(rest) > LARGEST:
            raise UnreadableError(f"it has a row of more than {LARGEST // 1024**2} MB")
    if rest:  # the last line has no end
        yield _rows(rest, ending)


def _end_of_rows(data: bytes, ending: bytes) -> int:
    """A line end is outside of quotes when the number of quotes before it is even: those inside are doubled."""
    end = data.rfind(ending)
    quotes = data.count(b'"', 0, end) if end >= 0 else 0
    while end >= 0 and quotes % 2:
        before = data.rfind(ending, 0, end)
        quotes -= data.count(b'"', max(before, 0), end)
        end = before
    return end + len(ending) if end >= 0 else 0


def _rows(data: bytes, ending: bytes) -> Rows:
    lines = data.split(ending)
    if b'"' not in data or not any(line.count(b'"') & 1 for line in lines):
        return lines
    return _joined(lines, ending)


def _joined(lines: Rows, ending: bytes) -> Rows:
    """Put lines together that a line end within quotes has cut."""
    whole: Rows = []
    open_lines: Rows = []
    for line in lines:
        is_odd = line.count(b'"') & 1
        if open_lines:
            open_lines.append(line)
            if is_odd:
                whole.append(ending.join(open_lines))
                open_lines = []
        elif is_odd:
            open_lines.append(line)
        else:
            whole.append(line)
    return [*whole, *open_lines]
