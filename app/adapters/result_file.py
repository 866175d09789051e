"""One result file in the making: written beside its place, counted and hashed on its way, renamed when complete."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from app.adapters.early_sync import EarlySync
from app.core.execution import NO_SPACE
from app.core.job_types import JobError
from app.core.ports import MadeFile
from app.core.statuses import FailureReason, SameName

PART = ".part"
CHUNK = 1024 * 1024  # bytes written and hashed at once
LOOK_EVERY = 16 * 1024 * 1024  # bytes between two looks at the free space

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class ResultFile:
    """The ``ResultWriter`` of a real run. ``folder`` is the open directory that the file is made in."""

    def __init__(self, folder: int, path: str, name: str, media_type: str, keep_free: int) -> None:
        self._folder = folder
        self._path = path
        self._name = name
        self._media_type = media_type
        self._rows: int | None = None
        self._columns: Sequence[str] | None = None
        self._csv: Mapping[str, Any] | None = None
        self._types: Sequence[str | None] | None = None
        self._file_name = PurePosixPath(path).name
        self._same_name = SameName.KEEP
        self._is_complete = False
        look_for_room(folder, keep_free)
        self._raw = HashedFile(_open_part(self._file_name + PART, folder), keep_free)
        # The buffer gathers small writes in C; from Python's side only whole chunks come through.
        self._buffer = io.BufferedWriter(self._raw, CHUNK)
        self.stream = cast(BinaryIO, self._buffer)
        self.write: Callable[[bytes | memoryview], object] = self._buffer.write

    def describe(
        self,
        *,
        rows: int | None = None,
        columns: Sequence[str] | None = None,
        csv: Mapping[str, Any] | None = None,
        types: Sequence[str | None] | None = None,
        same_name: str | None = None,
    ) -> None:
        self._rows = self._rows if rows is None else rows
        self._columns = self._columns if columns is None else tuple(columns)
        self._csv = self._csv if csv is None else dict(csv)
        self._types = self._types if types is None else tuple(types)
        self._same_name = self._same_name if same_name is None else SameName(same_name)

    def complete(self) -> None:
        """Bring it to the disk, then to its name, then the name to the disk."""
        with full_disk_is_a_job_error():
            self._buffer.flush()
            self._raw.early.end()
            os.fsync(self._raw.fileno())
        self._buffer.close()
        os.rename(self._file_name + PART, self._file_name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)
        self._is_complete = True

    def discard(self) -> None:
        """Remove what is not complete."""
        if self._is_complete:
            return
        self._raw.is_given_up = True  # closing flushes the buffer once more: on a full disk that would raise again
        self._buffer.close()
        with suppress(FileNotFoundError):
            os.unlink(self._file_name + PART, dir_fd=self._folder)

    def made(self) -> MadeFile:
        return MadeFile(
            name=self._name,
            path=self._path,
            media_type=self._media_type,
            size=self._raw.size,
            sha256=self._raw.hash.hexdigest(),
            rows=self._rows,
            columns=self._columns,
            csv=self._csv,
            types=self._types,
            same_name=self._same_name,
        )


class HashedFile(io.RawIOBase):
    """Write-only; counts, hashes, and looks after the free space."""

    def __init__(self, descriptor: int, keep_free: int) -> None:
        self.size = 0
        self.hash = hashlib.sha256()
        self.is_given_up = False
        self._descriptor = descriptor
        self._keep_free = keep_free
        self._look_at = LOOK_EVERY
        self.early = EarlySync(descriptor)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any, /) -> int:
        with memoryview(data).cast("B") as view:
            if self.is_given_up:
                return len(view)
            if self.size >= self._look_at:
                look_for_room(self._descriptor, self._keep_free)
                self._look_at = self.size + LOOK_EVERY
            with full_disk_is_a_job_error():
                written = os.write(self._descriptor, view)
                self.early.grown_to(self.size + written)
            self.hash.update(view[:written])
            self.size += written
            return written

    def close(self) -> None:
        if not self.closed:
            super().close()
            with suppress(OSError):  # of a file that is thrown away; a complete one has heard of it before
                self.early.end()
            os.close(self._descriptor)


@contextmanager
def full_disk_is_a_job_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise no_room() from error
        raise


def look_for_room(descriptor: int, keep_free: int) -> None:
    """Raises ``JobError`` (DISK_FULL) while there is still room, so that Carillon can record what happened."""
    space = os.fstatvfs(descriptor)
    if space.f_bavail * space.f_frsize < keep_free:
        raise no_room()


def no_room() -> JobError:
    return JobError("no space left for result files", FailureReason.DISK_FULL)


def _open_part(name: str, folder: int) -> int:
    return os.open(name, _FLAGS, 0o640, dir_fd=folder)
