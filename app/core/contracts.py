"""Result contracts: what each result of a job has to be. One that breaks its contract is held.

A contract is learnt from a good result, or written by somebody. Results are judged when they are written down, by what
their worker has said of them; no file is read for it.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import results
from app.core.db import Database
from app.core.errors import ConflictError, InvalidError
from app.core.models import ResultContract, ResultFile
from app.core.ports import Clock
from app.core.terms import Facts, Terms, breaches, learnt, widened

log = logging.getLogger(__name__)


def judge(session: Session, files: Sequence[dict[str, Any]], now: datetime) -> None:
    """Write into the rows of new files what each of them breaks; contracts that know nothing yet learn."""
    wanted = select(ResultContract).where(
        ResultContract.job_id.in_({file["job_id"] for file in files}), ResultContract.is_on.is_(True)
    )
    contracts = {contract.job_id: contract for contract in session.scalars(wanted)}
    for file in files:
        contract = contracts.get(file["job_id"])
        if contract is not None:
            file["held"] = _judged(contract, file, now)


def _judged(contract: ResultContract, file: Mapping[str, Any], now: datetime) -> list[str] | None:
    terms, facts = Terms.read(contract.terms), Facts(file["columns"], file["rows"], file["types"], file["repeated"])
    if terms is None:
        contract.terms, contract.updated_at = learnt(facts).written(), now
        return None
    wrong = breaches(terms, facts)
    if wrong:
        log.warning("a result of run %s of %r is held: %s", file["run_id"], file["job_name"], "; ".join(wrong),
                    extra={"run_id": file["run_id"], "job_id": file["job_id"]})  # fmt: skip
    return wrong or None


@dataclass(frozen=True)
class Contract:
    """A job's contract as it stands. ``terms`` is ``None`` while there is nothing that it could be learnt from."""

    is_on: bool = False
    terms: Terms | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None

    @classmethod
    def of(cls, row: ResultContract | None) -> "Contract":
        return cls(row.is_on, Terms.read(row.terms), row.updated_at, row.updated_by) if row else cls()


class Contracts:
    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    def of_job(self, job_id: int) -> Contract:
        with self.db.reading() as session:
            return Contract.of(session.get(ResultContract, job_id))

    def freshness(self, job_id: int) -> timedelta | None:
        """How old the newest result may be before it is not given out any more."""
        contract = self.of_job(job_id)
        return contract.terms.max_age if contract.is_on and contract.terms else None

    def stale(self, job_ids: Collection[int]) -> set[int]:
        """Those of these jobs whose newest good result is older than their contract allows. One that has none yet is
        not stale."""
        with self.db.reading() as session:
            wanted = select(ResultContract).where(ResultContract.is_on.is_(True), ResultContract.job_id.in_(job_ids))
            terms = {row.job_id: Terms.read(row.terms) for row in session.scalars(wanted)}
            limits = {job_id: each.max_age for job_id, each in terms.items() if each and each.max_age}
            newest = results.newest(session, limits) if limits else {}
        now = self.clock()
        return {job_id for job_id, made in newest.items() if now - made.created_at > limits[job_id]}

    def save(self, job_id: int, terms: Terms | None, *, is_on: bool, by: str | None) -> Contract:
        """``terms=None``: learn them from the newest good result, else from the next one.

        Raises ``InvalidError``.
        """
        if terms is not None and (problems := list(terms.problems())):
            raise InvalidError(problems)
        with self.db.transaction() as session:
            row = self._row(session, job_id)
            terms = terms or self._from_newest(session, job_id)
            row.is_on, row.terms = is_on, terms.written() if terms else None
            row.updated_at, row.updated_by = self.clock(), by
            return Contract.of(row)

    def switch(self, job_id: int, by: str | None) -> Contract:
        """On or off, whichever it is not; what it knew before it still knows."""
        present = self.of_job(job_id)
        return self.save(job_id, present.terms, is_on=not present.is_on, by=by)

    def accept(self, file_id: int, by: str | None) -> ResultFile:
        """Give a held result out, and widen the contract so that the next one like it is good.

        Raises ``NotFoundError``, ``ConflictError`` when it is not held.
        """
        with self.db.transaction() as session:
            made = results.find(session, file_id)
            if made.held is None:
                raise ConflictError(f"result file {file_id} is not held", code="not_held")
            made.held, made.accepted_at, made.accepted_by = None, self.clock(), by
            self._widen(self._row(session, made.job_id), made, by)
        return made

    def _widen(self, row: ResultContract, made: ResultFile, by: str | None) -> None:
        terms = Terms.read(row.terms)
        if terms is not None:
            row.terms = widened(terms, Facts.of(made)).written()
            row.updated_at, row.updated_by = self.clock(), by

    def _row(self, session: Session, job_id: int) -> ResultContract:
        row = session.get(ResultContract, job_id)
        if row is None:
            row = ResultContract(job_id=job_id, is_on=False, terms=None, updated_at=self.clock())
            session.add(row)
        return row

    def _from_newest(self, session: Session, job_id: int) -> Terms | None:
        newest = results.newest(session, [job_id]).get(job_id)
        return learnt(Facts.of(newest)) if newest else None
