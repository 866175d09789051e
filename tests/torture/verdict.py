"""What the database says, held against the book of the outside witness."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Row, func, select

from app.core.db import Database
from app.core.models import Fire, Run
from app.core.statuses import ACTIVE, FireOutcome, RunStatus
from tests.torture.schedule import Expected, expected
from tests.torture.witness import Book


@dataclass(frozen=True)
class Verdict:
    expected: int  # moments
    lost: int  # of them without a row
    doubled: int  # moments with two rows, fires with two runs, runs that began twice
    stuck: int  # runs that are not over
    unrecorded: int  # runs that the witness saw and the database does not know
    untrue: int  # runs that succeeded and never ended, or that never began
    runs: int
    interrupted: int

    @property
    def is_good(self) -> bool:
        return not any((self.lost, self.doubled, self.stuck, self.unrecorded, self.untrue))

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def judge(db: Database, book: Book) -> Verdict:
    wanted = expected(db)
    with db.reading() as session:
        fires = session.execute(
            select(Fire.id, Fire.trigger_id, Fire.scheduled_for, Fire.range_to, Fire.count, Fire.outcome)
            .where(Fire.trigger_id.in_([each.trigger_id for each in wanted]))
        ).all()  # fmt: skip
        runs = session.execute(select(Run.id, Run.fire_id, Run.status)).all()
    ours, known = {fire.id for fire in fires}, {run.id for run in runs}
    runs = [run for run in runs if run.fire_id in ours]
    succeeded = {run.id for run in runs if run.status is RunStatus.SUCCEEDED}
    lost, doubled = _compare(wanted, fires)
    return Verdict(
        expected=sum(len(each.moments()) for each in wanted),
        lost=lost + _without_run(fires, runs),
        doubled=doubled + sum(count > 1 for count in book.began.values()),
        stuck=sum(run.status in ACTIVE for run in runs),
        unrecorded=len(book.began.keys() - known),
        untrue=len(succeeded - book.ended.keys()),
        runs=len(runs),
        interrupted=sum(run.status is RunStatus.INTERRUPTED for run in runs),
    )


def _compare(wanted: Sequence[Expected], fires: Sequence[Row[tuple[int, int, datetime]]]) -> tuple[int, int]:
    """How many moments have no row, and how many rows stand for moments that have another or none."""
    found: dict[int, Counter[datetime]] = defaultdict(Counter)
    for fire in fires:
        found[fire.trigger_id][fire.scheduled_for] += 1
    lost = doubled = 0
    for each in wanted:
        moments = Counter(each.moments())
        lost += (moments - found[each.trigger_id]).total()
        doubled += (found[each.trigger_id] - moments).total()
    folded = sum(fire.count - 1 for fire in fires)  # rows for many
    return lost - folded, doubled


def _without_run(fires: Sequence[Row[tuple[int]]], runs: Sequence[Row[tuple[int, int]]]) -> int:
    started = Counter(fire.id for fire in fires if fire.outcome is FireOutcome.STARTED)
    return (started - Counter(run.fire_id for run in runs)).total()


def outcomes(db: Database) -> dict[str, int]:
    """How many moments ended how, with their reason."""
    query = select(Fire.outcome, Fire.reason, func.sum(Fire.count)).group_by(Fire.outcome, Fire.reason)
    with db.reading() as session:
        return {f"{outcome} {reason or ''}".strip(): int(count) for outcome, reason, count in session.execute(query)}
