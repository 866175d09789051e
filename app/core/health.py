"""How the server is: what it can do now, what is wrong, and which of three questions that answers.

*Live*: the process does its work; if not, a restart helps. *Ready*: it can answer requests. *Healthy*: everything that
Carillon promises holds now, so that a person can look away. A database that is away makes a server unhealthy and not
ready, but it lives: to restart it would help nobody.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select, text, update

from app.core.db import Database
from app.core.errors import CarillonError
from app.core.models import Fire, Instance
from app.core.ports import Clock
from app.core.pulse import Monotonic

STALE_TICK = 30.0  # seconds after which the timer counts as dead
STALE_THREAD = 60.0  # seconds; as long as the watchdog waits
FULL_BYTES = 1 << 20  # less is as good as nothing
OK = "ok"
NO_ANSWER = "it does not answer"


@dataclass(frozen=True)
class Health:
    """What is known without asking anything that could hang."""

    role: str  # "active" or "standby"
    tick_age_seconds: float | None
    threads: Mapping[str, float]  # seconds since each of the engine's threads came by
    database: str  # "ok" or what is wrong
    disk_free_bytes: int | None  # where results are kept; None: it cannot be told
    disk_reserve_bytes: int  # with less than that no result is written
    keeper: str | None = None  # host:pid of the process that keeps the time
    stopped: str | None = None  # why nothing keeps the time: somebody stopped it, and a restart starts it again
    came_from: str | None = None  # the database was copied or moved from there, and nobody has said which
    asleep: str | None = None  # why nothing fires: a backup was restored, and nobody has woken it
    held_fires: int | None = None  # moments that wait for the clock or for somebody's answer
    degraded: tuple[str, ...] = ()  # what `condition` has found
    draining_until: str | None = None  # somebody wants to stop the server: nothing new begins
    troubles: tuple[str, ...] = field(init=False)
    warnings: tuple[str, ...] = field(init=False)  # it is well, and somebody should look

    def __post_init__(self) -> None:
        object.__setattr__(self, "troubles", tuple(self._troubles()))
        object.__setattr__(self, "warnings", tuple(self._warnings()))

    def _troubles(self) -> list[str]:
        found = []
        if self.database != OK:
            found.append(f"the database: {self.database}")
        if not self.is_ticking:
            age = "never" if self.tick_age_seconds is None else f"{self.tick_age_seconds:.0f} s ago"
            found.append(f"the time is not kept: the last tick was {age}")
        found += [f"nothing is heard of the thread {name!r} for {age:.0f} s" for name, age in self._silent()]
        if self.disk_free_bytes is not None and self.disk_free_bytes < FULL_BYTES:
            found.append("the disk of the data directory is full")
        return found + [words for words in self.degraded if not any(words in told for told in found)]

    def _warnings(self) -> list[str]:
        found = [f"asleep, {self.asleep}: nothing fires until somebody wakes it"] if self.asleep else []
        if self.came_from:
            found.append(f"the database came from {self.came_from}: if a server still runs there, both do every job")
        if self.disk_free_bytes is None:
            found.append("how much of the disk is free cannot be told")
        elif self.disk_free_bytes < self.disk_reserve_bytes:
            found.append(f"{self.disk_free_bytes >> 20} MB of the disk are free: too little for results")
        return found

    def _silent(self) -> list[tuple[str, float]]:
        return [(name, age) for name, age in self.threads.items() if age > STALE_THREAD]

    @property
    def is_ticking(self) -> bool:
        age = self.tick_age_seconds
        return self.role == "standby" or self.stopped is not None or (age is not None and age < STALE_TICK)

    @property
    def is_ok(self) -> bool:
        return not self.troubles

    @property
    def is_live(self) -> bool:
        """The timer is judged by its thread: a tick that fails, as the database is away, is a sign of life."""
        return not self._silent()

    @property
    def is_ready(self) -> bool:
        return self.database == OK and self.draining_until is None

    @property
    def status(self) -> str:
        """``stopped`` and ``asleep`` are healthy: somebody wanted it, and a restart must not undo it."""
        if not self.is_ok:
            return "failing"
        return "stopped" if self.stopped else "asleep" if self.asleep else "ok"


class DatabaseProbe:
    """Writes into the database where it may, and reads where another process keeps the time.

    A database can hang in ways that no time limit of a driver covers: the look is a thread's, and nobody waits longer
    for it than ``patience`` seconds. However many ask, it is looked at once in a second.
    """

    def __init__(self, db: Database, clock: Clock, monotonic: Monotonic = time.monotonic) -> None:
        self.db = db
        self.clock = clock
        self.monotonic = monotonic
        self.patience = 1.8
        self.fresh_for = 1.0
        self._found, self._at = OK, float("-inf")
        self._looking: threading.Thread | None = None
        self._lock = threading.Lock()

    def look(self, *, writes: bool) -> str:
        """``ok``, or what is wrong in words."""
        thread = self._start(writes)
        if thread is None:
            return self._found
        thread.join(self.patience)
        return NO_ANSWER if thread.is_alive() else self._found

    def _start(self, writes: bool) -> threading.Thread | None:
        with self._lock:
            if self._looking is not None and self._looking.is_alive():
                return self._looking
            if self.monotonic() - self._at < self.fresh_for:
                return None
            self._looking = threading.Thread(target=self._look, args=(writes,), name="carillon-probe", daemon=True)
            self._looking.start()
            return self._looking

    def _look(self, writes: bool) -> None:
        try:
            self._write() if writes else self._read()
            self._found = OK
        except CarillonError as error:
            self._found = error.message
        except Exception as error:  # what is wrong with it is what we are here to say
            self._found = type(error).__name__
        self._at = self.monotonic()

    def _read(self) -> None:
        with self.db.reading() as session:
            session.execute(select(Instance.id))

    def _write(self) -> None:
        with self.db.transaction() as session:
            session.execute(update(Instance).values(probed_at=self.clock()))


def held_fires(db: Database) -> int | None:
    """How many moments wait for the clock or for an answer; ``None`` when the database does not tell."""
    try:
        with db.reading() as session:
            return session.scalar(_HELD)
    except CarillonError:
        return None


_HELD = select(func.count()).select_from(Fire).where(text("fire.outcome = 'held'"))  # in the words of its index
