"""Many triggers that keep a server busy, and the moments that are expected of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select, text, update

from app.adapters.clock import utc_now
from app.adapters.migrations import migrate
from app.core.db import Database
from app.core.models import Job, Trigger
from app.core.statuses import TriggerKind

EVERY = 2  # seconds; every 25th trigger takes twice as long: 500 triggers fire 245 times a second
LONG_EVERY = 100  # jobs: most are over in a millisecond, these are likely to be met by a kill
LONG_MILLISECONDS = 300


@dataclass(frozen=True)
class Expected:
    """What a trigger is to fire at: ``anchor`` and every so often after it, until ``last`` inclusive."""

    trigger_id: int
    anchor: datetime
    every: timedelta
    last: datetime

    def moments(self) -> list[datetime]:
        count = (self.last - self.anchor) // self.every + 1
        return [self.anchor + number * self.every for number in range(count)]


def fill(db: Database, triggers: int, book: Path, until: datetime | None = None) -> None:
    """One job for each trigger, its moments spread evenly over the interval; none after ``until``."""
    now = utc_now()
    migrate(db, now)
    anchor = now.replace(microsecond=0) + timedelta(seconds=2)
    common = {"job_type": "WITNESS", "enabled": True, "created_at": now, "updated_at": now}
    jobs = [
        {"id": n, "uid": f"w{n:010}", "name": f"witness {n}", "parameters": parameters(n, book), **common}
        for n in range(1, triggers + 1)
    ]
    starts = [anchor + timedelta(seconds=EVERY * n / triggers) for n in range(triggers)]
    rows = [
        {"id": n, "job_id": n, "kind": TriggerKind.SIMPLE, "timezone": "UTC", "misfire": "ignore_misfire_policy",
         "every_seconds": EVERY * (1 if n % 25 else 2), "start_at": at, "next_fire_at": at,
         "end_at": until}
        for n, at in enumerate(starts, 1)
    ]  # fmt: skip
    with db.transaction() as session:
        session.execute(insert(Job), jobs)
        session.execute(insert(Trigger), rows)
        if not db.is_sqlite:  # it does not see that these numbers are taken
            for table in ("job", "trigger"):
                session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {triggers})"))


def parameters(number: int, book: Path) -> dict[str, object]:
    return {"book": str(book), "milliseconds": LONG_MILLISECONDS if number % LONG_EVERY == 0 else 0}


def end(db: Database) -> None:
    """No moments after now, for no trigger. To be called while no server runs."""
    now = utc_now()
    with db.transaction() as session:
        session.execute(update(Trigger).where(Trigger.id.in_(_witnesses())).values(end_at=now))
        session.execute(update(Trigger).where(Trigger.next_fire_at > now).values(next_fire_at=None))


def expected(db: Database) -> Sequence[Expected]:
    query = select(Trigger.id, Trigger.start_at, Trigger.every_seconds, Trigger.end_at)
    with db.reading() as session:
        return [
            Expected(row.id, row.start_at, timedelta(seconds=row.every_seconds), row.end_at)
            for row in session.execute(query.where(Trigger.id.in_(_witnesses())))
        ]


def _witnesses():  # type: ignore[no-untyped-def]
    return select(Trigger.id).join(Job).where(Job.job_type == "WITNESS")
