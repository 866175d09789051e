"""The tables of notices: who is told what, what there is to tell, and what became of the telling."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models.base import NEVER_AGAIN, SEALED, Base
from app.core.statuses import Channel, DeliveryStatus, NoticeKind, NoticeScope

PENDING_SQL = "status = 'pending'"


class NoticeRule(Base):
    """Who is told about what; see app.core.notice_rules. The rule of a job hides that of its group and of the site."""

    __tablename__ = "notice_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[NoticeScope]
    name: Mapped[str] = mapped_column(default="")  # of a group; the id of a job; empty for the site
    kinds: Mapped[list[str]]  # values of NoticeKind
    each_failure: Mapped[bool]  # not only the first in a row
    missed_from: Mapped[int]  # so many missed starts of a job are told, not fewer
    mail: Mapped[list[str]]  # addresses
    webhook: Mapped[str | None] = mapped_column(info=SEALED)  # its URL: many hold a secret in their path
    updated_at: Mapped[datetime]
    updated_by: Mapped[str | None]

    __table_args__ = (UniqueConstraint("scope", "name"),)


class FailingJob(Base):
    """A job whose last runs did not succeed: when that began, and how often. Its next success removes the row."""

    __tablename__ = "failing_job"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True, autoincrement=False)
    since: Mapped[datetime]
    failures: Mapped[int]
    interruptions: Mapped[int]


class Notice(Base):
    """Something to tell, written in the transaction in which it came about; gone once deliveries are made of it."""

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[NoticeKind]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    run_id: Mapped[int | None]
    count: Mapped[int]  # failures in a row, with this one; missed starts; else 1
    since: Mapped[datetime | None]  # when the failures began; the first missed start
    words: Mapped[str | None]  # the error, what is wrong with a result, why starts were missed

    __table_args__ = (NEVER_AGAIN,)


class Delivery(Base):
    """A message for one recipient, and what became of it."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)  # the same in all tries: Message-ID, Idempotency-Key
    channel: Mapped[Channel]
    target: Mapped[str]  # a mail address; a webhook's URL, sealed
    shown: Mapped[str]  # the same without what may be secret
    subject: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # mail: text and html; webhook: its body
    status: Mapped[DeliveryStatus]
    tries: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None]  # of the last try

    __table_args__ = (
        Index("ix_delivery_pending", "next_try_at", sqlite_where=text(PENDING_SQL), postgresql_where=text(PENDING_SQL)),
        NEVER_AGAIN,
    )
