"""The frames between an export and its reader: kind, rows, length, then so many bytes. Loads nothing."""

import struct
from io import FileIO

DATA, END, REFUSED = b"D", b"E", b"R"
_HEAD = struct.Struct("<cII")


def pack(kind: bytes, rows: int = 0, length: int = 0) -> bytes:
    return _HEAD.pack(kind, rows, length)


def read(stream: FileIO) -> tuple[bytes, int, bytearray] | None:
    """Give kind, rows and data of the next frame; ``None`` when the other side is gone."""
    head = _exactly(stream, _HEAD.size)
    if head is None:
        return None
    kind, rows, length = _HEAD.unpack(head)
    data = _exactly(stream, length)
    return None if data is None else (kind, rows, data)


def _exactly(stream: FileIO, length: int) -> bytearray | None:
    data = bytearray(length)
    with memoryview(data) as view:
        filled = 0
        while filled < length:
            count = stream.readinto(view[filled:])
            if not count:
                return None
            filled += count
    return data
