"""A CSV file on its way to a person: no cell of it is a formula to a spreadsheet, whatever its encoding and packing."""

import codecs
import sys
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from isal import isal_zlib

from app.core.formula_guard import GuardedCsv

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 256 * 1024  # bytes
_LEVEL = 1


def guarded_chunks(stream: BinaryIO, csv: Mapping[str, Any]) -> Iterator[bytes]:
    """``csv`` is what the file's own record says of it: delimiter, encoding, compression."""
    with stream:
        yield from _packed(_guarded(_unpacked(stream, csv["compression"]), csv), csv["compression"])


def _unpacked(stream: BinaryIO, compression: str) -> Iterator[bytes]:
    codec: Any = {"GZIP": lambda: isal_zlib.decompressobj(wbits=31), "ZSTD": zstd.ZstdDecompressor}.get(compression)
    codec = codec() if codec else None
    while data := stream.read(CHUNK):
        yield codec.decompress(data) if codec else data


def _packed(chunks: Iterator[bytes], compression: str) -> Iterator[bytes]:
    if compression == "NONE":
        yield from filter(None, chunks)
        return
    codec: Any = isal_zlib.compressobj(_LEVEL, wbits=31) if compression == "GZIP" else zstd.ZstdCompressor(level=_LEVEL)
    for data in chunks:
        if packed := codec.compress(data):
            yield packed
    yield codec.flush()


def _guarded(chunks: Iterator[bytes], csv: Mapping[str, Any]) -> Iterator[bytes]:
    encoding = csv["encoding"]
    if encoding != "UTF-16LE":  # all others have ASCII's bytes where ASCII is
        yield from _without_formulas(chunks, csv["delimiter"])
        return
    reader = codecs.getincrementaldecoder(encoding)()
    texts = (reader.decode(data).encode() for data in chunks)
    for data in _without_formulas(texts, csv["delimiter"]):
        yield data.decode().encode(encoding)


def _without_formulas(chunks: Iterator[bytes], delimiter: str) -> Iterator[bytes]:
    guard = GuardedCsv(delimiter)
    first = next(chunks, b"")
    if first.startswith(codecs.BOM_UTF8):
        yield codecs.BOM_UTF8
        first = first.removeprefix(codecs.BOM_UTF8)
    yield guard.feed(first)
    for data in chunks:
        yield guard.feed(data)
    yield guard.finish()
