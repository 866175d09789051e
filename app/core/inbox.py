"""Everything that waits for a person: starts to decide, interrupted runs that ask, results that are held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, select, text
from sqlalchemy.orm import aliased, selectinload

from app.core.db import Database
from app.core.models import ASKS_SQL, HELD_FIRE_SQL, HELD_RESULT_SQL, Fire, Job, ResultFile, Run
from app.core.statuses import FireReason

MOST = 100
"""Of each kind; what is beyond it is neither shown nor counted."""
_Newer = aliased(ResultFile)


@dataclass(frozen=True)
class Waiting:
    """Each with its job, the newest first."""

    fires: Sequence[tuple[Fire, Job]]
    runs: Sequence[tuple[Run, Job]]
    results: Sequence[tuple[ResultFile, Job]]

    @property
    def fires_by_cause(self) -> Mapping[str, Sequence[tuple[Fire, Job]]]:
        """What made them late, in the order of the newest; empty where nobody knows."""
        causes: dict[str, list[tuple[Fire, Job]]] = {}
        for fire, job in self.fires:
            causes.setdefault(fire.detail or "", []).append((fire, job))
        return causes

    @property
    def kinds(self) -> Sequence[Sequence[tuple[Fire | Run | ResultFile, Job]]]:
        return self.fires, self.runs, self.results


class Inbox:
    def __init__(self, db: Database) -> None:
        self.db = db

    def count(self) -> int:
        """How many things wait, up to three times ``MOST``."""
        kinds = [_one_each(query).limit(MOST).subquery() for query in (_FIRES, _RUNS, _RESULTS)]
        with self.db.reading() as session:
            return sum(session.scalars(select(func.count()).select_from(kind)).one() for kind in kinds)

    def waiting(self) -> Waiting:
        with self.db.reading() as session:
            fires, runs, results = (session.execute(query.limit(MOST)).all() for query in (_FIRES, _RUNS, _RESULTS))
        return Waiting([(row[0], row[1]) for row in fires], [(row[0], row[1]) for row in runs],
                       [(row[0], row[1]) for row in results])  # fmt: skip


def _one_each(query: Select[*tuple[Any, ...]]) -> Select[int]:
    return query.with_only_columns(literal(1)).order_by(None)


# The first condition of each is that of its partial index, in its words.
_FIRES = (
    select(Fire, Job)
    .join(Job, Job.id == Fire.job_id)
    .where(text(f"fire.{HELD_FIRE_SQL}"), Fire.reason == FireReason.ASK, Job.deleted_at.is_(None))
    .order_by(Fire.scheduled_for.desc(), Fire.id.desc())
)
_RUNS = (
    select(Run, Job)
    .join(Job, Job.id == Run.job_id)
    .where(text(f"run.{ASKS_SQL}"), Job.deleted_at.is_(None))
    .options(selectinload(Run.files))
    .order_by(Run.id.desc())
)
# A held result that a good one has followed waits for nobody any more: people have the newer one.
_RESULTS = (
    select(ResultFile, Job)
    .join(Job, Job.id == ResultFile.job_id)
    .where(
        text(f"result_file.{HELD_RESULT_SQL}"),
        ResultFile.removed_at.is_(None),
        Job.deleted_at.is_(None),
        ~select(_Newer.id)
        .where(_Newer.job_id == ResultFile.job_id, _Newer.id > ResultFile.id)
        .where(_Newer.held.is_(None), _Newer.removed_at.is_(None))
        .exists(),
    )
    .order_by(ResultFile.id.desc())
)
