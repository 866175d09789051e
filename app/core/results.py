"""Result files that runs have made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select

from app.core.db import Database
from app.core.errors import NotFoundError
from app.core.models import ResultFile


@dataclass(frozen=True)
class ResultFilter:
    job_id: int | None = None
    text: str = ""  # looked for in file and job names


class Results:
    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, file_id: int) -> ResultFile:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            made = session.get(ResultFile, file_id)
        if made is None:
            raise NotFoundError(f"no result file {file_id}")
        return made

    def list(self, wanted: ResultFilter, *, before: int | None = None, limit: int = 50) -> Sequence[ResultFile]:
        """Newest first; ``before`` is the id of the last file of the page before."""
        query = _filtered(select(ResultFile), wanted).order_by(ResultFile.id.desc()).limit(limit)
        if before is not None:
            query = query.where(ResultFile.id < before)
        with self.db.reading() as session:
            return session.scalars(query).all()

    def newest(self, job_ids: Iterable[int]) -> dict[int, ResultFile]:
        """The newest file of each job that has one, by job id."""
        newest = select(func.max(ResultFile.id)).where(ResultFile.job_id.in_(set(job_ids))).group_by(ResultFile.job_id)
        with self.db.reading() as session:
            query = select(ResultFile).where(ResultFile.id.in_(newest.scalar_subquery()))
            return {made.job_id: made for made in session.scalars(query)}


def _filtered(query: Select[ResultFile], wanted: ResultFilter) -> Select[ResultFile]:
    if wanted.job_id is not None:
        query = query.where(ResultFile.job_id == wanted.job_id)
    if wanted.text:
        names = func.lower(ResultFile.job_name + " " + ResultFile.name)
        query = query.where(names.contains(wanted.text.lower(), autoescape=True))
    return query
