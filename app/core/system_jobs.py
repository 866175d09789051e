"""System jobs: made at the start where they are missing. People see them, run them, and edit their schedule."""

import logging
import secrets
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import CarillonError, ConflictError
from app.core.job_types import JobType, SystemJob
from app.core.jobs import Jobs, JobSpec
from app.core.models import Job
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, cron

log = logging.getLogger(__name__)


class Demanded(NamedTuple):
    id: int
    uid: str
    is_new: bool


class SystemJobs:
    def __init__(self, db: Database, jobs: Jobs, timezone: str) -> None:
        """``timezone`` is the one in which their expressions are read."""
        self.db = db
        self.jobs = jobs
        self.timezone = timezone

    def ensure(self) -> None:
        """Make the job of every installed system type that has none. What stands in the way of one is logged."""
        with self.db.reading() as session:
            there = set(session.scalars(select(Job.job_type).where(Job.is_system, Job.deleted_at.is_(None))))
        for job_type in self.jobs.types:
            if job_type.system and not job_type.system.is_made_on_demand and job_type.name not in there:
                self._make(job_type, job_type.system)

    def demand(self, type_name: str, **said: Any) -> Demanded:
        """Give the job of a type that is made on demand; ``said`` are fields of the spec of one that is made now.

        Raises ``NotFoundError`` when the type is not installed.
        """
        job_type = self.jobs.types.get(type_name)
        found = self._present(type_name)
        if found is None and job_type.system:
            self._make(job_type, job_type.system, **said)
            found, is_new = self._present(type_name), True
        else:
            is_new = False
        if found is None:
            raise ConflictError(f"there is no job of the type {type_name}, and none could be made", code="no_job")
        return Demanded(found.id, found.uid, is_new)

    def _present(self, type_name: str) -> Job | None:
        with self.db.reading() as session:
            there = (Job.is_system, Job.job_type == type_name, Job.deleted_at.is_(None))
            return session.scalar(select(Job).where(*there))

    def _make(self, job_type: JobType, wanted: SystemJob, **said: Any) -> None:
        triggers = [] if wanted.is_made_on_demand else [self._trigger(wanted)]
        spec = JobSpec(wanted.name, job_type.name, triggers=triggers, uid=wanted.uid, **said)
        try:
            with self.db.transaction() as session:
                self.jobs.make(session, replace(spec, name=_free_name(session, spec.name)), None, is_system=True)
        except CarillonError as error:
            log.error("the system job %r cannot be made: %s", wanted.name, error.message)

    def _trigger(self, wanted: SystemJob) -> TriggerSpec:
        if wanted.delay_seconds is not None:
            return TriggerSpec(TriggerKind.FIXED_DELAY, self.timezone, delay_seconds=wanted.delay_seconds)
        drawn = {"second": secrets.randbelow(60), "minute": secrets.randbelow(60), "hour": 3 + secrets.randbelow(3)}
        return cron(wanted.expression.format(**drawn), self.timezone)


def _free_name(session: Session, name: str) -> str:
    """Somebody may have given the name to a job of his own before."""
    taken = session.scalar(select(Job.id).where(Job.name == name, Job.deleted_at.is_(None)))
    return f"{name} (system)" if taken else name
