"""How long history is kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models.base import Base


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
