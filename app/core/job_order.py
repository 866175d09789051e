"""The orders of a list of jobs: each finds a page among 100,000 of them without sorting them all."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, text, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.core.models import IS_A_JOB, Job, Trigger

Filtered = Callable[[Select[Any]], Select[Any]]


class JobOrder(StrEnum):
    NAME = "name"
    NAME_BACK = "-name"
    NEWEST = "-made"
    NEXT_START = "next"  # those without one come last, by name


ORDERS: dict[JobOrder, list[ColumnElement[Any] | InstrumentedAttribute[Any]]] = {
    JobOrder.NAME: [func.lower(Job.name), Job.id],
    JobOrder.NAME_BACK: [func.lower(Job.name).desc(), Job.id.desc()],
    JobOrder.NEWEST: [Job.id.desc()],
}
WAITS = text("NOT trigger.is_paused")  # as the index on ``next_fire_at`` says it


def by_next_start(session: Session, filtered: Filtered, offset: int, limit: int) -> Sequence[int]:
    """The ids of one page, soonest first."""
    coming = filtered(_coming())
    ids = list(session.scalars(coming.order_by(Trigger.next_fire_at, Trigger.id).offset(offset).limit(limit)))
    if len(ids) == limit:
        return ids
    before = session.scalar(select(func.count()).select_from(coming.subquery())) or 0
    rest = filtered(select(Job.id).where(IS_A_JOB, ~_waits_for_something()))
    rest = rest.order_by(*ORDERS[JobOrder.NAME]).offset(max(offset - before, 0)).limit(limit - len(ids))
    return [*ids, *session.scalars(rest)]


def _coming() -> Select[Any]:
    """Jobs at the first of their triggers: the database reads the index of next times until the page is full."""
    sooner = aliased(Trigger)
    is_sooner = tuple_(sooner.next_fire_at, sooner.id) < tuple_(Trigger.next_fire_at, Trigger.id)
    there_is_a_sooner_one = exists().where(sooner.job_id == Trigger.job_id, sooner.is_paused.is_(False), is_sooner)
    return (
        select(Job.id)
        .join(Trigger, Trigger.job_id == Job.id)
        .where(IS_A_JOB, WAITS, Trigger.next_fire_at.is_not(None), ~there_is_a_sooner_one)
    )


def _waits_for_something() -> ColumnElement[bool]:
    return exists().where(Trigger.job_id == Job.id, WAITS, Trigger.next_fire_at.is_not(None))
