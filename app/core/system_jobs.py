"""System jobs: made at the start where they are missing. People see them, run them, and edit their schedule."""

import logging
import secrets
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import CarillonError
from app.core.job_types import JobType, SystemJob
from app.core.jobs import Jobs, JobSpec
from app.core.models import Job
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, cron

log = logging.getLogger(__name__)


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
            if job_type.system and job_type.name not in there:
                self._make(job_type, job_type.system)

    def _make(self, job_type: JobType, wanted: SystemJob) -> None:
        spec = JobSpec(wanted.name, job_type.name, triggers=[self._trigger(wanted)], uid=wanted.uid)
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
