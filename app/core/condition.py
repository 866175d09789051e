"""What Carillon can do at the moment: whether its database works, and whether its disk has room.

One thread looks all the time. Pages, ``/healthz`` and whoever else asks read what it found, and nothing is begun while
there is no room for its end: a schedule's position does not move, so nothing that comes due meanwhile is lost.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core.db import Database, Fault, lock_wait_seconds
from app.core.errors import UnavailableError
from app.core.ports import Clock

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
PATIENCE = 2.0  # seconds to wait for a lock; above what requests wait, as these are refused while the database is away
NEED = 4  # less room than one part in so many of the ballast is a full disk


@dataclass(frozen=True)
class Room:
    """Bytes: what is free for us, and how large the ballast shall be on a disk of this size."""

    free: int
    ballast: int

    @property
    def is_scarce(self) -> bool:
        return self.free < self.ballast // NEED

    @property
    def is_enough(self) -> bool:
        """After the ballast has been made of it, there is still twice the room of a full disk."""
        return self.free >= self.ballast + 2 * self.ballast // NEED


class Disk(Protocol):
    """The disk of the data directory. All may raise ``OSError``."""

    def look(self) -> Room: ...
    def has_ballast(self) -> bool: ...
    def drop_ballast(self) -> None: ...
    def take_ballast(self, size: int) -> None: ...


class TroubleKind(StrEnum):
    DATABASE = "database"
    DISK = "disk"


@dataclass(frozen=True)
class Trouble:
    """Something that keeps Carillon from doing its work, since when, in words for people."""

    kind: TroubleKind
    since: datetime
    words: str


DISK_WORDS = "the disk of the data directory is full: nothing new begins until there is room again"


class Condition:
    def __init__(self, db: Database, disk: Disk, clock: Clock, try_writing: Callable[[], object]) -> None:
        """``try_writing`` changes something small in the database; it is called while the database has a fault."""
        self.db = db
        self.disk = disk
        self.clock = clock
        self.try_writing = try_writing
        self.room: Room | None = None
        """As of the last look; ``None`` where it could not be seen."""
        self._is_full = False
        self._troubles: dict[TroubleKind, Trouble] = {}
        self._met: set[TroubleKind] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # What others ask

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Empty while all is well."""
        with self._lock:
            self._note()
            return tuple(self._troubles.values())

    @property
    def is_degraded(self) -> bool:
        return bool(self.troubles)

    @property
    def may_begin(self) -> bool:
        """Whether there is room for the end of what would begin now. A database that is away says so by itself."""
        return not self._is_full and self.db.fault is not Fault.FULL

    def met(self) -> set[TroubleKind]:
        """What there was since the last call, and what there is."""
        with self._lock:
            self._note()
            met, self._met = self._met, set(self._troubles)
            return met

    # What the thread does

    def start(self) -> None:
        self.db.refuses_while_away = True
        self._thread = threading.Thread(target=self._watch, name="carillon-condition", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.db.refuses_while_away = False
        if self._thread:
            self._thread.join(PATIENCE)

    def look(self) -> None:
        """Look at the disk and the database, and do what can be done."""
        self._look_at_disk()
        self._look_at_database()
        with self._lock:
            self._note()

    def _watch(self) -> None:
        lock_wait_seconds.set(PATIENCE)
        is_over = False
        while not is_over:
            try:
                self.look()
            except Exception:
                log.exception("the condition cannot be seen; looking again")
            is_over = self._stopping.wait(LOOK_EVERY)

    def _look_at_database(self) -> None:
        try:
            if self.db.fault in (None, Fault.AWAY):
                self.db.ping()
            if self.db.fault is not None:
                self.try_writing()
        except UnavailableError:
            return  # the database has noted what is wrong

    def _look_at_disk(self) -> None:
        try:
            self.room = room = self.disk.look()
            was_full, has_ballast = self._is_full, self.disk.has_ballast()
            if room.is_scarce or self.db.fault is Fault.FULL:
                self._is_full = True
                self.disk.drop_ballast()
            elif self._is_full or not has_ballast:
                self._is_full = self._is_full and not room.is_enough
                if room.is_enough and not has_ballast:
                    self.disk.take_ballast(room.ballast)
        except OSError as error:
            self.room = None
            log.warning("the disk of the data directory cannot be seen to: %s", error)
            return
        if self._is_full and not was_full:
            log.error("the disk is full (%d bytes are free); nothing new begins until there is room", room.free)
        if was_full and not self._is_full:
            log.warning("the disk has room again; going on")

    def _note(self) -> None:
        found = dict(self._found())
        now = self.clock()
        self._troubles = {kind: self._trouble(kind, now, words) for kind, words in found.items()}
        self._met |= found.keys()

    def _trouble(self, kind: TroubleKind, now: datetime, words: str) -> Trouble:
        earlier = self._troubles.get(kind)
        return Trouble(kind, earlier.since if earlier else now, words)

    def _found(self) -> Iterator[tuple[TroubleKind, str]]:
        fault = self.db.fault
        if self._is_full:
            yield TroubleKind.DISK, DISK_WORDS
        elif fault is Fault.FULL:
            yield TroubleKind.DISK, fault.value
        if fault is not None and fault is not Fault.FULL:
            yield TroubleKind.DATABASE, fault.value
