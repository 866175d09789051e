"""Outcomes on their way to the database: written down before they are reported, until the server has recorded them.

So a run's true end survives the death of whoever should have told it. Each attempt has a slot: a small file that is
written over again and again, as making a file costs up to 1 ms on ext4 when thousands have lately been removed (it goes
round their inodes), and writing over one 10 us. Nor is a slot ever cut to length 0: ext4 would bring it to the disk at
once. The first byte tells: ``{`` begins an outcome, anything else none. A checksum follows, as a power cut may leave
the beginning of one outcome and the end of another.

Bringing a slot to the disk costs 0.4 ms here, 1-5 ms on a usual cloud disk: 10,000 short runs would pay 4 s. Only a
power cut needs it, as the page cache survives every kill. So a run pays only when it was long (``SYNC_AFTER``) or has
made files. The outcome of a shorter one is on the disk with the server's own commit, a few milliseconds later; when
that does not come, the server syncs the slot.
"""

import logging
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from app.adapters.messages import ended_of, unpack
from app.core.ports import Ended

log = logging.getLogger(__name__)

SYNC_AFTER = 0.1  # seconds
SUFFIX = ".exit.json"
NO_OUTCOME = b"-"


class Spool:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, slot: int, line: bytes, *, sync: bool) -> None:
        """Keep a packed ``Ended``. Raises ``OSError``: on a full disk the outcome has to go without its copy."""
        with self._opened(slot, os.O_WRONLY | os.O_CREAT) as file:
            os.pwrite(file, line + _checksum(line), 0)
            if sync:
                os.fsync(file)
        if sync:
            self._sync_directory()

    def read(self, slot: int, attempt: tuple[int, str]) -> Ended | None:
        """Give the outcome of this attempt, and not that of another one that had the slot before."""
        ended = self._read(slot)
        return ended if ended and (ended.run_id, ended.token) == attempt else None

    def read_all(self) -> Mapping[int, Ended]:
        """By slot."""
        slots = [int(path.name.removesuffix(SUFFIX)) for path in self.directory.glob(f"*{SUFFIX}")]
        return {slot: ended for slot in sorted(slots) if (ended := self._read(slot))}

    def clear(self, slots: Iterable[int]) -> None:
        """Their outcomes are recorded."""
        for slot in slots:
            with suppress(FileNotFoundError), self._opened(slot, os.O_WRONLY) as file:
                os.pwrite(file, NO_OUTCOME, 0)

    def sync(self, slots: Iterable[int]) -> None:
        """Bring outcomes to the disk that were written without it."""
        for slot in slots:
            with suppress(FileNotFoundError), self._opened(slot, os.O_RDONLY) as file:
                os.fsync(file)
        self._sync_directory()

    def _read(self, slot: int) -> Ended | None:
        with suppress(FileNotFoundError):
            content = Path(self._path(slot)).read_bytes()
            return _outcome(content) if content.startswith(b"{") else None
        return None

    def _sync_directory(self) -> None:
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def _opened(self, slot: int, flags: int) -> Iterator[int]:
        file = os.open(self._path(slot), flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            yield file
        finally:
            os.close(file)

    def _path(self, slot: int) -> str:
        return f"{self.directory}/{slot:d}{SUFFIX}"


def _checksum(line: bytes) -> bytes:
    return b"%08x" % zlib.crc32(line)


def _outcome(content: bytes) -> Ended | None:
    """What stands behind the checksum is of longer outcomes before."""
    text, line_feed, rest = content.partition(b"\n")
    if not rest.startswith(_checksum(text + line_feed)):
        log.warning("an outcome that is half written is no outcome: %r", text[:100])
        return None
    return ended_of(unpack(text)[1])
