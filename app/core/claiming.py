"""Queued to running: durable before the first instruction of a job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.core.models import QUEUE, Job, Run
from app.core.statuses import RunStatus
from app.core.uids import new_secret


@dataclass(frozen=True)
class Claimed:
    """A run that is ours to begin; ``token`` names this attempt."""

    run_id: int
    token: str
    job_id: int
    job_name: str
    job_type: str
    parameters: dict[str, Any]
    scheduled_for: datetime
    previous_success: datetime | None
    timeout_seconds: int | None


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


def claim(session: Session, limit: int, now: datetime, by: Claimant) -> Sequence[Claimed]:
    """Take up to ``limit`` queued runs, the oldest first. They are running once the transaction is committed."""
    columns = (
        Run.id, Run.job_id, Run.job_name, Run.job_type, Run.parameters, Run.scheduled_for, Run.timeout_seconds,
        Job.last_success_for,
    )  # fmt: skip
    query = select(*columns).join(Job, Job.id == Run.job_id).where(Run.status == RunStatus.QUEUED)
    query = query.where(Run.job_type != QUEUE)  # no worker takes these: see core/steps.py
    query = query.order_by(Run.id).limit(limit).with_for_update(skip_locked=True, of=Run)
    claimed = [
        Claimed(
            row.id, new_secret(), row.job_id, row.job_name, row.job_type, row.parameters, row.scheduled_for,
            row.last_success_for, row.timeout_seconds,
        )
        for row in session.connection().execute(query)
    ]  # fmt: skip
    if claimed:
        rows = [{"row_id": run.run_id, "new_token": run.token} for run in claimed]
        session.connection().execute(_taken(now, by), rows)
    return claimed


def _taken(now: datetime, by: Claimant) -> Any:
    statement = update(Run.__table__).where(Run.__table__.c.id == bindparam("row_id"))  # type: ignore[arg-type]
    return statement.values(
        status=RunStatus.RUNNING,
        token=bindparam("new_token"),
        attempts=Run.__table__.c.attempts + 1,
        started_at=now,
        heartbeat_at=now,
        boot=by.boot,
        host=by.host,
    )
