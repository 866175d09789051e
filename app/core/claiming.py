"""Queued to running: durable before the first instruction of a job."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, null, or_, select, update
from sqlalchemy.orm import Session

from app.core import limits
from app.core.models import IS_QUEUED, QUEUE, Job, LogEntry, ResultContract, Run
from app.core.statuses import RunStatus
from app.core.uids import new_secret

LEASE = timedelta(seconds=60)
"""Whoever claims a run answers for it so long after each heartbeat."""
PAGE = 200
"""Runs looked at in one statement; those that cannot begin now are left out of the next."""


@dataclass(frozen=True)
class Claimed:
    """A run that is ours to begin; ``token`` names this attempt, ``attempt`` counts from 1."""

    run_id: int
    token: str
    attempt: int
    job_id: int
    job_name: str
    job_type: str
    parameters: dict[str, Any]
    scheduled_for: datetime
    previous_success: datetime | None
    timeout_seconds: float | None
    fire_id: int
    unique_key: Sequence[str] = ()  # of its results, by its job's contract
    log_sizes: Sequence[tuple[int, int]] = ()  # number and characters of the lines of earlier attempts


@dataclass(frozen=True)
class Claimant:
    """Who claims: this start of the server on this machine."""

    boot: str
    host: str


@dataclass
class Unsure:
    """One thread's claims whose commit it has not seen succeed: a commit that fails may be durable all the same.

    Without this book such runs would be running for ever, with no worker that has them.
    """

    _claimed: dict[str, Claimed] = field(default_factory=dict)

    def note(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """These are about to be committed."""
        self._claimed = {run.token: run for run in claimed}
        return claimed

    def forget(self) -> None:
        """They were."""
        self._claimed = {}

    def durable(self, session: Session) -> list[Claimed]:
        """Those that are ours after all. To be asked while no transaction of the thread is open."""
        query = select(Run.token).where(Run.token.in_(self._claimed), Run.status == RunStatus.RUNNING)
        return [self._claimed[token] for token in session.scalars(query) if token]

    def __bool__(self) -> bool:
        return bool(self._claimed)


_OF_CLAIMED = (
    Run.id, Run.attempts, Run.fire_id, Run.job_name, Run.parameters, Run.scheduled_for, Run.timeout_seconds,
    Run.attempt_timeout_seconds, Run.started_at, Run.last_log, Job.last_success_for, ResultContract.terms,
)  # fmt: skip
_WAITING = (
    select(*_OF_CLAIMED, *limits.NEEDS)
    .join(Job, Job.id == Run.job_id)
    .outerjoin(ResultContract, and_(ResultContract.job_id == Run.job_id, ResultContract.is_on.is_(True)))
    .where(
        IS_QUEUED,
        Run.job_type != QUEUE,  # no worker takes these: see core/steps.py
        or_(Run.begin_after.is_(None), Run.begin_after <= bindparam("now")),
        Run.job_id.not_in(bindparam("jobs", expanding=True)),
        Run.job_type.not_in(bindparam("types", expanding=True)),
        or_(Run.pool.is_(None), Run.pool.not_in(bindparam("pools", expanding=True))),
        Run.connections.not_in(bindparam("connections", expanding=True)),
        Run.id.not_in(bindparam("ours", expanding=True)),
    )
    .order_by(Run.turn, Run.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=Run)
)


def claim(
    session: Session, limit: int, now: datetime, by: Claimant, one_at_a_time: Iterable[str] = ()
) -> Sequence[Claimed]:
    """Take up to ``limit`` queued runs for which there is room, by priority, then the oldest first.

    They are running once the transaction is committed. ``one_at_a_time`` are the job types of which one run may go on.
    """
    free = limits.places(session, one_at_a_time)
    claimed = [_claimed(session, row, now) for row in _startable(session, free, limit, now)]
    if claimed:
        values = {"at": now, "lease": now + LEASE, "of_boot": by.boot, "on_host": by.host}
        rows = [{"row_id": run.run_id, "new_token": run.token} | values for run in claimed]
        session.connection().execute(_TAKE, rows)
    return claimed


def _startable(session: Session, free: limits.Places, limit: int, now: datetime) -> Iterator[Row[Any]]:
    """What is found full is left out of the next look, so that no crowd before a full pool hides what is behind it."""
    full = _Full.of(free)
    while limit > 0:
        most = min(limit, PAGE)
        rows = session.connection().execute(_WAITING, {"now": now, "most": most} | full.excluded()).all()
        for row in rows:
            missing = free.take(row)
            if missing is None:
                limit -= 1
                full.ours.append(row.id)
                yield row
            else:
                full.add(missing, row)
        if len(rows) < most:
            return


@dataclass
class _Full:
    """What has no place left, as the conditions of a statement."""

    jobs: list[int]
    types: list[str]
    pools: list[str]
    connections: list[str]
    ours: list[int]

    @classmethod
    def of(cls, free: limits.Places) -> "_Full":
        full = cls([], [], [], [], [])
        for share, count in free.taken.items():
            if share.kind != "job" and count >= free.limits.get(share, 1):
                full.add(share)
        return full

    def add(self, share: limits.Share, row: Any = None) -> None:
        """A run with several connections is not found by the name of one: it is left out by itself."""
        if share.kind == "connection" and row is not None and row.connections != share.name:
            self.ours.append(row.id)
        else:
            getattr(self, f"{share.kind}s").append(share.name)

    def excluded(self) -> dict[str, Any]:
        return dict(vars(self))


def _claimed(session: Session, row: Row[Any], now: datetime) -> Claimed:
    return Claimed(
        row.id, new_secret(), row.attempts + 1, row.job_id, row.job_name, row.job_type, row.parameters,
        row.scheduled_for, row.last_success_for, _time_limit(row, now), row.fire_id,
        tuple((row.terms or {}).get("unique_key") or ()),
        _log_sizes(session, row.id) if row.last_log else (),
    )  # fmt: skip


def _log_sizes(session: Session, run_id: int) -> Sequence[tuple[int, int]]:
    sizes = select(LogEntry.number, func.length(LogEntry.message)).where(LogEntry.run_id == run_id)
    return [(number, size) for number, size in session.connection().execute(sizes.order_by(LogEntry.number))]


def _time_limit(row: Row[Any], now: datetime) -> float | None:
    """Seconds that this attempt may take: its own limit, or what earlier ones have left of the run's."""
    bounds = [] if row.attempt_timeout_seconds is None else [float(row.attempt_timeout_seconds)]
    if row.timeout_seconds is not None:
        used = (now - row.started_at).total_seconds() if row.started_at else 0
        bounds.append(max(1.0, row.timeout_seconds - used))
    return min(bounds, default=None)


_RUN = Run.__table__.c
_TAKE = (
    update(Run.__table__)  # type: ignore[arg-type]
    .where(_RUN.id == bindparam("row_id"), _RUN.status == RunStatus.QUEUED)
    .values(
        status=RunStatus.RUNNING,
        token=bindparam("new_token"),
        attempts=_RUN.attempts + 1,
        started_at=func.coalesce(_RUN.started_at, bindparam("at", type_=_RUN.started_at.type)),
        begun_at=bindparam("at", type_=_RUN.started_at.type),
        begin_after=None,
        heartbeat_at=bindparam("at", type_=_RUN.started_at.type),
        lease_until=bindparam("lease"),
        boot=bindparam("of_boot"),
        host=bindparam("on_host"),
        progress=null(),  # that of an earlier attempt
    )
)
