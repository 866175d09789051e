"""Comparisons of result files: asked for by people, done by a run of a system job, kept as that run's files.

What was compared once is not compared again: a comparison is known by its two files and its key.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from app.core import results
from app.core.db import Database
from app.core.errors import ConflictError, FieldError, InvalidError, NotFoundError
from app.core.keeping import Keeping, Rule
from app.core.models import ResultContract, ResultDiff, ResultFile, Run
from app.core.policies import Policies
from app.core.results import RESULT_DIFF
from app.core.runs import Runs
from app.core.statuses import OverlapRule, RunStatus
from app.core.system_jobs import SystemJobs
from app.core.terms import Terms

JOB_UID = "ResultDiffs"
LIMIT = timedelta(minutes=30)  # of one comparison
KEPT = Rule(days=30)  # at first; it can be edited as those of all jobs
WAITING = 100  # comparisons; one is done at a time
POLICIES = Policies(overlap=OverlapRule.QUEUE, overlap_limit=WAITING, priority=-50)
SUMMARY = "application/json"

# What files of the first release do not say of themselves, by the parameter of their run that does.
_LATER = {
    "header": "header",
    "null_text": "nullText",
    "quoting": "quoting",
    "line_ending": "lineEnding",
    "date_format": "dateFormat",
    "decimal_mark": "decimalMark",
}

Key = Sequence[str] | None
"""The columns by which rows are told apart; none of them: rows are compared as a whole. ``None``: to be guessed."""


@dataclass(frozen=True)
class Diff:
    """A comparison, asked for or not. ``run`` is ``None`` before somebody asks, or when what it made is gone."""

    old: ResultFile
    new: ResultFile
    key: Key
    run: Run | None = None
    rows: ResultFile | None = None  # all differences
    summary: Mapping[str, Any] | None = None  # see app.job_types.result_diff.run

    @property
    def is_going_on(self) -> bool:
        return self.run is not None and not self.run.status.is_final


class Diffs:
    def __init__(
        self, db: Database, runs: Runs, system_jobs: SystemJobs, keeping: Keeping, read: Callable[[str], bytes]
    ) -> None:
        """``read`` gives what is in a small file of the store."""
        self.db = db
        self.runs = runs
        self.system_jobs = system_jobs
        self.keeping = keeping
        self.read = read

    def candidates(self, new_id: int, limit: int = 20) -> Sequence[ResultFile]:
        """The results of the same job with which one can be compared: those before it first, newest first."""
        with self.db.reading() as session:
            new = results.find(session, new_id)
            query = select(ResultFile).where(ResultFile.job_id == new.job_id, results.THERE, ResultFile.id != new_id)
            found = session.scalars(query.order_by(ResultFile.id.desc()).limit(limit * 2)).all()
        usable = [file for file in found if why_not(file) is None]
        return sorted(usable, key=lambda file: (file.id > new_id, -file.id))[:limit]

    def find(self, new_id: int, old_id: int | None = None, key: Key = None) -> Diff:
        """What is known of a comparison; ``old_id=None``: with the newest good result before it.

        Without a key it is that of the job's contract, if there is one. Raises ``NotFoundError``, ``ConflictError``
        (``not_comparable``, ``no_previous``), and ``InvalidError`` for a key that is not in both files.
        """
        with self.db.reading() as session:
            diff = self._asked(session, new_id, old_id, key)
            row = session.get(ResultDiff, _identity(diff))
            run = session.get(Run, row.run_id) if row else None
            made = list(run.files) if run else []
        return self._known(diff, run, made)

    def _known(self, diff: Diff, run: Run | None, made: Sequence[ResultFile]) -> Diff:
        if run is None or run.status is not RunStatus.SUCCEEDED:
            return Diff(diff.old, diff.new, diff.key, run)
        rows = next((file for file in made if file.media_type != SUMMARY), None)
        told = next((file for file in made if file.media_type == SUMMARY), None)
        try:
            summary = json.loads(self.read(told.path)) if told and rows else None
        except (NotFoundError, ValueError):
            summary = None
        return Diff(diff.old, diff.new, diff.key, run, rows, summary) if summary else diff

    def request(self, new_id: int, old_id: int | None = None, key: Key = None, *, by: str | None) -> Diff:
        """Begin a comparison, unless it is known or going on. Raises what ``find`` does, and ``ConflictError`` with
        the code ``queue_full``."""
        present = self.find(new_id, old_id, key)
        if present.summary or present.is_going_on:
            return present
        with self.db.reading() as session:
            asked = {"old": _told(session, present.old), "new": _told(session, present.new), "key": _list(present.key)}
        run = self.runs.request(self._job(), by, parameters={"comparison": asked})
        with self.db.transaction() as session:
            old, new, digest = _identity(present)
            session.merge(ResultDiff(old_id=old, new_id=new, key_digest=digest, run_id=run.id))
        return Diff(present.old, present.new, present.key, run)

    def _job(self) -> str:
        """The uid of the job whose runs compare; made when it is asked for first."""
        made = self.system_jobs.demand(RESULT_DIFF, policies=POLICIES, timeout_seconds=int(LIMIT.total_seconds()))
        if made.is_new:
            self.keeping.save(made.id, KEPT)
        return made.uid

    def forget(self) -> int:
        """Forget comparisons of files that are gone for good."""
        gone = [~exists().where(ResultFile.id == one) for one in (ResultDiff.old_id, ResultDiff.new_id)]
        with self.db.transaction() as session:
            found = session.execute(select(ResultDiff.old_id, ResultDiff.new_id).where(or_(*gone))).all()
            for old_id, new_id in found:
                session.execute(delete(ResultDiff).where(ResultDiff.old_id == old_id, ResultDiff.new_id == new_id))
        return len(found)

    def _asked(self, session: Session, new_id: int, old_id: int | None, key: Key) -> Diff:
        new = _comparable(results.find(session, new_id))
        old = _comparable(results.find(session, old_id)) if old_id is not None else _previous(session, new)
        if old.id == new.id:
            raise InvalidError.of("with", "a result is not compared with itself")
        both = [name for name in new.columns or () if name in (old.columns or ())]
        if not both:
            raise ConflictError(f"{old.name!r} and {new.name!r} have no column in common", code="not_comparable")
        if key is None:
            return Diff(old, new, _contract_key(session, new.job_id, both))
        missing = [name for name in key if name not in both]
        if missing:
            raise InvalidError([FieldError("key", f"{name!r} is no column of both files") for name in missing])
        return Diff(old, new, list(dict.fromkeys(key)))


def why_not(file: ResultFile) -> str | None:
    """Why a file cannot be compared, for people; ``None`` when it can."""
    if file.csv is None:
        return "only CSV files of exports can be compared"
    return None if file.columns else "it has no columns"


def _comparable(file: ResultFile) -> ResultFile:
    if why := why_not(file):
        raise ConflictError(f"{file.name!r} cannot be compared: {why}", code="not_comparable")
    return file


def _previous(session: Session, new: ResultFile) -> ResultFile:
    """The newest result before it that was given out. Raises ``ConflictError``."""
    before = (ResultFile.job_id == new.job_id, ResultFile.id < new.id, results.THERE, ResultFile.held.is_(None))
    query = select(ResultFile).where(*before).order_by(ResultFile.id.desc()).limit(20)
    found = next((file for file in session.scalars(query) if why_not(file) is None), None)
    if found is None:
        raise ConflictError(f"job {new.job_name!r} has no earlier result to compare with", code="no_previous")
    return found


def _contract_key(session: Session, job_id: int, columns: Sequence[str]) -> Key:
    row = session.get(ResultContract, job_id)
    terms = Terms.read(row.terms) if row else None
    key = terms.unique_key if terms else None
    return list(key) if key and set(key) <= set(columns) else None


def _identity(diff: Diff) -> tuple[int, int, str]:
    return diff.old.id, diff.new.id, sha256(json.dumps(_list(diff.key)).encode()).hexdigest()


def _list(key: Key) -> list[str] | None:
    return None if key is None else list(key)


def _told(session: Session, file: ResultFile) -> dict[str, Any]:
    """A file as the run that compares has to know it."""
    run = session.get(Run, file.run_id)
    given = run.parameters if run else {}
    earlier = {name: given[parameter] for name, parameter in _LATER.items() if parameter in given}
    csv = earlier | (file.csv or {})
    said = {name: getattr(file, name) for name in ("id", "name", "path", "columns", "rows", "types")}
    return said | {"csv": csv}
