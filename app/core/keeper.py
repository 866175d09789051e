"""Only one process keeps the time of a database: who has the lease is active, every other one stands by."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from app.core.db import Database
from app.core.errors import UnavailableError
from app.core.models import Instance
from app.core.ports import Clock

log = logging.getLogger(__name__)

TRY_EVERY = 1.0  # seconds


class Lease(Protocol):
    """A lock that ends with its process."""

    def acquire(self) -> bool:
        """Take it if it is free; never waits. True also when it is held already."""

    def release(self) -> None: ...


class Keeper:
    """Tries for the lease until it has it, then calls ``begin`` once. The engine asks the lease before each step."""

    def __init__(self, lease: Lease, db: Database, clock: Clock, name: str, begin: Callable[[], None]) -> None:
        self.lease = lease
        self.db = db
        self.clock = clock
        self.name = name
        self.begin = begin
        self.active = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Become active at once where the lease is free, else stand by and go on trying."""
        if not self._try_now():
            self._thread = threading.Thread(target=self._stand_by, name="carillon-standby", daemon=True)
            self._thread.start()

    def _try_now(self) -> bool:
        try:
            if self._try():
                return True
            log.warning("another process (%s) keeps the time of this database; standing by", self.holder())
        except UnavailableError as error:
            log.warning("cannot keep the time yet, trying again: %s", error)
        return False

    def holder(self) -> str | None:
        """``host:pid`` of the process that keeps the time, as it wrote it down."""
        try:
            with self.db.reading() as session:
                instance = session.get(Instance, 1)
                return instance.keeper if instance else None
        except UnavailableError:
            return None

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(5)
        self.active = False
        self.lease.release()

    def _stand_by(self) -> None:
        while not self._stopping.wait(TRY_EVERY):
            try:
                if self._try():
                    return
            except Exception:
                log.exception("could not take over; trying again")

    def _try(self) -> bool:
        if not self.lease.acquire():
            return False
        self._sign()
        self.begin()
        self.active = True
        log.info("%s keeps the time", self.name)
        return True

    def _sign(self) -> None:
        with self.db.transaction() as session:
            instance = session.get_one(Instance, 1)
            instance.keeper, instance.kept_since = self.name, self.clock()
