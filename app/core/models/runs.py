"""What came due, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.models.base import NEVER_AGAIN, Base, partial_index
from app.core.models.jobs import A_QUEUE_SQL
from app.core.models.results import ResultFile
from app.core.statuses import (
    FailureReason,
    FireOutcome,
    FireReason,
    NotStarted,
    OnFailure,
    Origin,
    RunStatus,
)

ACTIVE_SQL, ENDED_SQL, QUEUED_SQL = "finished_at IS NULL", "finished_at IS NOT NULL", "status = 'queued'"
GOING_ON_SQL = "status IN ('running', 'cancelling')"
HELD_FIRE_SQL = "outcome = 'held'"
ASKS_SQL = "asks"


class Fire(Base):
    """One moment at which a job came due, and what became of it. ``trigger_id`` is empty for a start by hand."""

    __tablename__ = "fire"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    trigger_id: Mapped[int | None]  # no foreign key: triggers go, the ledger stays
    era: Mapped[int] = mapped_column(default=1, server_default="1")
    scheduled_for: Mapped[datetime]
    decided_at: Mapped[datetime]
    outcome: Mapped[FireOutcome]
    reason: Mapped[FireReason | None]
    detail: Mapped[str | None]  # what the reason leaves open: who paused it, from when to when the server was down
    blocking_run_id: Mapped[int | None]  # skipped for overlap: the run that was in the way
    range_to: Mapped[datetime | None]  # a row for many misses in a row: the last of them, inclusive
    count: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("trigger_id", "era", "scheduled_for"),
        Index(
            "ix_fire_held", "trigger_id",
            sqlite_where=text(HELD_FIRE_SQL), postgresql_where=text(HELD_FIRE_SQL),
        ),
        Index("ix_fire_job_id_scheduled_for", "job_id", "scheduled_for"),
    )  # fmt: skip


class Run(Base):
    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    fire_id: Mapped[int] = mapped_column(ForeignKey("fire.id"), unique=True)
    job_name: Mapped[str]
    group: Mapped[str] = mapped_column("group_name", default="DEFAULT", server_default="DEFAULT")
    job_type: Mapped[str]
    status: Mapped[RunStatus]
    origin: Mapped[Origin]
    requested_by: Mapped[str | None]  # a user name, for a start by hand
    cancelled_by: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]  # when it was asked for; the run ends later
    parameters: Mapped[dict[str, Any]]  # frozen at the fire
    arguments: Mapped[str | None]  # OpenSpecimen's args, as given
    timeout_seconds: Mapped[int | None]  # of all attempts together
    attempt_timeout_seconds: Mapped[int | None]
    turn: Mapped[int] = mapped_column(default=0, server_default="0")  # the lower one begins first: minus its priority
    pool: Mapped[str | None]
    connections: Mapped[str] = mapped_column(default="", server_default="")
    scheduled_for: Mapped[datetime]
    queued_at: Mapped[datetime]
    begin_after: Mapped[datetime | None]  # a retry waits until then
    start_deadline_seconds: Mapped[int | None]  # it may wait so long after ``queued_at``
    started_at: Mapped[datetime | None]  # of the first attempt
    begun_at: Mapped[datetime | None]  # of the current attempt
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime]  # while it has not begun: when it was queued
    lease_until: Mapped[datetime]  # until then whoever claimed it answers for it
    attempts: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None]  # of the current attempt
    host: Mapped[str | None]
    pid: Mapped[int | None]
    start_ticks: Mapped[int | None]
    boot: Mapped[str | None]  # the server start that claimed it
    reason: Mapped[FailureReason | None]
    error: Mapped[str | None]
    progress: Mapped[dict[str, Any] | None]  # the newest in short; the tree has a table of its own
    last_log: Mapped[int] = mapped_column(default=0)  # number of the newest log line
    asks: Mapped[bool] = mapped_column(default=False, server_default=false())  # interrupted: somebody decides

    files: Mapped[list["ResultFile"]] = relationship(
        order_by="ResultFile.id", viewonly=True,
        primaryjoin="and_(Run.id == ResultFile.run_id, ResultFile.removed_at.is_(None))",
    )  # fmt: skip

    __table_args__ = (
        partial_index("ix_run_queued", QUEUED_SQL, "turn", "id"),
        partial_index("ix_run_going_on", GOING_ON_SQL, "job_id"),
        partial_index("ix_run_active", ACTIVE_SQL, "job_id"),
        partial_index("ix_run_of_job", ENDED_SQL, "job_id", "status", "origin", "id"),
        partial_index("ix_run_of_group", ENDED_SQL, "group_name", "status", "origin", "id"),
        partial_index("ix_run_ended", ENDED_SQL, "status", "origin", "id"),
        partial_index("ix_run_asks", ASKS_SQL, "id"),
        Index("ix_run_queued_at", "queued_at", "id"),
        partial_index("ix_run_of_queues", A_QUEUE_SQL, "status"),
        NEVER_AGAIN,
    )  # fmt: skip

    @property
    def lateness_seconds(self) -> float | None:
        """Seconds from the scheduled moment to the start; ``None`` before it."""
        return (self.started_at - self.scheduled_for).total_seconds() if self.started_at else None

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from start to end; ``None`` when it has not ended or never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class ProgressTree(Base):
    """The progress of a run as a tree, in the words of ``app.core.progress``: too large for lists of runs."""

    __tablename__ = "progress_tree"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    tree: Mapped[dict[str, Any]]


class RunStep(Base):
    """A step of a queue's run, as the queue was when the run began."""

    __tablename__ = "run_step"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)  # of the queue
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    job_name: Mapped[str]
    on_failure: Mapped[OnFailure]
    step_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), unique=True)  # once it has started
    not_started: Mapped[NotStarted | None]  # once it is clear that it will not
    decided_at: Mapped[datetime | None]  # when one of the two came about

    __table_args__ = (Index("ix_run_step_job_id_decided_at", "job_id", "decided_at"),)


IS_ACTIVE = Run.finished_at.is_(None)
HAS_ENDED = Run.finished_at.is_not(None)
IS_QUEUED: ColumnElement[bool] = text(f"run.{QUEUED_SQL}")  # type: ignore[assignment]


IS_GOING_ON: ColumnElement[bool] = text(f"run.{GOING_ON_SQL}")  # type: ignore[assignment]


IS_OF_A_QUEUE: ColumnElement[bool] = text(f"run.{A_QUEUE_SQL}")  # type: ignore[assignment]


class Attempt(Base):
    """A try that ended and was followed by another one; the newest try of a run is in the run's own row."""

    __tablename__ = "attempt"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1
    status: Mapped[RunStatus]
    reason: Mapped[FailureReason | None]
    error: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime]
    host: Mapped[str | None]
    pid: Mapped[int | None]
    last_log: Mapped[int]  # number of its last log line; the next attempt's begin after it


class StartKey(Base):
    """A start that a client asked for under a key of its own: the same key gives the same run, while it is kept."""

    __tablename__ = "start_key"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]  # of what was asked for
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)


class LogEntry(Base):
    __tablename__ = "log_line"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1, in order
    at: Mapped[datetime]
    level: Mapped[str]
    message: Mapped[str]
