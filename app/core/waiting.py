"""What a queued run waits for, in words."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import limits
from app.core.limits import Share
from app.core.models import IS_GOING_ON, Job, Run

_SHARED = select(*limits.NEEDS).join(Job, Job.id == Run.job_id)


def missing(session: Session, run_id: int, one_at_a_time: Iterable[str]) -> str | None:
    """``None`` when nothing but a free worker is missing."""
    places = limits.places(session, one_at_a_time)
    run = session.execute(_SHARED.where(Run.id == run_id)).one()
    share = places.missing(run)
    return None if share is None else _words(session, share, places)


def _words(session: Session, share: Share, places: limits.Places) -> str:
    taken = places.taken[share]
    match share.kind:
        case "job":
            before = session.scalar(select(Run.id).where(Run.job_id == share.name, IS_GOING_ON).limit(1))
            return f"it waits for run {before} of the same job"
        case "type":
            return f"it waits for the running job of the type {share.name}: one at a time"
    return f"it waits for the {share.kind} {share.name!r}: {taken} of {places.limits[share]} places are taken"
