"""What does not fit into memory, on the disk: put aside in parts, read back part by part."""

import marshal
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, BinaryIO


class Spill:
    """One file for all parts. It has no name, and is gone with the process that wrote it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = 0
        self._places: dict[Any, list[tuple[int, int]]] = defaultdict(list)

    def put(self, part: Any, things: list[Any]) -> None:
        """Add numbers, bytes, and lists and tuples of them to a part."""
        data = marshal.dumps(things)
        self._file.seek(self._end)
        self._file.write(data)
        self._places[part].append((self._end, len(data)))
        self._end += len(data)

    def get(self, part: Any) -> Iterator[list[Any]]:
        """Give what was put into a part, in order."""
        for start, size in self._places[part]:
            self._file.seek(start)
            yield marshal.loads(self._file.read(size))  # noqa: S302 - this process wrote it, and nobody else can

    def size(self, part: Any) -> int:
        return sum(size for _, size in self._places[part])

    def drop(self, part: Any) -> None:
        """Forget a part. Its room on the disk stays taken until the end."""
        self._places.pop(part, None)
