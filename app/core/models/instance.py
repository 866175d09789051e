"""Whose database this is, who keeps its time, when nobody did, and when nothing shall begin."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.core.models.base import NEVER_AGAIN, Base
from app.core.statuses import (
    OutageKind,
    PauseScope,
)


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
