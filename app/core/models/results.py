"""Files that runs made, and what they have to be."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models.base import NEVER_AGAIN, Base, partial_index

GIVEN_OUT, REMOVED = text("held IS NULL AND removed_at IS NULL"), text("removed_at IS NOT NULL")
HELD_RESULT_SQL = "held IS NOT NULL"


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
        partial_index("ix_result_file_held", HELD_RESULT_SQL, "id"),
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
