"""Pools: places that the runs of several jobs share, by name."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import ConflictError, FieldError, InvalidError, NotFoundError
from app.core.limits import GOING_ON
from app.core.models import Job, Pool, Run
from app.core.statuses import RunStatus

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
MOST_PLACES = 1000


@dataclass(frozen=True)
class PoolView:
    """A pool as it stands. ``taken`` may exceed ``places`` for a while when those have become fewer."""

    name: str
    places: int
    taken: int
    waiting: int  # queued runs, whatever they wait for
    used_by: Sequence[str]  # the names of jobs


class Pools:
    def __init__(self, db: Database, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit that may have made room for a run."""
        self.db = db
        self.changed = changed

    def list(self) -> Sequence[PoolView]:
        """By name."""
        with self.db.reading() as session:
            rows = session.scalars(select(Pool).order_by(Pool.name)).all()
            taken, waiting, users = _runs(session, *GOING_ON), _runs(session, RunStatus.QUEUED), _users(session)
        return [
            PoolView(row.name, row.places, taken.get(row.name, 0), waiting.get(row.name, 0), users.get(row.name, []))
            for row in rows
        ]

    def get(self, name: str) -> PoolView:
        """Raises ``NotFoundError``."""
        found = next((view for view in self.list() if view.name == name), None)
        if found is None:
            raise NotFoundError(f"no pool named {name!r}")
        return found

    def create(self, name: str, places: int) -> PoolView:
        """Raises ``InvalidError``, ``ConflictError`` when the name is taken."""
        _check(name, places)
        with self.db.transaction() as session:
            if session.scalar(select(Pool.id).where(Pool.name == name)):
                raise ConflictError(f"there is a pool named {name!r} already", code="name_taken")
            session.add(Pool(name=name, places=places))
        return self.get(name)

    def change(self, name: str, places: int) -> PoolView:
        """Fewer places end no run: those that go on keep theirs. Raises ``NotFoundError``, ``InvalidError``."""
        _check(name, places)
        with self.db.transaction() as session:
            _found(session, name).places = places
        self.changed()
        return self.get(name)

    def remove(self, name: str) -> None:
        """Raises ``NotFoundError``, ``ConflictError`` while jobs name it or runs hold its places or wait for them."""
        with self.db.transaction() as session:
            row = _found(session, name)
            users = _users(session).get(name)
            if users:
                raise ConflictError(f"pool {name!r} is used by {', '.join(map(repr, users[:5]))}", code="in_use")
            if _runs(session, *GOING_ON, RunStatus.QUEUED).get(name):
                raise ConflictError(f"runs of pool {name!r} are going on or waiting", code="in_use")
            session.delete(row)


def _check(name: str, places: int) -> None:
    errors = []
    if not NAME.fullmatch(name):
        errors.append(FieldError("name", "use 1 to 64 letters, digits, _, . and -"))
    if not 1 <= places <= MOST_PLACES:
        errors.append(FieldError("places", f"must be from 1 to {MOST_PLACES}"))
    if errors:
        raise InvalidError(errors)


def _found(session: Session, name: str) -> Pool:
    row = session.scalar(select(Pool).where(Pool.name == name).with_for_update())
    if row is None:
        raise NotFoundError(f"no pool named {name!r}")
    return row


def _runs(session: Session, *statuses: RunStatus) -> Mapping[str, int]:
    query = select(Run.pool, func.count()).where(Run.status.in_(statuses), Run.pool.is_not(None)).group_by(Run.pool)
    return {str(name): count for name, count in session.execute(query)}


def _users(session: Session) -> Mapping[str, list[str]]:
    users: dict[str, list[str]] = {}
    query = select(Job.pool, Job.name).where(Job.deleted_at.is_(None), Job.pool.is_not(None)).order_by(Job.name)
    for pool, name in session.execute(query):
        users.setdefault(str(pool), []).append(name)
    return users
