"""The postroom: makes messages of what there is to tell, and keeps the book of what became of each.

At least once: a message is struck off only when its recipient has taken it, and carries the same id in all tries.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from app.core import notice_rules, results
from app.core.connections import Vault
from app.core.db import Database
from app.core.error_text import storable
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import QUEUE, Job
from app.core.models.notices import PENDING_SQL, Delivery, Notice
from app.core.notice_rules import NoticeRules, shown
from app.core.notice_texts import Message, Site, Told, message, test_message
from app.core.ports import Clock
from app.core.pulse import Monotonic
from app.core.statuses import Channel, DeliveryStatus, NoticeKind, NoticeScope
from app.core.uids import new_secret

GATHER_SECONDS = 10.0
"""After the first thing that happens others are waited for: an outage interrupts many runs, and is one message."""
WINDOW_SECONDS = 60.0  # at most one message in so long to each recipient
AT_ONCE = 5000  # notices in one message
PART = 500  # rows in one statement
AFTER = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 600, 1200, 1800, 3600))
"""The next try, after the first, second ... that failed; the last one repeats."""
GIVE_UP_AFTER = timedelta(hours=24)
MOST_ERROR = 500  # characters
IS_PENDING = text(f"delivery.{PENDING_SQL}")
LARGEST_ID = 2**63 - 1
Recipient = tuple[Channel, str]


@dataclass(frozen=True)
class Due:
    """A message to send now; ``target`` is open."""

    id: int
    uid: str
    channel: Channel
    target: str
    subject: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Outbox:
    pending: int
    oldest_at: datetime | None


class Postroom:
    def __init__(self, db: Database, clock: Clock, monotonic: Monotonic, vault: Vault, site: Site) -> None:
        self.db = db
        self.clock = clock
        self.monotonic = monotonic
        self.vault = vault
        self.site = site
        self._seen_at: float | None = None  # when there was first something to tell
        self._made_at: float | None = None

    # Messages

    def make(self) -> int:
        """Make messages of what there is to tell, once it is time. Gives their number."""
        with self.db.reading() as session:
            has_something = session.scalar(select(Notice.id).limit(1)) is not None
        if not has_something:
            self._seen_at = None
            return 0
        return self._make() if self._is_time() else 0

    def _is_time(self) -> bool:
        now = self.monotonic()
        if self._seen_at is None:
            self._seen_at = now
        gathered = now - self._seen_at >= GATHER_SECONDS
        return gathered and (self._made_at is None or now - self._made_at >= WINDOW_SECONDS)

    def _make(self) -> int:
        """Read, write the messages outside of any transaction, then store them and strike off what they tell."""
        with self.db.reading() as session:
            ids, for_whom = self._look(session)
        rows = [self._written(who, told) for who, told in for_whom.items()]
        with self.db.transaction() as session:
            if rows:
                session.execute(insert(Delivery), rows)
            for start in range(0, len(ids), PART):
                session.execute(delete(Notice).where(Notice.id.in_(ids[start : start + PART])))
        self._made_at, self._seen_at = self.monotonic(), None
        return len(rows)

    def _look(self, session: Session) -> tuple[Sequence[int], Mapping[Recipient, list[Told]]]:
        notices = session.scalars(select(Notice).order_by(Notice.id).limit(AT_ONCE)).all()
        jobs = {job.id: job for job in _by_ids(session, {notice.job_id for notice in notices})}
        files = results.newest(session, jobs)
        rules = notice_rules.all_of(session)
        found: dict[Recipient, list[Told]] = defaultdict(list)
        for notice, count in _merged(notices):
            job = jobs[notice.job_id]
            rule = notice_rules.nearest(rules, job)
            if rule and notice_rules.wants(rule, notice.kind, count):
                file = files.get(job.id)
                told = _told(notice, count, job, file.name if file else None)
                for who in _recipients(rule):
                    found[who].append(told)
        return [notice.id for notice in notices], found

    def _written(self, who: Recipient, told: Sequence[Told]) -> dict[str, Any]:
        uid = new_secret()
        return self._row(who, uid, message(uid, told, self.site))

    def _row(self, who: Recipient, uid: str, said: Message) -> dict[str, Any]:
        channel, target = who
        now = self.clock()
        is_mail = channel is Channel.MAIL
        return {
            "uid": uid,
            "channel": channel,
            "target": target,
            "shown": target if is_mail else self._shown(target),
            "subject": said.subject,
            "content": {"text": said.text, "html": said.html} if is_mail else said.body,
            "status": DeliveryStatus.PENDING,
            "tries": 0,
            "made_at": now,
            "next_try_at": now,
        }

    def _shown(self, sealed: str) -> str:
        try:
            return shown(self.vault.open(sealed))
        except InvalidError:  # one rule must not keep all others from being told; who sends gives it up
            return "(stored with another secret key)"

    def test(self, rules: NoticeRules, scope: NoticeScope, name: str, by: str | None) -> int:
        """Send a test to all whom a rule names. Gives their number. Raises ``NotFoundError``, ``InvalidError``."""
        rule = rules.opened(scope, name)
        who: list[Recipient] = [(Channel.MAIL, address) for address in rule.mail]
        if rule.webhook:
            who.append((Channel.WEBHOOK, self.vault.seal(rule.webhook)))
        if not who:
            raise InvalidError.of("mail", "the rule names nobody")
        uids = [new_secret() for _ in who]
        rows = [self._row(each, uid, test_message(uid, by, self.site)) for each, uid in zip(who, uids, strict=True)]
        with self.db.transaction() as session:
            session.execute(insert(Delivery), rows)
        return len(rows)

    # Sending

    def due(self, *, without: Collection[Channel] = (), limit: int = PART) -> Sequence[Due]:
        """What is to be sent now, the longest waiting first. What cannot be opened any more is given up."""
        query = select(Delivery).where(IS_PENDING, Delivery.next_try_at <= self.clock())
        query = query.where(Delivery.channel.not_in(without))
        with self.db.reading() as session:
            rows = session.scalars(query.order_by(Delivery.next_try_at, Delivery.id).limit(limit)).all()
        return [opened for row in rows if (opened := self._opened(row))]

    def _opened(self, row: Delivery) -> Due | None:
        try:
            target = row.target if row.channel is Channel.MAIL else self.vault.open(row.target)
        except InvalidError as error:
            self.failed(row.id, error.message, is_final=True)
            return None
        return Due(row.id, row.uid, row.channel, target, row.subject, row.content)

    def sent(self, delivery_id: int) -> None:
        with self.db.transaction() as session:
            row = session.get(Delivery, delivery_id)
            if row is not None:  # somebody may have removed it meanwhile
                row.status, row.ended_at, row.next_try_at = DeliveryStatus.SENT, self.clock(), None
                row.tries, row.error = row.tries + 1, None

    def failed(self, delivery_id: int, error: str, *, is_final: bool = False) -> None:
        """It is tried again later; after a day, or when ``is_final``, it is given up."""
        now = self.clock()
        with self.db.transaction() as session:
            row = session.get(Delivery, delivery_id)
            if row is None:
                return
            row.tries, row.error = row.tries + 1, storable(error, MOST_ERROR)
            if is_final or now - row.made_at >= GIVE_UP_AFTER:
                row.status, row.ended_at, row.next_try_at = DeliveryStatus.GIVEN_UP, now, None
            else:
                row.next_try_at = now + AFTER[min(row.tries, len(AFTER)) - 1]

    # The book

    def list(
        self, *, status: DeliveryStatus | None = None, before: int | None = None, limit: int = 50
    ) -> Sequence[Delivery]:
        """Newest first; ``before`` is the id of the last one of the page before."""
        query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
        if status is not None:
            query = query.where(Delivery.status == status)
        if before is not None:
            query = query.where(Delivery.id < before)
        with self.db.reading() as session:
            return session.scalars(query).all()

    def send_again(self, delivery_id: int) -> Delivery:
        """Try one that was given up, or waits for its next try, now. Raises ``NotFoundError``, ``ConflictError``."""
        with self.db.transaction() as session:
            row = session.get(Delivery, delivery_id) if delivery_id <= LARGEST_ID else None
            if row is None:
                raise NotFoundError(f"no delivery {delivery_id}")
            if row.status is DeliveryStatus.SENT:
                raise ConflictError("it has been sent", code="sent")
            if row.status is DeliveryStatus.GIVEN_UP:
                row.made_at = self.clock()  # a day begins anew
            row.status, row.next_try_at, row.ended_at = DeliveryStatus.PENDING, self.clock(), None
        return row

    def outbox(self) -> Outbox:
        """What waits to be sent."""
        query = select(func.count(), func.min(Delivery.made_at)).where(IS_PENDING)
        with self.db.reading() as session:
            return Outbox(*session.execute(query).one())

    def forget_before(self, moment: datetime) -> int:
        """Remove what has been dealt with before then. Gives the number."""
        with self.db.reading() as session:
            ids = session.scalars(select(Delivery.id).where(Delivery.ended_at < moment).limit(PART)).all()
        if ids:
            with self.db.transaction() as session:
                session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
        return len(ids)


def _by_ids(session: Session, ids: Iterable[int]) -> list[Job]:
    wanted = sorted(ids)
    parts = (wanted[start : start + PART] for start in range(0, len(wanted), PART))
    return [job for part in parts for job in session.scalars(select(Job).where(Job.id.in_(part)))]


def _merged(notices: Sequence[Notice]) -> list[tuple[Notice, int]]:
    """With their counts. Missed starts of a job are told in one: how many there were decides whether they are told."""
    missed: dict[int, int] = defaultdict(int)
    for notice in notices:
        if notice.kind is NoticeKind.MISSED:
            missed[notice.job_id] += notice.count
    counts = ((notice, missed.pop(notice.job_id, 0) if notice.kind is NoticeKind.MISSED else notice.count)
              for notice in notices)  # fmt: skip
    return [(notice, count) for notice, count in counts if count]


def _told(notice: Notice, count: int, job: Job, result: str | None) -> Told:
    page = "queues" if job.job_type == QUEUE else "jobs"
    path = f"/runs/{notice.run_id}" if notice.run_id is not None else f"/{page}/{job.uid}"
    return Told(
        notice.kind, notice.at, job.name, job.uid, job.group, path, notice.run_id, count, notice.since,
        notice.words, job.last_success_for, result,
    )  # fmt: skip


def _recipients(rule: Any) -> list[Recipient]:
    mail: list[Recipient] = [(Channel.MAIL, address) for address in rule.mail]
    return [*mail, (Channel.WEBHOOK, rule.webhook)] if rule.webhook else mail
