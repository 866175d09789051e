"""Makes APScheduler's table say what ours say, a part at a time.

To look at 100,000 triggers at once held up the timer for 0.8 s, every minute and after every change.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.orm import Session

from app.core.models import Trigger

if TYPE_CHECKING:
    from app.adapters.apscheduler_timer import ParkingJobStore

AT_ONCE = 2_000  # triggers
PREFIX = "trigger-"  # of a row's id, before the trigger's


class Found(NamedTuple):
    """What one part of the triggers has in the table. ``last`` is the id to go on after, ``None`` at the end."""

    missing: list[Any]  # rows with ``id`` and ``next_fire_at``
    wrong: list[Any]
    last: int | None

    @property
    def faults(self) -> int:
        return len(self.missing) + len(self.wrong)


def parts(store: "ParkingJobStore") -> Iterator[int]:
    """Mend part after part, each in a transaction of its own where it needs one; yields how many rows were wrong."""
    after: int | None = 0
    while after is not None:
        with store.db.reading() as session:
            found = _look(store, session, after)
        if found.faults:
            with store.db.transaction() as session:
                found = _look(store, session, after)  # what it was may have changed before the lock was ours
                store.add(session, found.missing)
                store.project(session, [(row.id, row.next_fire_at) for row in found.wrong])
        yield found.faults
        after = found.last
    yield _drop_orphans(store)


def _look(store: "ParkingJobStore", session: Session, after: int) -> Found:
    table = store.jobs_t.c
    rows = session.execute(
        select(Trigger.id, Trigger.next_fire_at, table.id.label("name"), table.next_run_time)
        .outerjoin(store.jobs_t, table.id == literal(PREFIX) + cast(Trigger.id, Text))
        .where(Trigger.id > after)
        .order_by(Trigger.id)
        .limit(AT_ONCE)
    ).all()
    missing = [row for row in rows if row.name is None]
    wrong = [row for row in rows if row.name is not None and not store.says(row.next_run_time, row.next_fire_at)]
    return Found(missing, wrong, rows[-1].id if len(rows) == AT_ONCE else None)


def _drop_orphans(store: "ParkingJobStore") -> int:
    """Rows of triggers that are gone. Those of somebody else's making are none of them."""
    table = store.jobs_t.c
    ours = select(literal(PREFIX) + cast(Trigger.id, Text))
    orphans = select(table.id).where(func.substr(table.id, 1, len(PREFIX)) == PREFIX, table.id.not_in(ours))
    with store.db.reading() as session:
        found = session.scalars(orphans).all()
    if not found:
        return 0
    with store.db.transaction() as session:
        return store.drop(session, session.scalars(orphans).all())
