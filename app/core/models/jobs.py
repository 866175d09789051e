"""Jobs, their places in queues, and when they fire."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.models.base import NEVER_AGAIN, Base
from app.core.statuses import (
    CalendarKind,
    OnFailure,
    OverlapRule,
    Recovery,
    TriggerKind,
)

QUEUE = "QUEUE"
"""The ``job_type`` of a job that is a queue: its steps are other jobs. No plug-in has this name."""
A_QUEUE_SQL = "job_type = 'QUEUE'"
JOB_NAMES, QUEUE_NAMES = (text(f"deleted_at IS NULL AND {kind}{A_QUEUE_SQL}") for kind in ("NOT ", ""))


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


# The conditions of the partial indexes, in the words in which they were made.
IS_A_JOB: ColumnElement[bool] = text(f"job.deleted_at IS NULL AND NOT job.{A_QUEUE_SQL}")  # type: ignore[assignment]
