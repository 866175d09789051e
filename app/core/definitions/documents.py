"""What is in the database, as a document: the same database gives the same document."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.core.calendars import chain
from app.core.jobs import present
from app.core.models import QUEUE, Calendar, Job, Pool, QueueStep, Trigger
from app.core.policies import Policies
from app.core.triggers import TriggerSpec

FORMAT = 1
KINDS = ("pools", "calendars", "connections", "jobs", "queues")
"""In the order in which they need each other."""
Document = dict[str, Any]


def job(row: Job) -> Document:
    """A job whose triggers are loaded."""
    said: Document = {"name": row.name, "uid": row.uid, "type": row.job_type}
    said |= {"group": row.group} if row.group != "DEFAULT" else {}
    said |= _common(row)
    said |= {"timeout_seconds": row.timeout_seconds} if row.timeout_seconds is not None else {}
    policies = _without_defaults(Policies.of(row))
    return said | ({"policies": policies} if policies else {}) | {"parameters": row.parameters} | _triggers(row)


def queue(row: Job) -> Document:
    steps = [
        {"job": step.job.name} | ({"on_failure": step.on_failure.value} if step.on_failure != "stop" else {})
        for step in row.steps
    ]
    return {"name": row.name, "uid": row.uid} | _common(row) | {"steps": steps} | _triggers(row)


def _common(row: Job) -> Document:
    said: Document = {"description": row.description} if row.description else {}
    return said | ({} if row.enabled else {"enabled": False})


def _triggers(row: Job) -> Document:
    return {"triggers": [_without_defaults(TriggerSpec.of(each)) for each in row.triggers]} if row.triggers else {}


def calendar(row: Calendar, base: str | None) -> Document:
    said: Document = {"name": row.name, "kind": row.kind.value, "timezone": row.timezone}
    said |= {"base": base} if base else {}
    said |= {"description": row.description} if row.description else {}
    return said | {"content": row.content}


def pool(row: Pool) -> Document:
    return {"name": row.name, "places": row.places}


def _without_defaults(spec: Any) -> Document:
    """The fields of a dataclass that say something."""
    return {
        field.name: plain(value)
        for field in fields(spec)
        if (value := getattr(spec, field.name)) != field.default or field.default is MISSING
    }


def plain(value: Any) -> Any:
    """As JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "written"):
        return value.written()
    return value


def whole(session: Session, connections: Sequence[Document]) -> Mapping[str, list[Document]]:
    """Everything but system jobs, by kind; jobs by name, as a changed name is a change that shows."""
    rows = session.scalars(
        present()
        .where(Job.is_system.is_(False))
        .options(
            selectinload(Job.triggers).joinedload(Trigger.calendar),
            selectinload(Job.steps).joinedload(QueueStep.job),
        )
    )
    found = sorted(rows, key=lambda row: (row.name, row.uid))
    return {
        "pools": [pool(row) for row in session.scalars(select(Pool).order_by(Pool.name))],
        "calendars": _calendars(session),
        "connections": list(connections),
        "jobs": [job(row) for row in found if row.job_type != QUEUE],
        "queues": [queue(row) for row in found if row.job_type == QUEUE],
    }


def _calendars(session: Session) -> list[Document]:
    """Those that others build on come first."""
    rows = {row.id: row for row in session.scalars(select(Calendar))}
    depths = {row.id: len(chain(session, row)) for row in rows.values()}
    return [
        calendar(row, rows[row.base_id].name if row.base_id else None)
        for row in sorted(rows.values(), key=lambda row: (depths[row.id], row.name))
    ]
