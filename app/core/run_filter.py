"""Finding runs among millions: which, newest first, page by page.

Three indexes hold the runs that have ended, by job, by group and by neither, each with status, origin and id. A
condition that is not given is asked for value by value, and the short answers are merged: so every combination reads as
many rows as a page has, times the few values, at any depth. Active runs are few and have an index of their own, so that
their changes of status cost the others nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, select, union_all
from sqlalchemy.orm import Session

from app.core.models import HAS_ENDED, IS_ACTIVE, Job, Run
from app.core.statuses import FINAL, Origin, RunStatus

COUNTED = 1000
"""Nobody needs to know a larger number exactly."""
NO_ID = 2**62
"""Above all ids."""


@dataclass(frozen=True)
class RunFilter:
    """All given conditions must hold. ``created`` times are those of the run's record, inclusive."""

    job_id: int | None = None
    group: str | None = None
    statuses: Sequence[RunStatus] = ()
    origin: Origin | None = None
    asks: bool | None = None
    text: str = ""
    system: bool | None = None
    """Whether of a system job; ``None`` for all."""
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def _is_selective(self) -> bool:
        return self.job_id is not None or self.group is not None or bool(self.statuses) or self.origin is not None


def newest(session: Session, wanted: RunFilter, before: int | None, limit: int) -> list[int]:
    """The ids of up to ``limit`` runs, newest first, all below ``before``."""
    bounds = _bounds(session, wanted, before)
    parts = list(_parts(wanted)) if wanted._is_selective else [select(Run.id)]
    pages = [_page(part, Run.id.expression, bounds, wanted, limit) for part in parts]
    if wanted._is_selective and (active := _active(wanted)) is not None:
        pages.append(_page(active, Run.id + 0, bounds, wanted, limit))  # by the index of the few, not along all ids
    merged = union_all(*(select(page.c.id) for page in pages)).subquery()
    return list(session.scalars(select(merged.c.id).order_by(merged.c.id.desc()).limit(limit)))


def _page(part: Select[Any], key: ColumnElement[int], bounds: "_Bounds", wanted: RunFilter, limit: int) -> Subquery:
    return part.where(*bounds.of(key), *_remaining(wanted)).order_by(key.desc()).limit(limit).subquery()


def count(session: Session, wanted: RunFilter) -> int:
    """How many there are; ``COUNTED + 1`` stands for more than ``COUNTED``."""
    return len(newest(session, wanted, None, COUNTED + 1))


@dataclass(frozen=True)
class _Bounds:
    """Ids that lie below ``below`` and from ``first`` to ``last``, where given."""

    below: int | None
    first: int | None
    last: int | None

    def of(self, key: ColumnElement[int]) -> list[ColumnElement[bool]]:
        bounds = [key < self.below] if self.below is not None else []
        bounds += [key >= self.first] if self.first is not None else []
        return bounds + ([key <= self.last] if self.last is not None else [])


def _bounds(session: Session, wanted: RunFilter, before: int | None) -> _Bounds:
    """Ids grow with the times of the records: two looks into their index turn a stretch of time into one of ids."""
    first = last = None
    if wanted.created_from is not None:
        later = select(Run.id).where(Run.queued_at >= wanted.created_from).order_by(Run.queued_at, Run.id)
        first = session.scalar(later.limit(1)) or NO_ID
    if wanted.created_to is not None:
        earlier = select(Run.id).where(Run.queued_at <= wanted.created_to)
        last = session.scalar(earlier.order_by(Run.queued_at.desc(), Run.id.desc()).limit(1)) or 0
    return _Bounds(before, first, last)


def _parts(wanted: RunFilter) -> Iterator[Select[Any]]:
    """One for each status and origin that may be: each is a stretch of one index, in the order of the ids."""
    statuses = [status for status in wanted.statuses or FINAL if status.is_final]
    for status, origin in product(statuses, [wanted.origin] if wanted.origin else Origin):
        yield select(Run.id).where(*_narrow(wanted), Run.status == status, Run.origin == origin, HAS_ENDED)


def _active(wanted: RunFilter) -> Select[Any] | None:
    statuses = [status for status in wanted.statuses if not status.is_final]
    if wanted.statuses and not statuses:
        return None
    active = select(Run.id).where(*_narrow(wanted), IS_ACTIVE)
    if statuses:
        active = active.where(Run.status.in_(statuses))
    return active.where(Run.origin == wanted.origin) if wanted.origin is not None else active


def _narrow(wanted: RunFilter) -> list[ColumnElement[bool]]:
    narrow = [Run.job_id == wanted.job_id] if wanted.job_id is not None else []
    return narrow + ([Run.group == wanted.group] if wanted.group is not None else [])


def _remaining(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """What no index answers; the times again, because a clock that was put back breaks the order of the ids.

    Written so that no index of times is taken: it would be the wrong one.
    """
    queued_at = func.coalesce(Run.queued_at, Run.queued_at)
    conditions: list[ColumnElement[bool]] = []
    if wanted.asks is not None:
        conditions.append(Run.asks.is_(wanted.asks))
    if wanted.text:
        conditions.append(func.lower(Run.job_name).contains(wanted.text.lower(), autoescape=True))
    if wanted.system is not None:
        of_system = select(Job.id).where(Job.is_system)
        conditions.append(Run.job_id.in_(of_system) if wanted.system else Run.job_id.not_in(of_system))
    if wanted.created_from is not None:
        conditions.append(queued_at >= wanted.created_from)
    if wanted.created_to is not None:
        conditions.append(queued_at <= wanted.created_to)
    return conditions
