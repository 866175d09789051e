"""Only one process keeps the time of a database: who has the lease is active, every other one stands by."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import UnavailableError
from app.core.models import Instance, Tenure
from app.core.ports import Clock

log = logging.getLogger(__name__)

TRY_EVERY = 1.0  # seconds
HANDOVER = 3.0
"""Seconds for which a new keeper waits where the one before may still live, with its workers in another place: so long
it may take to notice that it has lost its lease, and to end."""
DEPOSED = "another process keeps the time of this database now"


class Lease(Protocol):
    """A lock that ends with its process."""

    def acquire(self) -> bool:
        """Take it if it is free; never waits. True also when it is held already."""

    def release(self) -> None: ...


class Keeper:
    """Tries for the lease until it has it, then calls ``begin`` once. The engine asks the lease before each step.

    A process may lose its lease without noticing: it was stopped, or its line to PostgreSQL was cut. So each keeper has
    a term, a number that grows, and each transaction of its process holds fast that it is still the newest.
    """

    def __init__(
        self, lease: Lease, db: Database, clock: Clock, name: str, begin: Callable[[], None], home: str = ""
    ) -> None:
        """``home`` is the place in which this process has its workers."""
        self.lease = lease
        self.db = db
        self.clock = clock
        self.name = name
        self.begin = begin
        self.home = home
        self.active = False
        self.term: int | None = None
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
        if self.active:
            self._leave()
        self.active = False
        self.db.fence = None
        self.lease.release()

    def confirm(self) -> None:
        """Write down that the time is still kept. Raises ``UnavailableError``."""
        if not self.active:
            self.db.ping()
            self.db.fault = None  # who stands by writes nothing that could fail
            return
        with self.db.transaction() as session:
            session.execute(update(Tenure).where(Tenure.term == self.term).values(confirmed_at=self.clock()))

    def is_deposed(self) -> bool:
        """Whether another process has taken this one's place. Raises ``UnavailableError``: nobody knows."""
        if not self.active:
            return False
        return not self.lease.acquire() or self._newest_term() != self.term

    def _newest_term(self) -> int | None:
        with self.db.reading() as session:
            return session.scalar(select(Tenure.term))

    def _fence(self, session: Session) -> None:
        """The lock lasts as long as the transaction: nobody can begin a new term before it has ended."""
        if session.scalar(_TERM) != self.term:
            raise UnavailableError(DEPOSED, code="standby")

    def _leave(self) -> None:
        """Everything of this process has ended: who comes next need not wait."""
        try:
            with self.db.transaction() as session:
                session.execute(update(Tenure).where(Tenure.term == self.term).values(left_at=self.clock()))
        except UnavailableError as error:
            log.warning("the end of the term cannot be written down: %s", error)

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
        may_live_elsewhere = self._sign()
        if may_live_elsewhere and self._stopping.wait(HANDOVER):
            return False
        self.begin()
        self.active = True
        log.info("%s keeps the time", self.name)
        return True

    def _sign(self) -> bool:
        """Begin a term. Says whether the keeper before may still live, with workers in another place than ours."""
        self.db.fence = None
        now = self.clock()
        with self.db.transaction() as session:
            instance = session.get_one(Instance, 1)
            instance.keeper, instance.kept_since = self.name, now
            last = session.get(Tenure, 1, with_for_update=True)
            elsewhere = last is not None and last.left_at is None and last.home != self.home
            term = last.term + 1 if last and last.term != self.term else last.term if last else 1
            session.merge(Tenure(id=1, term=term, keeper=self.name, home=self.home, confirmed_at=now, left_at=None))
        self.term = term
        if not self.db.is_sqlite:  # there the lock is the process's own, until its end
            self.db.fence = self._fence
        return elsewhere


_TERM = select(Tenure.term).where(Tenure.id == 1).with_for_update(read=True, key_share=True)
