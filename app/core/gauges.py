"""How much there is of what, as of some seconds ago: a few small looks at the database, by indexes only."""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, text

from app.core.db import Database
from app.core.due import NEXT_FIRE_AT
from app.core.errors import CarillonError
from app.core.models import IS_ACTIVE, IS_QUEUED, Job, Run
from app.core.models.notices import Delivery, FailingJob
from app.core.ports import Clock
from app.core.postroom import IS_PENDING
from app.core.pulse import Monotonic
from app.core.statuses import RunStatus

FRESH_FOR = 2.0  # seconds


@dataclass(frozen=True)
class Gauges:
    """``None`` is nothing, as in "nothing waits"; all are empty when the database does not answer."""

    is_there: bool = False
    lag_seconds: float = 0.0  # of the oldest moment that is due and not decided
    active: dict[RunStatus, int] = field(default_factory=dict)
    oldest_queued_seconds: float | None = None
    failing_jobs: int = 0
    messages: int = 0
    oldest_message_seconds: float | None = None
    database_bytes: int | None = None


class GaugeReader:
    def __init__(self, db: Database, clock: Clock, monotonic: Monotonic = time.monotonic) -> None:
        self.db = db
        self.clock = clock
        self.monotonic = monotonic
        self._read, self._at = Gauges(), float("-inf")
        self._lock = threading.Lock()

    def read(self) -> Gauges:
        """At most some seconds old, however many ask."""
        with self._lock:
            if self.monotonic() - self._at >= FRESH_FOR:
                self._read, self._at = self._look(), self.monotonic()
            return self._read

    def _look(self) -> Gauges:
        if self.db.is_away:
            return Gauges()
        try:
            with self.db.reading() as session:
                connection, now = session.connection(), self.clock()
                next_at = connection.execute(NEXT_FIRE_AT).scalar()
                queued_at = connection.execute(_OLDEST_QUEUED).scalar()
                messages, oldest = connection.execute(_MESSAGES).one()
                return Gauges(
                    is_there=True,
                    lag_seconds=_age(next_at, now) or 0.0,
                    active=dict(connection.execute(_ACTIVE).all()),
                    oldest_queued_seconds=_age(queued_at, now),
                    failing_jobs=connection.execute(_FAILING).scalar() or 0,
                    messages=messages,
                    oldest_message_seconds=_age(oldest, now),
                    database_bytes=connection.execute(_SIZE[self.db.is_sqlite]).scalar(),
                )
        except CarillonError:
            return Gauges()


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())


_ACTIVE = select(Run.status, func.count()).where(IS_ACTIVE).group_by(Run.status)
_OLDEST_QUEUED = select(func.min(Run.queued_at)).where(IS_QUEUED)
_FAILING = (
    select(func.count())
    .select_from(FailingJob)
    .join(Job, Job.id == FailingJob.job_id)
    .where(Job.deleted_at.is_(None), Job.enabled.is_(True))
)
_MESSAGES = select(func.count(), func.min(Delivery.made_at)).where(IS_PENDING)
_SIZE = {
    True: text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
    False: text("SELECT pg_database_size(current_database())"),
}
