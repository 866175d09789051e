"""Pauses: triggers of everything, a group, a job or one trigger that shall not fire for a while.

``Trigger.is_paused`` is what the engine looks at; it is worked out from the rows of pauses, which are the truth. What
came due meanwhile is decided by the triggers' misfire rules as soon as the pause has ended.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, and_, cast, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from app.core.db import Database
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import Job, Pause, Trigger
from app.core.ports import Clock
from app.core.statuses import PauseScope


class Pauses:
    def __init__(self, db: Database, clock: Clock, changed: Callable[[], None]) -> None:
        """``changed`` is called after a commit that may have made something due."""
        self.db = db
        self.clock = clock
        self.changed = changed

    def begin(
        self,
        scope: PauseScope,
        name: str = "",
        by: str | None = None,
        *,
        until: datetime | None = None,
        reason: str = "",
    ) -> Pause:
        """Pause. ``name`` is that of a group, the uid of a job or the id of a trigger; empty for everything.

        Raises ``NotFoundError``, ``InvalidError`` for an ``until`` that is past, ``ConflictError`` when it is paused.
        """
        now = self.clock()
        if until is not None and until <= now:
            raise InvalidError.of("until", "the moment must lie in the future")
        with self.db.transaction() as session:
            _check(session, scope, name)
            if session.scalar(_current().where(Pause.scope == scope, Pause.name == name)):
                raise ConflictError("that is paused already", code="already_paused")
            pause = Pause(scope=scope, name=name, until=until, reason=reason, began_at=now, began_by=by)
            session.add(pause)
            apply(session)
        return pause

    def end(self, pause_id: int, by: str | None) -> Pause:
        """Raises ``NotFoundError``, ``ConflictError`` when it has ended already."""
        with self.db.transaction() as session:
            pause = session.get(Pause, pause_id, with_for_update=True)
            if pause is None:
                raise NotFoundError(f"no pause {pause_id}")
            if pause.ended_at is not None:
                raise ConflictError("this pause has ended already", code="not_paused")
            pause.ended_at, pause.ended_by = self.clock(), by
            apply(session)
        self.changed()
        return pause

    def resume(self, scope: PauseScope, name: str = "", by: str | None = None) -> bool:
        """End the pause of exactly this. Gives whether there was one."""
        with self.db.reading() as session:
            pause = session.scalar(_current().where(Pause.scope == scope, Pause.name == name))
        if pause is None:
            return False
        self.end(pause.id, by)
        return True

    def expire(self) -> datetime | None:
        """End what has reached its time. Gives when the next one will, ``None`` for never."""
        now = self.clock()
        with self.db.reading() as session:
            next_end = session.scalar(_NEXT_END)
        if next_end is None or next_end > now:
            return next_end
        with self.db.transaction() as session:
            over = session.scalars(_current().where(Pause.until <= now).with_for_update()).all()
            for pause in over:
                pause.ended_at = pause.until
            apply(session)
            return session.scalar(_NEXT_END)

    def current(self) -> Sequence[Pause]:
        with self.db.reading() as session:
            return session.scalars(_current().order_by(Pause.id)).all()

    def ended(self, limit: int = 20) -> Sequence[Pause]:
        """The newest of those that are over, by their end."""
        query = select(Pause).where(Pause.ended_at.is_not(None)).order_by(Pause.ended_at.desc(), Pause.id.desc())
        with self.db.reading() as session:
            return session.scalars(query.limit(limit)).all()

    def jobs(self, pauses: Iterable[Pause]) -> Mapping[int, Job]:
        """The job that a pause is about, or whose trigger it is about, by the pause's id; without those that are gone.

        A queue is one, too.
        """
        named = {pause.id: (pause.scope, pause.name) for pause in pauses}
        uids = [name for scope, name in named.values() if scope is PauseScope.JOB]
        ids = [int(name) for scope, name in named.values() if scope is PauseScope.TRIGGER]
        with self.db.reading() as session:
            found: dict[tuple[PauseScope, str], Job] = {
                (PauseScope.JOB, job.uid): job for job in session.scalars(select(Job).where(Job.uid.in_(uids)))
            }
            for row in session.scalars(select(Trigger).where(Trigger.id.in_(ids)).options(joinedload(Trigger.job))):
                found[PauseScope.TRIGGER, str(row.id)] = row.job
        return {pause_id: found[key] for pause_id, key in named.items() if key in found}

    def of(self, job: Job) -> Sequence[Pause]:
        """Those that hold some of a job's triggers (loaded) now."""
        return [pause for pause in self.current() if any(covers(pause, job, trigger) for trigger in job.triggers)]


_NEXT_END = select(func.min(Pause.until)).where(Pause.ended_at.is_(None))


def covers(pause: Pause, job: Any, trigger: Any) -> bool:
    """Whether a pause holds this trigger; ``job`` has ``uid`` and ``group``, ``trigger`` its ``id``."""
    named = {PauseScope.ALL: "", PauseScope.GROUP: job.group, PauseScope.JOB: job.uid, PauseScope.TRIGGER: trigger.id}
    return str(named[pause.scope]) == pause.name


def apply(session: Session, job_id: int | None = None) -> None:
    """Let all triggers, or those of one job, say whether they are paused, in the caller's transaction."""
    session.flush()
    held = exists().where(
        Job.id == Trigger.job_id,
        Pause.ended_at.is_(None),
        or_(
            Pause.scope == PauseScope.ALL,
            and_(Pause.scope == PauseScope.GROUP, Pause.name == Job.group),
            and_(Pause.scope == PauseScope.JOB, Pause.name == Job.uid),
            and_(Pause.scope == PauseScope.TRIGGER, Pause.name == cast(Trigger.id, Text)),
        ),
    )
    change = update(Trigger).where(Trigger.is_paused != held).values(is_paused=held)
    if job_id is not None:
        change = change.where(Trigger.job_id == job_id)
    session.execute(change, execution_options={"synchronize_session": False})


def end_orphans(session: Session, now: datetime, by: str | None) -> None:
    """End the pauses of triggers that are there no more."""
    there = select(cast(Trigger.id, Text))
    gone = Pause.ended_at.is_(None) & (Pause.scope == PauseScope.TRIGGER) & Pause.name.not_in(there)
    session.execute(update(Pause).where(gone).values(ended_at=now, ended_by=by))


def _current() -> Any:
    return select(Pause).where(Pause.ended_at.is_(None))


def _check(session: Session, scope: PauseScope, name: str) -> None:
    match scope:
        case PauseScope.ALL if name:
            raise InvalidError.of("name", "everything has no name")
        case PauseScope.GROUP:
            if not session.scalar(select(Job.id).where(Job.group == name, Job.deleted_at.is_(None)).limit(1)):
                raise NotFoundError(f"there is no job in a group {name!r}")
        case PauseScope.JOB:
            if not session.scalar(select(Job.id).where(Job.uid == name, Job.deleted_at.is_(None))):
                raise NotFoundError(f"no job with uid {name!r}")
        case PauseScope.TRIGGER:
            is_id = name.isascii() and name.isdecimal() and len(name) < 19
            if not is_id or session.get(Trigger, int(name)) is None:
                raise NotFoundError(f"no trigger {name}")
