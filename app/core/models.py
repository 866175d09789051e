"""The tables. They are the truth; APScheduler's own table is a list of next times that can be rebuilt from these."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy import Enum as Listed
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from app.core.statuses import (
    CalendarKind,
    FailureReason,
    FireOutcome,
    FireReason,
    NotStarted,
    OnFailure,
    Origin,
    OutageKind,
    OverlapRule,
    PauseScope,
    Recovery,
    Role,
    RunStatus,
    TriggerKind,
)

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


NEVER_AGAIN = {"sqlite_autoincrement": True}
"""SQLite would give the id of a deleted last row to the next one; the ledger tells stories by these ids."""
SEALED = {"sealed": True}
"""Of a column: what it holds is sealed with the secret key."""
ACTIVE_SQL, ENDED_SQL, QUEUED_SQL = "finished_at IS NULL", "finished_at IS NOT NULL", "status = 'queued'"
GOING_ON_SQL = "status IN ('running', 'cancelling')"
QUEUE = "QUEUE"
"""The ``job_type`` of a job that is a queue: its steps are other jobs. No plug-in has this name."""
A_QUEUE_SQL = "job_type = 'QUEUE'"
JOB_NAMES, QUEUE_NAMES = (text(f"deleted_at IS NULL AND {kind}{A_QUEUE_SQL}") for kind in ("NOT ", ""))


GIVEN_OUT, REMOVED = text("held IS NULL AND removed_at IS NULL"), text("removed_at IS NOT NULL")
HELD_FIRE_SQL, ASKS_SQL, HELD_RESULT_SQL = "outcome = 'held'", "asks", "held IS NOT NULL"


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC. SQLite keeps them as text without a zone, PostgreSQL as timestamptz."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    # For SQLite both ways in one step: through the two layers of types a moment costs four times as much, and the wake
    # handles tens of thousands.

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        return _of_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no place in the database")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _values(listed: type[Enum]) -> list[str]:
    return [member.value for member in listed]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        str: Text,
        Enum: Listed(Enum, native_enum=False, length=20, values_callable=_values),
    }


class Instance(Base):
    """One row that says whose database this is. Its table name is how an export knows Carillon's own database."""

    __tablename__ = "carillon_instance"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str]
    created_at: Mapped[datetime]
    keeper: Mapped[str | None]  # host:pid of the process that keeps the time
    kept_since: Mapped[datetime | None]
    place: Mapped[str | None]  # where the database is, see core/whereabouts.py
    came_from: Mapped[str | None]  # where it was before, until somebody says that it was moved
    asleep_since: Mapped[datetime | None]  # see core/sleep.py
    asleep_from: Mapped[datetime | None]  # up to then everything is decided
    asleep_why: Mapped[str | None]
    ticked_at: Mapped[datetime | None]  # when the time was last kept, give or take some seconds
    probed_at: Mapped[datetime | None]  # when somebody asked whether the database can be written


class Outage(Base):
    """A stretch in which nothing could be decided on time; the ledger names it where it made moments late."""

    __tablename__ = "outage"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[OutageKind]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime] = mapped_column(index=True)


class Tenure(Base):
    """One row that says who keeps the time. ``term`` grows with each change: who has an older one is too late."""

    __tablename__ = "tenure"

    id: Mapped[int] = mapped_column(primary_key=True)
    term: Mapped[int]
    keeper: Mapped[str]  # host:pid
    home: Mapped[str]  # the data directory, in which its workers are
    confirmed_at: Mapped[datetime]
    left_at: Mapped[datetime | None]  # it has ended well: nothing of it runs any more


class Drain(Base):
    """A stretch in which nothing new begins, so that the server can be stopped. At most one goes on."""

    __tablename__ = "drain"

    id: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    began_by: Mapped[str | None]
    until: Mapped[datetime]
    heeded_at: Mapped[datetime | None]  # from here on the server has begun nothing
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_by: Mapped[str | None]  # empty: its time was over, or a server started

    __table_args__ = (NEVER_AGAIN,)


class Pause(Base):
    """Triggers that shall not fire for a while. What comes due meanwhile is decided when it ends."""

    __tablename__ = "pause"

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[PauseScope]
    name: Mapped[str] = mapped_column(default="")  # of a group; the id of a job or a trigger; empty for all
    until: Mapped[datetime | None]  # empty: until somebody ends it
    reason: Mapped[str] = mapped_column(default="")
    began_at: Mapped[datetime]
    began_by: Mapped[str | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_by: Mapped[str | None]  # empty: its time was over

    __table_args__ = (NEVER_AGAIN,)


class Pool(Base):
    """Jobs that name a pool share its places: never more of their runs than that go on at a time."""

    __tablename__ = "pool"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    places: Mapped[int]


class Job(Base):
    """What to run and when. A queue is one, too: of type ``QUEUE``, with steps, and with a name among queues.

    A companion may write rows itself (docs/control.md): hence the defaults of the database.
    """

    __tablename__ = "job"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)  # 11 letters and digits, the first a letter (DHIS2)
    name: Mapped[str]
    group: Mapped[str] = mapped_column("group_name", default="DEFAULT", server_default="DEFAULT")
    description: Mapped[str] = mapped_column(default="", server_default="")
    job_type: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    enabled: Mapped[bool] = mapped_column(server_default=text("false"))
    is_system: Mapped[bool] = mapped_column(default=False, server_default=text("false"))  # see core/system_jobs.py
    triggers_suspended: Mapped[bool] = mapped_column(default=False, server_default=text("false"))  # see core/members.py
    timeout_seconds: Mapped[int | None]
    # From here to ``recovery``: app.core.policies
    attempt_timeout_seconds: Mapped[int | None]
    overlap: Mapped[OverlapRule] = mapped_column(default=OverlapRule.SKIP, server_default="skip")
    overlap_limit: Mapped[int] = mapped_column(default=1, server_default="1")
    start_deadline_seconds: Mapped[int | None]
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    pool: Mapped[str | None]
    retry: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    recovery: Mapped[Recovery] = mapped_column(default=Recovery.FAIL, server_default="fail")
    connections: Mapped[str] = mapped_column(default="", server_default="")  # names that its runs open, one a line
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=text("CURRENT_TIMESTAMP"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("CURRENT_TIMESTAMP"))
    created_by: Mapped[str | None]
    updated_by: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    last_run_id: Mapped[int | None]
    last_success_for: Mapped[datetime | None]  # scheduled_for of the newest run that succeeded

    # Its schedule. Delayed runs are no part of it: whoever edits a schedule must not lose them.
    triggers: Mapped[list["Trigger"]] = relationship(
        back_populates="job", order_by="Trigger.id", cascade="all, delete-orphan",
        primaryjoin="and_(Job.id == Trigger.job_id, Trigger.delayed.is_(False))",
    )  # fmt: skip
    steps: Mapped[list["QueueStep"]] = relationship(
        foreign_keys="QueueStep.queue_id", order_by="QueueStep.position", cascade="all, delete-orphan"
    )

    # The name of a deleted job is free again, its history stays.
    __table_args__ = (
        Index("uq_job_name", "name", unique=True, sqlite_where=JOB_NAMES, postgresql_where=JOB_NAMES),
        Index("uq_queue_name", "name", unique=True, sqlite_where=QUEUE_NAMES, postgresql_where=QUEUE_NAMES),
        # of 100,000 jobs a list finds its page here: it took 84 ms to sort them all, and takes 32
        Index(
            "ix_job_by_name",
            text("lower(name)"),
            "id",
            "is_system",
            "enabled",
            sqlite_where=JOB_NAMES,
            postgresql_where=JOB_NAMES,
        ),
        NEVER_AGAIN,
    )


class QueueStep(Base):
    """The place of a job in a queue. A job is in one queue at the most."""

    __tablename__ = "queue_step"

    id: Mapped[int] = mapped_column(primary_key=True)
    queue_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), unique=True)
    position: Mapped[int]  # from 0, in the order in which they run
    on_failure: Mapped[OnFailure]

    job: Mapped[Job] = relationship(foreign_keys=job_id)


class Trigger(Base):
    """When a job fires. Which columns count depends on ``kind``; the others are empty."""

    __tablename__ = "trigger"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    kind: Mapped[TriggerKind]
    timezone: Mapped[str]
    start_at: Mapped[datetime | None]  # not before; simple and calendar_interval: the anchor; once: the moment
    end_at: Mapped[datetime | None]  # not after
    expression: Mapped[str | None]  # cron
    dialect: Mapped[str | None]  # cron: quartz, spring, unix
    every_seconds: Mapped[int | None]  # simple, daily_interval
    repeat_count: Mapped[int | None]  # simple: fires after the first; empty is for ever
    delay_seconds: Mapped[int | None]  # fixed_delay; 0 is continuous execution
    every_count: Mapped[int | None]  # calendar_interval: every n ...
    every_unit: Mapped[str | None]  # ... second, minute, hour, day, week, month, year
    month_end: Mapped[str | None]  # calendar_interval: clamp, skip, spill
    from_time: Mapped[str | None]  # daily_interval: HH:MM[:SS]
    to_time: Mapped[str | None]  # daily_interval: included; before from_time it lies on the next day
    weekdays: Mapped[str | None]  # daily_interval: MON,TUE,...; empty is every day
    gap: Mapped[str] = mapped_column(default="next", server_default="next")
    overlap: Mapped[str] = mapped_column(default="interval", server_default="interval")
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendar.id"), index=True)
    misfire: Mapped[str] = mapped_column(default="smart", server_default="smart")
    misfire_threshold_seconds: Mapped[int] = mapped_column(default=60, server_default="60")
    catch_up_cap: Mapped[int | None]  # at most so many late moments are made up for, the newest
    is_paused: Mapped[bool] = mapped_column(default=False, server_default=false())
    era: Mapped[int] = mapped_column(default=1, server_default="1")  # a new one begins when the clock goes far back
    decided_to: Mapped[datetime | None]  # the newest moment of this era that the ledger has
    next_fire_at: Mapped[datetime | None]
    previous_fire_at: Mapped[datetime | None]
    anew_at: Mapped[datetime | None]  # simple, after a misfire that let it begin anew: from when it counts now
    anew_count: Mapped[int | None]  # ... and how many fires are left after that one
    delayed: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )  # one run, asked for with a delay

    job: Mapped[Job] = relationship(back_populates="triggers")
    calendar: Mapped["Calendar | None"] = relationship()

    __table_args__ = (
        Index(
            "ix_trigger_next_fire_at", "next_fire_at",
            sqlite_where=text("NOT is_paused"), postgresql_where=text("NOT is_paused"),
        ),
        NEVER_AGAIN,
    )  # fmt: skip


class Calendar(Base):
    """Time taken out of triggers; ``content`` is what the kind says: dates, weekdays, times of day, a cron."""

    __tablename__ = "calendar"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[CalendarKind]
    timezone: Mapped[str]
    content: Mapped[dict[str, Any]]
    base_id: Mapped[int | None] = mapped_column(ForeignKey("calendar.id"))
    description: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


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


def _partial(name: str, condition: str, *columns: str) -> Index:
    """An index of some rows. SQLite takes it only for a query that says the condition in the very same words."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


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
        _partial("ix_run_queued", QUEUED_SQL, "turn", "id"),
        _partial("ix_run_going_on", GOING_ON_SQL, "job_id"),
        _partial("ix_run_active", ACTIVE_SQL, "job_id"),
        _partial("ix_run_of_job", ENDED_SQL, "job_id", "status", "origin", "id"),
        _partial("ix_run_of_group", ENDED_SQL, "group_name", "status", "origin", "id"),
        _partial("ix_run_ended", ENDED_SQL, "status", "origin", "id"),
        _partial("ix_run_asks", ASKS_SQL, "id"),
        Index("ix_run_queued_at", "queued_at", "id"),
        _partial("ix_run_of_queues", A_QUEUE_SQL, "status"),
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


# The conditions of the partial indexes, in the words in which they were made.
IS_A_JOB: ColumnElement[bool] = text(f"job.deleted_at IS NULL AND NOT job.{A_QUEUE_SQL}")  # type: ignore[assignment]
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


class ResultFile(Base):
    __tablename__ = "result_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    job_name: Mapped[str]
    scheduled_for: Mapped[datetime]
    created_at: Mapped[datetime]
    name: Mapped[str]
    path: Mapped[str]  # relative to the results directory
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str]
    columns: Mapped[list[str] | None]
    csv: Mapped[dict[str, Any] | None]  # how a CSV file is written; see ResultWriter.describe
    held: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # what it breaks of its job's contract
    accepted_at: Mapped[datetime | None]  # it was held, and somebody gave it out all the same
    accepted_by: Mapped[str | None]
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())  # no keep-rule deletes it
    types: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # of the columns, as their source has them
    repeated: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # see MadeFile
    removed_at: Mapped[datetime | None]  # gone for everybody; its file and this row follow, see app.core.keeping

    __table_args__ = (
        Index("ix_result_file_job_id_id", "job_id", "id"),
        Index("ix_result_file_given_out", "job_id", "id", sqlite_where=GIVEN_OUT, postgresql_where=GIVEN_OUT),
        _partial("ix_result_file_held", HELD_RESULT_SQL, "id"),
        Index("ix_result_file_removed", "id", sqlite_where=REMOVED, postgresql_where=REMOVED),
        NEVER_AGAIN,
    )  # fmt: skip


class KeepRule(Base):
    """How many of a job's results are kept; see app.core.keeping. What is empty asks for nothing."""

    __tablename__ = "keep_rule"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True, autoincrement=False)
    days: Mapped[int | None]
    count: Mapped[int | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)


class Retention(Base):
    """How long history is kept, in one row, see app.core.retention_rules; ``rules`` are those that differ."""

    __tablename__ = "retention"

    id: Mapped[int] = mapped_column(primary_key=True)
    rules: Mapped[dict[str, Any]]
    begins_at: Mapped[datetime]  # nothing is removed before
    updated_at: Mapped[datetime]
    updated_by: Mapped[str | None]


class JobRetention(Base):
    """The rules in which a job differs from the site's; there is no row where it does not."""

    __tablename__ = "job_retention"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True, autoincrement=False)
    rules: Mapped[dict[str, Any]]


class Removal(Base):
    """What was removed, in one look over everything, by which rules."""

    __tablename__ = "removal"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]  # as app.core.retention_rules names them
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    count: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(default="", server_default="")


class ResultContract(Base):
    """What each result of a job has to be; see app.core.contracts."""

    __tablename__ = "result_contract"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True, autoincrement=False)
    is_on: Mapped[bool]
    terms: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # empty: the next result teaches it
    updated_at: Mapped[datetime]
    updated_by: Mapped[str | None]


class ResultDiff(Base):
    """A comparison that somebody asked for; what it found is in the files of its run. See app.core.diffs."""

    __tablename__ = "result_diff"

    # No foreign keys: files and runs go before it does.
    old_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    new_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key_digest: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[int]


class Connection(Base):
    """A database that jobs may read. Those from the environment have no row."""

    __tablename__ = "connection"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]  # without the password
    password: Mapped[str | None] = mapped_column(info=SEALED)
    max_runs: Mapped[int | None]  # at most so many runs use it at a time
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class User(Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[Role]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Token(Base):
    """An API token. Only its SHA-256 is kept; 256 random bits need no slow hash."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    prefix: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class LoginSession(Base):
    """A browser's login, or one by ``POST /sessions``. The row is the truth: deleting it logs out."""

    __tablename__ = "login_session"

    digest: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]

    user: Mapped[User] = relationship()


import app.core.notice_models  # noqa: E402, F401 - tables of their own, known to whoever knows these
