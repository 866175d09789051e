"""Why moments were late: pauses and drains that have ended, and stretches in which nobody kept the time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import pauses
from app.core.db import Database
from app.core.models import Drain, Instance, Outage, Pause
from app.core.ports import Clock
from app.core.pulse import Monotonic
from app.core.statuses import FireReason, OutageKind

REMEMBERED_EVERY = timedelta(seconds=5)
STANDSTILL = OutageKind.STANDSTILL
REASONS = {
    OutageKind.DOWN: FireReason.DOWNTIME,
    OutageKind.CLOCK_JUMP: FireReason.CLOCK_JUMP,
    OutageKind.ASLEEP: FireReason.ASLEEP,
    OutageKind.DATABASE: FireReason.LATE,
    OutageKind.DISK: FireReason.LATE,
    OutageKind.STANDSTILL: FireReason.LATE,
}
WORDS = {
    OutageKind.DOWN: "no server kept the time from {} to {}",
    OutageKind.CLOCK_JUMP: "the clock was put forward from {} to {}",
    OutageKind.ASLEEP: "a backup or copy of {}, which was asleep until {}",
    OutageKind.DATABASE: "the database did not work from {} to {}",
    OutageKind.DISK: "the disk was full from {} to {}",
    OutageKind.STANDSTILL: "the server stood still from {} to {}",
}


@dataclass(frozen=True)
class Cause:
    """From when to when (UTC, both included) something kept triggers from firing; ``pause`` says which."""

    began_at: datetime
    ended_at: datetime
    reason: FireReason
    words: str
    pause: Pause | None = None

    def explains(self, moment: datetime, due: Any) -> bool:
        """``due`` is a trigger's row with its job's ``uid`` and ``group``."""
        within = self.began_at <= moment <= self.ended_at
        return within and (self.pause is None or pauses.covers(self.pause, due, due))


class Outages:
    def __init__(
        self, db: Database, clock: Clock, seconds: Monotonic, why: Callable[[], OutageKind] = lambda: STANDSTILL
    ) -> None:
        """``seconds`` is real time, which goes on when the clock is put or the machine sleeps.

        ``why`` tells what has kept this process from its work since it was last asked.
        """
        self.db = db
        self.clock = clock
        self.seconds = seconds
        self.why = why
        self._remembered: datetime | None = None
        self._kept: float | None = None
        self._gap: tuple[datetime, OutageKind] | None = None  # not yet written down

    def attend(self) -> None:
        """The time is kept again, or still. A gap is durable before what came due in it is decided."""
        now, real = self.clock(), self.seconds()
        gap = timedelta(seconds=real - self._kept) if self._kept is not None else timedelta(0)
        self._kept, why = real, self.why()
        if gap > REMEMBERED_EVERY and self._gap is None:
            self._gap = now - gap, why
        if self._gap is not None:
            began_at, kind = self._gap
            self.note(kind, began_at, now)
            self._gap = None

    def remember(self) -> None:
        """The time is being kept now. Written down now and then, so that the next start knows since when not."""
        now = self.clock()
        if self._remembered is None or not timedelta(0) <= now - self._remembered < REMEMBERED_EVERY:
            with self.db.transaction() as session:
                session.execute(update(Instance).values(ticked_at=now))
            self._remembered = now

    def begin(self) -> None:
        """A server takes over: since the last one stopped nobody has kept the time."""
        now = self.clock()
        self._kept = self.seconds()
        with self.db.transaction() as session:
            last, asleep_since = session.execute(select(Instance.ticked_at, Instance.asleep_since)).one()
            if asleep_since is not None:
                return  # to wake writes down from when to when
            if last is not None and now - last > REMEMBERED_EVERY:
                session.add(Outage(kind=OutageKind.DOWN, began_at=last, ended_at=now))
            session.execute(update(Instance).values(ticked_at=now))

    def note(self, kind: OutageKind, began_at: datetime, ended_at: datetime) -> None:
        with self.db.transaction() as session:
            session.add(Outage(kind=kind, began_at=began_at, ended_at=ended_at))


def causes(session: Session, since: datetime) -> list[Cause]:
    """All that has ended after ``since``; pauses and drains come first, they were somebody's wish."""
    ended = session.scalars(select(Pause).where(Pause.ended_at >= since).order_by(Pause.id.desc()))
    found = [
        Cause(each.began_at, each.ended_at or since, FireReason.PAUSED, _pause_words(each), each) for each in ended
    ]
    late = Outage.kind.in_(REASONS)
    outages = session.scalars(select(Outage).where(Outage.ended_at >= since, late).order_by(Outage.id.desc()))
    drains = session.scalars(select(Drain).where(Drain.ended_at >= since).order_by(Drain.id.desc()))
    found += [Cause(each.began_at, each.ended_at or since, FireReason.DRAIN, _drain_words(each)) for each in drains]
    return found + [_cause(outage) for outage in outages]


def _cause(outage: Outage) -> Cause:
    words = WORDS[outage.kind].format(said(outage.began_at), said(outage.ended_at))
    return Cause(outage.began_at, outage.ended_at, REASONS[outage.kind], words)


def _drain_words(drain: Drain) -> str:
    return f"drained by {drain.began_by or 'somebody'} from {said(drain.began_at)} to {said(drain.ended_at)}"


def _pause_words(pause: Pause) -> str:
    words = f"paused by {pause.began_by or 'somebody'} from {said(pause.began_at)} to {said(pause.ended_at)}"
    return f"{words}: {pause.reason}" if pause.reason else words


def cause_of(found: Iterable[Cause], moment: datetime, due: Any) -> tuple[FireReason, str] | None:
    return next(((cause.reason, cause.words) for cause in found if cause.explains(moment, due)), None)


def said(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "?"
