"""Result files on disk: ``results/<job id>/<run id>-<token>-<n>.csv``, there only when they are complete.

The name that people see is no part of the path. Folders and files are opened without following links, so that a
planted link leads nowhere.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from app.adapters.result_file import PART, ResultFile
from app.adapters.scratch_file import scratch_file
from app.core.errors import NotFoundError
from app.core.ports import Assignment, MadeFile, StrayFile

KEEP_FREE = 64 * 1024 * 1024  # bytes that results leave to the database and to everybody else
MOST_READ = 16 * 1024 * 1024  # bytes of a file that is read as a whole

_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)  # ELOOP: it is a link
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a planted FIFO must not wait for its writer.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PATH = re.compile(r"(?P<folder>\d+)/(?P<file>(?P<run_id>\d+)-(?P<token>[\w-]+)-\d+(\.[a-z0-9]+)?(\.part)?)", re.ASCII)
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}", re.ASCII)
_UNWANTED = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True)
class StoredFile:
    stream: BinaryIO
    size: int
    modified_at: datetime


class ResultStore:
    def __init__(self, directory: Path, *, keep_free: int = KEEP_FREE) -> None:
        self.directory = directory
        self.keep_free = keep_free

    def free_bytes(self) -> int | None:
        """What is free where results are kept, for us; ``None`` when it cannot be told."""
        folder = self.directory if self.directory.exists() else self.directory.parent
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return None

    # In a worker

    @contextmanager
    def create(self, assignment: Assignment, number: int, name: str, media_type: str) -> Iterator[ResultFile]:
        """Give a writer. Its file is there when the block has ended well, and no trace of it when not."""
        name = _UNWANTED.sub("_", name) or "result"
        file_name = f"{assignment.run_id}-{assignment.token}-{number}{_suffix(name)}"
        with self._folder(assignment.job_id, create=True) as folder:
            file = ResultFile(folder, f"{assignment.job_id}/{file_name}", name, media_type, self.keep_free)
            try:
                yield file
                file.complete()
            finally:
                file.discard()

    def scratch(self) -> BinaryIO:
        """A file without a name, where the results are: /tmp may be memory. Raises ``JobError`` when room is short."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return scratch_file(self.directory, self.keep_free)

    def remove(self, files: Sequence[MadeFile]) -> None:
        """Those that are gone already are no error."""
        for file in files:
            self.unlink(file.path)

    def unlink(self, path: str) -> None:
        """One that is gone already is no error."""
        with suppress(NotFoundError):
            self.delete(path)

    def remove_attempt(self, job_id: int, run_id: int, token: str) -> None:
        """Take away whatever an attempt that was ended by force has left, complete or not."""
        with suppress(NotFoundError), self._folder(job_id) as folder:
            for name in os.listdir(folder):
                if name.startswith(f"{run_id}-{token}-"):
                    os.unlink(name, dir_fd=folder)

    # In the server

    def open(self, path: str) -> StoredFile:
        """Raises ``NotFoundError``, also for a path that leads elsewhere, a link or an unfinished file."""
        found = _PATH.fullmatch(path)
        if found is None or path.endswith(PART):
            raise NotFoundError(f"no result file {path!r}")
        with _missing_is_not_found(path), self._folder(int(found["folder"])) as folder:
            descriptor = os.open(found["file"], _FILE_FLAGS, dir_fd=folder)
        return _stored(descriptor, path)

    def read(self, path: str) -> bytes:
        """Give all of a small file. Raises ``NotFoundError``."""
        with self.open(path).stream as stream:
            return stream.read(MOST_READ)

    def delete(self, path: str) -> None:
        """Raises ``NotFoundError``."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise NotFoundError(f"no result file {path!r}")
        with _missing_is_not_found(path), self._folder(int(found["folder"])) as folder:
            os.unlink(found["file"], dir_fd=folder)

    def sweep(self, *, before: datetime, running: Container[tuple[int, str]] = ()) -> int:
        """Remove unfinished files last written before a moment whose attempt (run id, token) is not running."""
        removed = 0
        for path in self.directory.glob(f"*/*{PART}"):
            found = _PATH.fullmatch(path.relative_to(self.directory).as_posix())
            with suppress(FileNotFoundError):
                if found and _attempt(found) not in running and path.lstat().st_mtime < before.timestamp():
                    path.unlink()
                    removed += 1
        return removed

    def disk_bytes(self) -> int:
        """The size of the disk on which the results lie; 0 before there are any."""
        try:
            disk = os.statvfs(self.directory)
        except FileNotFoundError:
            return 0
        return disk.f_blocks * disk.f_frsize

    def complete_files(self) -> Iterator[str]:
        """The paths of all complete files, for who looks for those that no run knows of."""
        for path in self.directory.glob("*/*"):
            name = path.relative_to(self.directory).as_posix()
            if _PATH.fullmatch(name) and not name.endswith(PART):
                yield name

    def files(self) -> Iterator[StrayFile]:
        """All files that attempts have written, complete or not; what else lies there is none of ours."""
        for path in self.directory.glob("*/*"):
            found = _PATH.fullmatch(path.relative_to(self.directory).as_posix())
            with suppress(FileNotFoundError):
                if found and stat.S_ISREG((status := path.lstat()).st_mode):
                    written_at = datetime.fromtimestamp(status.st_mtime, UTC)
                    yield StrayFile(found[0], int(found["run_id"]), status.st_size, written_at)

    def exists(self, path: str) -> bool:
        return _PATH.fullmatch(path) is not None and (self.directory / path).is_file()

    @contextmanager
    def _folder(self, job_id: int, *, create: bool = False) -> Iterator[int]:
        """Open a job's folder. Raises ``NotFoundError`` when there is none, or a link in its place."""
        if create:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _missing_is_not_found(str(job_id)), _opened(str(self.directory)) as root:
            if create:
                _make_folder(str(job_id), root)
            folder = os.open(str(job_id), _FOLDER_FLAGS, dir_fd=root)
        try:
            yield folder
        finally:
            os.close(folder)


def _suffix(name: str) -> str:
    suffix = os.path.splitext(name)[1].lower()
    return suffix if _SUFFIX.fullmatch(suffix) and suffix != PART else ""


def _attempt(found: re.Match[str]) -> tuple[int, str]:
    return int(found["run_id"]), found["token"]


def _stored(descriptor: int, path: str) -> StoredFile:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotFoundError(f"no result file {path!r}")
    return StoredFile(os.fdopen(descriptor, "rb"), status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _make_folder(name: str, root: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=root)
        os.fsync(root)  # else a power cut could take the folder away together with the files in it


@contextmanager
def _opened(directory: str) -> Iterator[int]:
    # The results directory itself may be a link: where it lies is the administrator's choice.
    descriptor = os.open(directory, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _missing_is_not_found(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _MISSING:
            raise
        raise NotFoundError(f"no result file {what!r}") from None
