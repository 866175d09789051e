"""Drains: nothing new begins, so that the server can be stopped without taking anything down.

What runs goes on; what is queued, or asked for by hand, waits. What comes due is decided afterwards, by the triggers'
misfire rules. A drain ends when its time is over, when somebody ends it, or with the next start of a server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import ConflictError, InvalidError
from app.core.models import IS_GOING_ON, QUEUE, Drain, Instance, Run
from app.core.ports import Clock

LONGEST = timedelta(days=1)
SHOWN = 100
KEEPS_TIME = timedelta(seconds=15)
"""A server that keeps the time says so every five seconds: after so many there is none."""


@dataclass(frozen=True)
class Draining:
    """How far a drain has come. ``running`` are the runs that still go on, the oldest first, at most 100."""

    drain: Drain
    is_heeded: bool  # the server knows of it, or there is none
    running: Sequence[Run]

    @property
    def is_safe(self) -> bool:
        """Whether the server can be stopped and nothing is interrupted."""
        return self.is_heeded and not self.running


class Drains:
    def __init__(self, db: Database, clock: Clock, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit that lets something begin again."""
        self.db = db
        self.clock = clock
        self.changed = changed
        self.is_on = False
        """As of the last look: for who must not ask the database."""

    def begin(self, length: timedelta, by: str | None) -> Drain:
        """Drain for at most so long. Raises ``InvalidError``, ``ConflictError`` while another drain goes on."""
        if not timedelta(0) < length <= LONGEST:
            raise InvalidError.of("seconds", "a drain lasts from a second to a day")
        now = self.clock()
        with self.db.transaction() as session:
            going_on = _current(session)
            if going_on is not None and going_on.until > now:
                raise ConflictError("the server is being drained already", code="already_draining")
            if going_on is not None:
                going_on.ended_at = going_on.until
            drain = Drain(began_at=now, began_by=by, until=now + length)
            session.add(drain)
        return drain

    def end(self, by: str | None) -> Drain:
        """Raises ``ConflictError`` when nothing is being drained."""
        with self.db.transaction() as session:
            drain = _current(session)
            if drain is None:
                raise ConflictError("the server is not being drained", code="not_draining")
            drain.ended_at, drain.ended_by = self.clock(), by
        self.is_on = False
        self.changed()
        return drain

    def restart(self) -> None:
        """A server starts: whatever the drain was for is done."""
        with self.db.transaction() as session:
            drain = _current(session)
            if drain is not None:
                drain.ended_at = min(self.clock(), drain.until) if drain.heeded_at is None else self.clock()

    def current(self) -> Drain | None:
        with self.db.reading() as session:
            drain = _current(session)
        return drain if drain is not None and drain.until > self.clock() else None

    def look(self) -> bool:
        """What the server does in each tick: heed a drain, end it when its time is over. Says whether one goes on."""
        with self.db.reading() as session:
            drain = _current(session)
        was_on, now = self.is_on, self.clock()
        self.is_on = drain is not None and drain.until > now
        if drain is not None and (not self.is_on or drain.heeded_at is None):
            self._write_down(drain.id, now)
        if was_on and not self.is_on:
            self.changed()
        return self.is_on

    def _write_down(self, drain_id: int, now: datetime) -> None:
        with self.db.transaction() as session:
            drain = session.get_one(Drain, drain_id)
            drain.heeded_at = drain.heeded_at or now
            if drain.ended_at is None and drain.until <= now:
                drain.ended_at = drain.until

    def state(self) -> Draining | None:
        """``None`` while nothing is being drained."""
        with self.db.reading() as session:
            drain = _current(session)
            if drain is None or drain.until <= self.clock():
                return None
            ticked_at = session.scalar(select(Instance.ticked_at))
            nobody = ticked_at is None or self.clock() - ticked_at > KEEPS_TIME
            query = select(Run).where(IS_GOING_ON, Run.job_type != QUEUE).order_by(Run.id).limit(SHOWN)
            return Draining(drain, nobody or drain.heeded_at is not None, session.scalars(query).all())


def _current(session: Session) -> Drain | None:
    return session.scalar(select(Drain).where(Drain.ended_at.is_(None)).order_by(Drain.id.desc()).limit(1))
