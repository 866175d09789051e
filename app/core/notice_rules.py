"""Who is told about what: a rule of the site, of a group, of a job. The nearest one counts alone.

A rule that names nobody is silence: a job can be kept out of what its group is told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.connections import Vault
from app.core.db import Database
from app.core.errors import FieldError, InvalidError, NotFoundError
from app.core.models import Job
from app.core.models.notices import NoticeRule
from app.core.ports import Clock
from app.core.statuses import NoticeKind, NoticeScope

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
URL = re.compile(r"https?://[!-~]{1,2000}")
MOST_ADDRESSES = 50
MOST_MISSED = 1_000_000
USUAL = (NoticeKind.FAILURE, NoticeKind.RECOVERY, NoticeKind.INTERRUPTED, NoticeKind.HELD, NoticeKind.MISSED)


@dataclass(frozen=True)
class Rule:
    kinds: Sequence[NoticeKind] = USUAL
    each_failure: bool = False  # not only the first in a row
    missed_from: int = 1  # so many missed starts of a job within a minute are told, not fewer
    mail: Sequence[str] = ()
    webhook: str | None = None  # the whole URL

    @property
    def is_silent(self) -> bool:
        return not self.kinds or not (self.mail or self.webhook)

    def wants(self, kind: NoticeKind, count: int) -> bool:
        if kind not in self.kinds:
            return False
        if kind is NoticeKind.MISSED:
            return count >= self.missed_from
        return kind is not NoticeKind.FAILURE or self.each_failure or count == 1

    def problems(self) -> Iterator[FieldError]:
        wrong = [address for address in self.mail if not ADDRESS.fullmatch(address)]
        if wrong:
            yield FieldError("mail", f"{wrong[0]!r} is no mail address")
        if len(self.mail) > MOST_ADDRESSES:
            yield FieldError("mail", f"name at most {MOST_ADDRESSES}; a list of the mail server takes more")
        if self.webhook is not None and not _is_url(self.webhook):
            yield FieldError("webhook", "must be an http:// or https:// URL without a user")
        if not 1 <= self.missed_from <= MOST_MISSED:
            yield FieldError("missed_from", f"must be from 1 to {MOST_MISSED}")


@dataclass(frozen=True)
class RuleView:
    """A rule as it may be shown, and for whom it is."""

    scope: NoticeScope
    name: str  # of the group or the job, empty for the site
    job: Job | None  # or a queue
    rule: Rule  # its webhook is shortened

    @property
    def uid(self) -> str | None:
        return self.job.uid if self.job else None


class NoticeRules:
    def __init__(self, db: Database, clock: Clock, vault: Vault) -> None:
        self.db = db
        self.clock = clock
        self.vault = vault

    def list(self) -> Sequence[RuleView]:
        """The site's first, then groups and jobs by name."""
        query = select(NoticeRule).where(NoticeRule.scope != NoticeScope.JOB).order_by(NoticeRule.name)
        with self.db.reading() as session:
            wide = [RuleView(row.scope, row.name, None, self._shown(row)) for row in session.scalars(query)]
            of_jobs = [RuleView(NoticeScope.JOB, job.name, job, self._shown(row)) for job, row in _jobs(session)]
        return sorted(wide, key=lambda view: view.scope is not NoticeScope.SITE) + of_jobs

    def get(self, scope: NoticeScope, name: str = "") -> Rule | None:
        """As it may be shown; ``name`` is that of a group, or the uid of a job. Raises ``NotFoundError``."""
        with self.db.reading() as session:
            row = _row(session, scope, _key(session, scope, name))
            return self._shown(row) if row else None

    def of_job(self, job: Job) -> tuple[NoticeScope, Rule] | None:
        """The rule that counts for a job, as it may be shown, and whose it is."""
        with self.db.reading() as session:
            row = next(filter(None, (_row(session, scope, key) for scope, key in _keys(job))), None)
            return (row.scope, self._shown(row)) if row else None

    def save(self, scope: NoticeScope, name: str, rule: Rule, by: str | None) -> Rule:
        """Replace a rule. A webhook that is given as it is shown stays what it is.

        Raises ``NotFoundError``, ``InvalidError``.
        """
        with self.db.transaction() as session:
            key = _key(session, scope, name)
            row = _row(session, scope, key)
            kept = row is not None and row.webhook is not None and rule.webhook == self._shown(row).webhook
            if problems := list(Rule(mail=rule.mail, missed_from=rule.missed_from,
                                     webhook=None if kept else rule.webhook).problems()):  # fmt: skip
                raise InvalidError(problems)
            if row is None:
                row = NoticeRule(scope=scope, name=key, webhook=None)
                session.add(row)
            if not kept:
                row.webhook = self.vault.seal(rule.webhook) if rule.webhook else None
            row.kinds, row.each_failure = [kind.value for kind in NoticeKind if kind in rule.kinds], rule.each_failure
            row.missed_from, row.mail = rule.missed_from, list(dict.fromkeys(rule.mail))
            row.updated_at, row.updated_by = self.clock(), by
            return self._shown(row)

    def remove(self, scope: NoticeScope, name: str = "") -> None:
        """Raises ``NotFoundError``."""
        with self.db.transaction() as session:
            row = _row(session, scope, _key(session, scope, name))
            if row is None:
                raise NotFoundError("there is no such rule")
            session.delete(row)

    def opened(self, scope: NoticeScope, name: str = "") -> Rule:
        """With the whole webhook, for who sends. Raises ``NotFoundError``, ``InvalidError``."""
        with self.db.reading() as session:
            row = _row(session, scope, _key(session, scope, name))
        if row is None:
            raise NotFoundError("there is no such rule")
        return self._rule(row, self.vault.open(row.webhook) if row.webhook else None)

    def _shown(self, row: NoticeRule) -> Rule:
        if row.webhook is None:
            return self._rule(row, None)
        try:
            return self._rule(row, shown(self.vault.open(row.webhook)))
        except InvalidError:
            return self._rule(row, "(stored with another secret key; enter it again)")

    def _rule(self, row: NoticeRule, webhook: str | None) -> Rule:
        kinds = tuple(NoticeKind(kind) for kind in row.kinds)
        return Rule(kinds, row.each_failure, row.missed_from, tuple(row.mail), webhook)


def all_of(session: Session) -> Mapping[tuple[NoticeScope, str], NoticeRule]:
    return {(row.scope, row.name): row for row in session.scalars(select(NoticeRule))}


def nearest(rules: Mapping[tuple[NoticeScope, str], NoticeRule], job: Job) -> NoticeRule | None:
    return next((rules[key] for key in _keys(job) if key in rules), None)


def wants(row: NoticeRule, kind: NoticeKind, count: int) -> bool:
    kinds = tuple(NoticeKind(name) for name in row.kinds)
    return Rule(kinds, row.each_failure, row.missed_from).wants(kind, count)


def shown(url: str) -> str:
    """A webhook without what may be secret: its path and its query."""
    parts = urlsplit(url)
    bare = f"{parts.scheme}://{parts.netloc}"
    return url if url.rstrip("/") == bare else f"{bare}/…"


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(URL.fullmatch(url) and parts.hostname and parts.port != 0 and "@" not in parts.netloc)
    except ValueError:
        return False


def _keys(job: Job) -> list[tuple[NoticeScope, str]]:
    return [(NoticeScope.JOB, str(job.id)), (NoticeScope.GROUP, job.group), (NoticeScope.SITE, "")]


def _key(session: Session, scope: NoticeScope, name: str) -> str:
    if scope is NoticeScope.SITE:
        return ""
    if scope is NoticeScope.GROUP:
        if not name.strip():
            raise InvalidError.of("name", "name a group")
        return name.strip()
    job_id = session.scalar(select(Job.id).where(Job.uid == name, Job.deleted_at.is_(None)))
    if job_id is None:
        raise NotFoundError(f"no job with uid {name!r}")
    return str(job_id)


def _row(session: Session, scope: NoticeScope, key: str) -> NoticeRule | None:
    return session.scalar(select(NoticeRule).where(NoticeRule.scope == scope, NoticeRule.name == key))


def _jobs(session: Session) -> list[tuple[Job, NoticeRule]]:
    rows = {int(row.name): row for row in session.scalars(select(NoticeRule)) if row.scope is NoticeScope.JOB}
    jobs = session.scalars(select(Job).where(Job.id.in_(rows), Job.deleted_at.is_(None)).order_by(Job.name))
    return [(job, rows[job.id]) for job in jobs]
