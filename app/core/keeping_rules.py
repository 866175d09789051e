"""Keep-rules: which of a job's results stay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.core.errors import FieldError
from app.core.models import KeepRule, ResultFile

LARGEST = {"days": 36_500, "count": 10**9, "bytes": 2**53}


@dataclass(frozen=True)
class Rule:
    """``None`` asks for nothing. Of all that is set, the first that a file exceeds deletes it."""

    days: int | None = None  # since it was made
    count: int | None = None
    bytes: int | None = None  # of all that are kept

    @classmethod
    def of(cls, row: KeepRule | None) -> "Rule":
        return cls(row.days, row.count, row.bytes) if row else cls()

    def problems(self) -> Iterator[FieldError]:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 1 <= value <= LARGEST[field.name]:
                yield FieldError(field.name, f"must be from 1 to {LARGEST[field.name]}")


@dataclass(frozen=True)
class Doomed:
    """A file that a rule deletes, and why."""

    file: Any  # the columns that ``FILES`` selects
    reason: str


def doomed(rule: Rule, files: Sequence[Any], now: datetime) -> list[Doomed]:
    """What a rule deletes of a job's files, which come newest first.

    Pinned files are neither deleted nor counted, and the newest result that is given out is never deleted.
    """
    found, kept, size = [], 0, 0
    latest = next((file.id for file in files if file.held is None), None)
    for file in files:
        if file.pinned:
            continue
        reason = None if file.id == latest else _reason(rule, file, kept, size, now)
        if reason:
            found.append(Doomed(file, reason))
        else:
            kept, size = kept + 1, size + file.size
    return found


def _reason(rule: Rule, file: Any, kept: int, size: int, now: datetime) -> str | None:
    if rule.days is not None and now - file.created_at > timedelta(days=rule.days):
        return f"older than {rule.days} day{'s' if rule.days > 1 else ''}"
    if rule.count is not None and kept >= rule.count:
        return f"more than {rule.count}"
    if rule.bytes is not None and size + file.size > rule.bytes:
        return f"more than {rule.bytes} bytes in all"
    return None


FILES = (
    select(
        ResultFile.id, ResultFile.name, ResultFile.size, ResultFile.created_at, ResultFile.pinned, ResultFile.held,
        ResultFile.run_id, ResultFile.job_id,
    )
    .where(ResultFile.removed_at.is_(None))
    .order_by(ResultFile.id.desc())
)  # fmt: skip
