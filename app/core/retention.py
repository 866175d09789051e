"""Retention: what grows is kept as long as the rules say, and removed bit by bit.

A look over everything begins once an hour. It goes on in slices of some seconds, one in each run of the upkeep, and
between two of its transactions it gives way to everybody else. Nothing is remembered but the rows themselves: after a
crash the next look begins anew and finds what is left.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core import models, retention_rules
from app.core.db import PATIENT, Database, lock_wait_seconds
from app.core.errors import FieldError, InvalidError, UnavailableError
from app.core.jobs import find_any
from app.core.keeping import Keeping
from app.core.log_cap import LogLimits
from app.core.models import JobRetention, Outage, Pause, Removal, Token
from app.core.ports import Clock
from app.core.pulse import Monotonic
from app.core.removing import MOST_ROWS, Removed, remove
from app.core.retention_kinds import RESULT
from app.core.retention_plan import Plan, Preview, Sum, count, plan, plan_of_job
from app.core.retention_rules import DEFAULTS, ONLY_ROW, Rules, problems_of

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(hours=1)
LIMITS_LAST = timedelta(minutes=1)
GRACE = timedelta(days=7)
"""Nothing is removed before: who starts to use it, or comes from a version without it, shall see the rules first."""
SLICE_SECONDS = 5.0
TOLD = 500
"""Removals that are remembered."""
TOKENS_STAY = timedelta(days=90)
"""Tokens that let nobody in any more are listed for so long."""

GiveWay = Callable[[float], None]
"""Called between two transactions with the seconds that the last one took: wait, and let others go first."""


class Retention:
    def __init__(
        self, db: Database, clock: Clock, keeping: Keeping, seconds: Monotonic, give_way: GiveWay = lambda took: None
    ) -> None:
        self.db = db
        self.keeping = keeping
        self.clock = clock
        self.seconds = seconds
        self.give_way = give_way
        self._looked_at: datetime | None = None
        self._steps: Iterator[Removed] | None = None
        self._told: dict[str, Removal] = {}
        self._limits = DEFAULTS.log_limits
        self._limits_at: datetime | None = None

    # The rules

    def rules(self) -> Rules:
        with self.db.reading() as session:
            return retention_rules.site(session)

    def log_limits(self) -> LogLimits:
        """As of a minute ago at most: asked for at each start of a run."""
        now = self.clock()
        if self._limits_at is None or not timedelta() <= now - self._limits_at < LIMITS_LAST:
            self._limits_at = now  # also when the database is away: runs have to go on
            with suppress(UnavailableError):
                self._limits = self.rules().log_limits
        return self._limits

    def begins_at(self) -> datetime | None:
        """From when on the rules remove anything; ``None`` when they do already."""
        with self.db.reading() as session:
            row = session.get(models.Retention, ONLY_ROW)
        begins_at = row.begins_at if row else self.clock() + GRACE
        return begins_at if begins_at > self.clock() else None

    def save(self, rules: Rules, by: str | None) -> Rules:
        """Raises ``InvalidError``. The next upkeep removes what they say."""
        _check(list(rules.problems()))
        now = self.clock()
        with self.db.transaction() as session:
            stored = {name: value for name, value in asdict(rules).items() if value != getattr(DEFAULTS, name)}
            values = {"rules": stored, "begins_at": now, "updated_at": now, "updated_by": by}
            session.merge(models.Retention(id=ONLY_ROW, **values))
        self._begin_anew()
        return rules

    def preview(self, rules: Rules | None = None) -> Preview:
        """What rules would remove now, by default those that hold. Raises ``InvalidError``."""
        if rules is not None:
            _check(list(rules.problems()))
        with self.db.reading() as session:
            rules = rules or retention_rules.site(session)
            total = Sum()
            for each in self.keeping.all_doomed(session, rules):
                at = each.file.created_at
                total.add(RESULT, each.file.job_id, 1, each.file.size, at, at)
            return _preview(session, plan(session, rules, self.clock()), total)

    def removals(self, limit: int = 20) -> Sequence[Removal]:
        """What was removed, the newest first."""
        with self.db.reading() as session:
            return session.scalars(select(Removal).order_by(Removal.id.desc()).limit(limit)).all()

    # Jobs that differ

    def differing(self, uid: str) -> Mapping[str, int | None]:
        """The rules of a job or queue that are not the site's. Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return retention_rules.differing(session, find_any(session, uid).id)

    def save_differing(self, uid: str, differing: Mapping[str, int | None]) -> None:
        """``differing`` holds some of ``OF_JOBS``, all else is as the site's.

        Raises ``NotFoundError``, ``InvalidError``.
        """
        _check_differing(differing)
        with self.db.transaction() as session:
            _put(session, find_any(session, uid).id, differing)
        self._begin_anew()

    def preview_of(self, uid: str, differing: Mapping[str, int | None]) -> Preview:
        """What the rules would remove of a job, if it differed so. Raises ``NotFoundError``, ``InvalidError``."""
        _check_differing(differing)
        with self.db.reading() as session:
            rules = retention_rules.site(session).of_job(differing)
            return _preview(session, plan_of_job(session, find_any(session, uid).id, rules, self.clock()), Sum())

    # The work

    def work(self) -> int:
        """Remove for some seconds; gives the number of rows. Everything is looked over once an hour."""
        lock_wait_seconds.set(PATIENT)
        if not self._is_due():
            return 0
        until, total = self.seconds() + SLICE_SECONDS, 0
        try:
            for removed in self._going_on():
                total += removed.count
                if self.seconds() >= until:
                    break
        except BaseException:
            self._steps = None
            raise
        finally:
            self._tell()
        return total

    def _is_due(self) -> bool:
        now = self.clock()
        if self._steps is not None:
            return True
        if self._looked_at is not None and timedelta() <= now - self._looked_at < LOOK_EVERY:
            return False
        return self._begins() <= now

    def _begins(self) -> datetime:
        """The first look at a database writes down when the first removal may be."""
        with self.db.reading() as session:
            row = session.get(models.Retention, ONLY_ROW)
        if row is not None:
            return row.begins_at
        now = self.clock()
        with self.db.transaction() as session:
            first = models.Retention(id=ONLY_ROW, rules={}, begins_at=now + GRACE, updated_at=now)
            session.add(first)
        return now + GRACE

    def _going_on(self) -> Iterator[Removed]:
        """The steps that are left of this look, each a transaction, with a rest after each."""
        if self._steps is None:
            self._looked_at, self._told = self.clock(), {}
            self._steps = self.steps()
        began = self.seconds()
        for removed in self._steps:
            self._count(removed)
            self.give_way(self.seconds() - began)
            yield removed
            began = self.seconds()
        self._steps = None

    def steps(self) -> Iterator[Removed]:
        """One look over everything: each step is a transaction that has been committed."""
        now = self.clock()
        with self.db.reading() as session:
            rules = retention_rules.site(session)
            walks = plan(session, rules, now)
        yield from remove(self.db, walks, now)
        yield from self._tidy(rules, now)

    def _tidy(self, rules: Rules, now: datetime) -> Iterator[Removed]:
        """What is little, but only grows. Pauses and outages explain moments, and go as these do."""
        if rules.moment_days is not None:
            before = now - timedelta(days=rules.moment_days)
            yield from self._delete(Outage, Outage.ended_at < before)
            yield from self._delete(Pause, Pause.ended_at < before)
        over = now - TOKENS_STAY
        yield from self._delete(Token, (Token.revoked_at < over) | (Token.expires_at < over))
        with self.db.reading() as session:
            oldest = session.scalar(select(Removal.id).order_by(Removal.id.desc()).offset(TOLD).limit(1))
        yield from self._delete(Removal, Removal.id <= (oldest or 0))

    def _delete(self, table: type[models.Base], condition: object) -> Iterator[Removed]:
        while True:
            some = select(table.id).where(condition).order_by(table.id).limit(MOST_ROWS)  # type: ignore[attr-defined, arg-type]
            with self.db.reading() as session:
                ids = session.scalars(some).all()
            if not ids:
                return
            with self.db.transaction() as session:
                session.execute(delete(table).where(table.id.in_(ids)))  # type: ignore[attr-defined]
            yield Removed("other", len(ids))

    def _begin_anew(self) -> None:
        self._steps = self._looked_at = self._limits_at = None
        self.keeping.look_again()

    # What it tells

    def _count(self, removed: Removed) -> None:
        if removed.kind == "other":
            return
        told = self._told.get(removed.kind)
        if told is None:
            now = self.clock()
            told = Removal(kind=removed.kind, began_at=now, ended_at=now, count=0, bytes=0, detail="")
            self._told[removed.kind] = told
        told.count, told.bytes, told.ended_at = told.count + removed.count, told.bytes + removed.bytes, self.clock()

    def _tell(self) -> None:
        told = [removal for removal in self._told.values() if removal.count]
        if told:
            with self.db.transaction() as session:
                session.add_all(told)  # the first time a new row, then a change of it


def _check(problems: list[FieldError]) -> None:
    if problems:
        raise InvalidError(problems)


def _check_differing(differing: Mapping[str, int | None]) -> None:
    _check([problem for name, value in differing.items() for problem in problems_of(name, value)])


def _put(session: Session, job_id: int, differing: Mapping[str, int | None]) -> None:
    session.execute(delete(JobRetention).where(JobRetention.job_id == job_id))
    if differing:
        session.add(JobRetention(job_id=job_id, rules=dict(differing)))


def _preview(session: Session, walks: Plan, total: Sum) -> Preview:
    count(session, walks, total)
    return total.preview(session)
