"""How long results are kept: rules of jobs, and pins that no rule touches.

What a rule deletes is marked first and is gone for everybody from then on; its file and its row follow. After a crash
in between the next upkeep goes on where the marks are.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core import results
from app.core.db import Database
from app.core.errors import FieldError, InvalidError
from app.core.models import KeepRule, ResultFile
from app.core.ports import Clock

log = logging.getLogger(__name__)

AT_ONCE = 500  # rows in one transaction
LOOK_EVERY = timedelta(minutes=1)
LARGEST = {"days": 36_500, "count": 10**9, "bytes": 2**53}


@dataclass(frozen=True)
class Rule:
    """``None`` asks for nothing. Of all that is set, the first that a file exceeds deletes it."""

    days: int | None = None  # since it was made
    count: int | None = None
    bytes: int | None = None  # of all that are kept

    @classmethod
    def of(cls, row: KeepRule | None) -> "Rule":
        return cls(row.days, row.count, row.bytes) if row else cls()

    def problems(self) -> Iterator[FieldError]:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 1 <= value <= LARGEST[field.name]:
                yield FieldError(field.name, f"must be from 1 to {LARGEST[field.name]}")


@dataclass(frozen=True)
class Doomed:
    """A file that a rule deletes, and why."""

    file: Any  # the columns that ``_FILES`` selects
    reason: str


def doomed(rule: Rule, files: Sequence[Any], now: datetime) -> list[Doomed]:
    """What a rule deletes of a job's files, which come newest first.

    Pinned files are neither deleted nor counted, and the newest result that is given out is never deleted.
    """
    found, kept, size = [], 0, 0
    latest = next((file.id for file in files if file.held is None), None)
    for file in files:
        if file.pinned:
            continue
        reason = None if file.id == latest else _reason(rule, file, kept, size, now)
        if reason:
            found.append(Doomed(file, reason))
        else:
            kept, size = kept + 1, size + file.size
    return found


def _reason(rule: Rule, file: Any, kept: int, size: int, now: datetime) -> str | None:
    if rule.days is not None and now - file.created_at > timedelta(days=rule.days):
        return f"older than {rule.days} day{'s' if rule.days > 1 else ''}"
    if rule.count is not None and kept >= rule.count:
        return f"more than {rule.count}"
    if rule.bytes is not None and size + file.size > rule.bytes:
        return f"more than {rule.bytes} bytes in all"
    return None


_FILES = (
    select(
        ResultFile.id, ResultFile.name, ResultFile.size, ResultFile.created_at, ResultFile.pinned, ResultFile.held,
        ResultFile.run_id,
    )
    .where(ResultFile.removed_at.is_(None))
    .order_by(ResultFile.id.desc())
)  # fmt: skip


class Keeping:
    def __init__(self, db: Database, clock: Clock, unlink: Callable[[str], None]) -> None:
        """``unlink`` takes the file at a path of the store away; one that is gone already is no error."""
        self.db = db
        self.clock = clock
        self.unlink = unlink
        self._looked_at: datetime | None = None

    def rule(self, job_id: int) -> Rule:
        with self.db.reading() as session:
            return Rule.of(session.get(KeepRule, job_id))

    def save(self, job_id: int, rule: Rule) -> Rule:
        """Raises ``InvalidError``. The next upkeep deletes what it says."""
        _check(rule)
        with self.db.transaction() as session:
            session.merge(KeepRule(job_id=job_id, days=rule.days, count=rule.count, bytes=rule.bytes))
        self._looked_at = None
        return rule

    def preview(self, job_id: int, rule: Rule) -> list[Doomed]:
        """What a rule would delete now. Raises ``InvalidError``."""
        _check(rule)
        with self.db.reading() as session:
            return self._doomed(session, job_id, rule)

    def pin(self, file_id: int, *, pinned: bool) -> ResultFile:
        """A pinned result is never deleted. Raises ``NotFoundError``."""
        with self.db.transaction() as session:
            made = results.find(session, file_id)
            made.pinned = pinned
        return made

    def sweep(self) -> int:
        """Delete what the rules say; gives the number of files. Rules are looked at once a minute."""
        now = self.clock()
        if self._looked_at is None or not timedelta() <= now - self._looked_at < LOOK_EVERY:
            self._looked_at = now
            for job_id, rule in self._rules():
                self._mark(job_id, rule, now)
        return self._wipe()

    def _rules(self) -> list[tuple[int, Rule]]:
        with self.db.reading() as session:
            return [(row.job_id, Rule.of(row)) for row in session.scalars(select(KeepRule))]

    def _doomed(self, session: Session, job_id: int, rule: Rule) -> list[Doomed]:
        if rule == Rule():
            return []
        return doomed(rule, session.execute(_FILES.where(ResultFile.job_id == job_id)).all(), self.clock())

    def _mark(self, job_id: int, rule: Rule, now: datetime) -> None:
        with self.db.reading() as session:
            found = self._doomed(session, job_id, rule)
        for part in _parts(found):
            with self.db.transaction() as session:
                ids = [each.file.id for each in part]
                # somebody may have pinned one since
                unpinned = update(ResultFile).where(ResultFile.id.in_(ids), ResultFile.pinned.is_(False))
                session.execute(unpinned.values(removed_at=now))
        for each in found:
            log.info("result file %s of run %s is deleted: %s", each.file.id, each.file.run_id, each.reason)

    def _wipe(self) -> int:
        with self.db.reading() as session:
            marked = select(ResultFile.id, ResultFile.path).where(ResultFile.removed_at.is_not(None))
            rows = session.execute(marked.order_by(ResultFile.id)).all()
        gone = [row.id for row in rows if self._is_unlinked(row.path)]
        for part in _parts(gone):
            with self.db.transaction() as session:
                session.execute(delete(ResultFile).where(ResultFile.id.in_(part)))
        return len(gone)

    def _is_unlinked(self, path: str) -> bool:
        try:
            self.unlink(path)
        except OSError as error:
            log.warning("the result file %s cannot be deleted, and is tried again: %s", path, error)
            return False
        return True


def _parts(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (things[start : start + AT_ONCE] for start in range(0, len(things), AT_ONCE))


def _check(rule: Rule) -> None:
    if problems := list(rule.problems()):
        raise InvalidError(problems)
