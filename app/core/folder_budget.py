"""What all results together may take: beyond that the oldest go, whatever the keep-rules say."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.keeping_rules import FILES, Doomed
from app.core.models import ResultFile
from app.core.results import THERE
from app.core.retention_rules import Rules

PAGE = 1000


def budget(rules: Rules, disk_bytes: int) -> int | None:
    """In bytes; of both ways to say it the smaller one. ``None`` for no budget."""
    of_disk = None if rules.folder_percent is None else disk_bytes * rules.folder_percent // 100
    return min((most for most in (rules.folder_bytes, of_disk) if most is not None), default=None)


def total(session: Session) -> int:
    return int(session.scalar(select(func.coalesce(func.sum(ResultFile.size), 0)).where(THERE)) or 0)


def beyond(session: Session, most: int, going: set[int], freed: int) -> list[Doomed]:
    """The oldest results that have to go besides those that are ``going``, which free ``freed`` bytes.

    Never a pinned one, nor the newest of a job that is given out: so it may stay above its budget.
    """
    over = total(session) - freed - most
    found: list[Doomed] = []
    for file in _oldest_first(session) if over > 0 else ():
        if over <= 0:
            break
        if file.id not in going:
            found.append(Doomed(file, f"all results together may take {most:,} bytes"))
            over -= file.size
    return found


def _oldest_first(session: Session) -> Iterator[Any]:
    newest = select(func.max(ResultFile.id)).where(THERE, ResultFile.held.is_(None)).group_by(ResultFile.job_id)
    shown = set(session.scalars(newest))
    after = 0
    while True:
        page = FILES.where(ResultFile.id > after, ResultFile.pinned.is_(False)).order_by(None).order_by(ResultFile.id)
        files = session.execute(page.limit(PAGE)).all()
        yield from (file for file in files if file.id not in shown)
        if len(files) < PAGE:
            return
        after = files[-1].id
