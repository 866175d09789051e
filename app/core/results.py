"""Result files that runs have made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import NotFoundError, UnavailableError
from app.core.models import Job, ResultFile
from app.core.ports import Clock

LARGEST_ID = 2**63 - 1
RESULT_DIFF = "RESULT_DIFF"
"""The type of the system job whose runs compare results; see app.core.diffs."""
THERE = ResultFile.removed_at.is_(None)


@dataclass(frozen=True)
class ResultFilter:
    job_id: int | None = None
    text: str = ""  # looked for in file and job names


class Results:
    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    def get(self, file_id: int) -> ResultFile:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return find(session, file_id)

    def list(self, wanted: ResultFilter, *, before: int | None = None, limit: int = 50) -> Sequence[ResultFile]:
        """Newest first; ``before`` is the id of the last file of the page before."""
        query = _filtered(select(ResultFile).where(THERE), wanted).order_by(ResultFile.id.desc()).limit(limit)
        if before is not None:
            query = query.where(ResultFile.id < before)
        with self.db.reading() as session:
            return session.scalars(query).all()

    def newest(self, job_ids: Iterable[int]) -> dict[int, ResultFile]:
        """The newest file of each job that has one, by job id; held ones are not given out."""
        with self.db.reading() as session:
            return newest(session, job_ids)

    def latest(self, job: Job, *, max_age: timedelta | None = None) -> ResultFile:
        """The newest file of a job. Raises ``NotFoundError`` without any, ``UnavailableError`` when it is too old.

        Its age counts from when it was made.
        """
        found = self.newest([job.id]).get(job.id)
        if found is None:
            raise NotFoundError(f"job {job.name!r} has made no result file yet", code="no_result")
        age = self.clock() - found.created_at
        if max_age is not None and age > max_age:
            raise UnavailableError(_stale(job, found, age, max_age), code="stale")
        return found


def find(session: Session, file_id: int) -> ResultFile:
    """Raises ``NotFoundError``, also for a number that no database can hold."""
    made = session.get(ResultFile, file_id) if file_id <= LARGEST_ID else None
    if made is None or made.removed_at is not None:
        raise NotFoundError(f"no result file {file_id}")
    return made


def newest(session: Session, job_ids: Iterable[int]) -> dict[int, ResultFile]:
    ids = select(func.max(ResultFile.id)).where(ResultFile.job_id.in_(set(job_ids)), THERE, ResultFile.held.is_(None))
    query = select(ResultFile).where(ResultFile.id.in_(ids.group_by(ResultFile.job_id).scalar_subquery()))
    return {made.job_id: made for made in session.scalars(query)}


def _stale(job: Job, found: ResultFile, age: timedelta, max_age: timedelta) -> str:
    made = f"made at {found.created_at:%Y-%m-%d %H:%M:%S} UTC by run {found.run_id}"
    return f"the newest result of job {job.name!r}, {made}, is {_rounded(age)} old, more than {_rounded(max_age)}"


def _rounded(age: timedelta) -> timedelta:
    """Printed as ``2 days, 3:00:05``."""
    return timedelta(seconds=int(age.total_seconds()))


def _filtered(query: Select[ResultFile], wanted: ResultFilter) -> Select[ResultFile]:
    if wanted.job_id is not None:
        query = query.where(ResultFile.job_id == wanted.job_id)
    else:  # comparisons are shown where they were asked for
        query = query.where(ResultFile.job_id.not_in(select(Job.id).where(Job.job_type == RESULT_DIFF)))
    if wanted.text:
        names = func.lower(ResultFile.job_name + " " + ResultFile.name)
        query = query.where(names.contains(wanted.text.lower(), autoescape=True))
    return query
