"""How long results are kept: rules of jobs and of the site, a budget for all, and pins that none of these touches.

What goes is marked first and is gone for everybody from then on; its file and its row follow. After a crash in between
the next upkeep goes on where the marks are.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core import folder_budget, results, retention_rules
from app.core.db import Database
from app.core.errors import InvalidError
from app.core.keeping_rules import FILES, doomed
from app.core.keeping_rules import Doomed as Doomed
from app.core.keeping_rules import Rule as Rule
from app.core.models import KeepRule, Removal, ResultFile
from app.core.ports import Clock
from app.core.retention_kinds import RESULT
from app.core.retention_rules import Rules

log = logging.getLogger(__name__)

AT_ONCE = 500  # rows in one transaction
LOOK_EVERY = timedelta(minutes=1)


class Keeping:
    def __init__(
        self, db: Database, clock: Clock, unlink: Callable[[str], None], disk_bytes: Callable[[], int] = lambda: 0
    ) -> None:
        """``unlink`` takes the file at a path of the store away; one that is gone already is no error.

        ``disk_bytes`` gives the size of the disk on which they lie.
        """
        self.db = db
        self.clock = clock
        self.unlink = unlink
        self.disk_bytes = disk_bytes
        self._looked_at: datetime | None = None

    def rule(self, job_id: int) -> Rule:
        """The job's own, else the site's."""
        with self.db.reading() as session:
            own = session.get(KeepRule, job_id)
            return Rule.of(own) if own else site_rule(retention_rules.site(session))

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

    def all_doomed(self, session: Session, rules: Rules) -> list[Doomed]:
        """What all keep-rules and the budget would delete now, if these were the site's rules."""
        found = [each for job_id, rule in _rules(session, rules) for each in self._doomed(session, job_id, rule)]
        most = folder_budget.budget(rules, self.disk_bytes())
        if most is None:
            return found
        going, freed = {each.file.id for each in found}, sum(each.file.size for each in found)
        return found + folder_budget.beyond(session, most, going, freed)

    def over_budget(self) -> int:
        """By how many bytes all results together exceed their budget."""
        with self.db.reading() as session:
            most = folder_budget.budget(retention_rules.site(session), self.disk_bytes())
            return 0 if most is None else max(0, folder_budget.total(session) - most)

    def pin(self, file_id: int, *, pinned: bool) -> ResultFile:
        """A pinned result is never deleted. Raises ``NotFoundError``."""
        with self.db.transaction() as session:
            made = results.find(session, file_id)
            made.pinned = pinned
        return made

    def look_again(self) -> None:
        """Rules have changed: the next upkeep need not wait."""
        self._looked_at = None

    def sweep(self) -> int:
        """Delete what the rules say; gives the number of files. Rules are looked at once a minute."""
        now = self.clock()
        if self._looked_at is None or not timedelta() <= now - self._looked_at < LOOK_EVERY:
            self._looked_at = now
            with self.db.reading() as session:
                found = self.all_doomed(session, retention_rules.site(session))
            self._mark(found, now)
        return self._wipe()

    def _doomed(self, session: Session, job_id: int, rule: Rule) -> list[Doomed]:
        if rule == Rule():
            return []
        return doomed(rule, session.execute(FILES.where(ResultFile.job_id == job_id)).all(), self.clock())

    def _mark(self, found: Sequence[Doomed], now: datetime) -> None:
        for part in _parts(found):
            with self.db.transaction() as session:
                ids = [each.file.id for each in part]
                # somebody may have pinned one since
                unpinned = update(ResultFile).where(ResultFile.id.in_(ids), ResultFile.pinned.is_(False))
                session.execute(unpinned.values(removed_at=now))
                session.add_all(_told(part, now))
        for each in found:
            log.info("result file %s of run %s is deleted: %s", each.file.id, each.file.run_id, each.reason,
                     extra={"run_id": each.file.run_id})  # fmt: skip

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


def _rules(session: Session, rules: Rules) -> Iterator[tuple[int, Rule]]:
    """By job: its own rule, else the site's."""
    own = {row.job_id: Rule.of(row) for row in session.scalars(select(KeepRule))}
    yield from own.items()
    if (of_site := site_rule(rules)) != Rule():
        others = session.scalars(select(ResultFile.job_id).distinct().order_by(ResultFile.job_id))
        yield from ((job_id, of_site) for job_id in others if job_id not in own)


def site_rule(rules: Rules) -> Rule:
    return Rule(rules.result_days, rules.result_count, rules.result_bytes)


def _told(found: Sequence[Doomed], now: datetime) -> Iterator[Removal]:
    """One row for each reason."""
    for reason, group in groupby(sorted(found, key=lambda each: each.reason), key=lambda each: each.reason):
        files = [each.file for each in group]
        size = sum(file.size for file in files)
        yield Removal(kind=RESULT, began_at=now, ended_at=now, count=len(files), bytes=size, detail=reason)


def _check(rule: Rule) -> None:
    if problems := list(rule.problems()):
        raise InvalidError(problems)
