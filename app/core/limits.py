"""What runs have to share: places of their job, of pools, of connections and of job types that run one at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from app.core.models import IS_GOING_ON, Connection, Job, Pool, Run
from app.core.statuses import OverlapRule, RunStatus

GOING_ON = (RunStatus.RUNNING, RunStatus.CANCELLING)


class Share(NamedTuple):
    """Something that has a limited number of places."""

    kind: str  # "job", "pool", "connection" or "type"
    name: str | int


@dataclass
class Places:
    """How many there are, and how many are taken. ``take`` is asked for one run after the other."""

    limits: Mapping[Share, int]
    one_at_a_time: frozenset[str]
    taken: Counter[Share] = field(default_factory=Counter)

    def missing(self, run: Any) -> Share | None:
        """Say what a run has to wait for; it has the columns of ``NEEDS``."""
        return next((share for share in self._shares(run) if self.taken[share] >= self._limit(share, run)), None)

    def take(self, run: Any) -> Share | None:
        """Take what a run needs, or nothing, and say what is missing."""
        missing = self.missing(run)
        if missing is None:
            self.taken.update(self._shares(run))
        return missing

    def _shares(self, run: Any) -> list[Share]:
        shares = [Share("job", run.job_id)]
        if run.job_type in self.one_at_a_time:
            shares.append(Share("type", run.job_type))
        if self.limits:
            named = [Share("pool", run.pool), *(Share("connection", name) for name in run.connections.split("\n"))]
            shares += [share for share in named if share in self.limits]
        return shares

    def _limit(self, share: Share, run: Any) -> int:
        if share.kind == "job":
            return run.overlap_limit if run.overlap is OverlapRule.PARALLEL else 1
        return self.limits.get(share, 1)


NEEDS = (Run.job_id, Run.job_type, Run.pool, Run.connections, Job.overlap, Job.overlap_limit)
_LIMITS: Any = union_all(
    select(literal("pool"), Pool.name, Pool.places),
    select(literal("connection"), Connection.name, Connection.max_runs).where(Connection.max_runs.is_not(None)),
)
_GOING_ON = select(*NEEDS).join(Job, Job.id == Run.job_id).where(IS_GOING_ON)


def places(session: Session, one_at_a_time: Iterable[str]) -> Places:
    """What is taken now, by runs that are going on."""
    connection = session.connection()
    limits = {Share(kind, name): count for kind, name, count in connection.execute(_LIMITS)}
    found = Places(limits, frozenset(one_at_a_time))
    for run in connection.execute(_GOING_ON):
        found.taken.update(found._shares(run))
    return found
