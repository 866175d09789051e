"""The disk of the data directory: how much room it has, and a file that is there to be given up.

When the disk is full nothing can be written, not even how the running jobs ended. So some room is set aside in a file,
the ballast; it is removed at the first need and made again when there is room.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

from app.core.condition import Room

log = logging.getLogger(__name__)

MOST = 32 * 1024 * 1024  # bytes
SHARE = 16  # of a small disk the ballast takes at most one part in so many
NAME = "ballast"


class Disk:
    """Implements ``app.core.condition.Disk``."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME

    def look(self) -> Room:
        space = os.statvfs(self.path.parent)
        size = space.f_blocks * space.f_frsize
        return Room(space.f_bavail * space.f_frsize, min(MOST, size // SHARE))

    def has_ballast(self) -> bool:
        return self.path.exists()

    def drop_ballast(self) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()

    def take_ballast(self, size: int) -> None:
        """Without a trace where there is not enough room after all. Raises ``OSError``."""
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, size)  # a sparse file would set nothing aside
        except OSError:
            self.drop_ballast()
            raise
        finally:
            os.close(file)
