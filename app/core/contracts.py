"""Result contracts: what each result of a job has to be. One that breaks its contract is held.

A contract is learnt from a good result, or written by somebody. Results are judged when they are written down, by what
their worker has said of them; no file is read for it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import results
from app.core.db import Database
from app.core.errors import ConflictError, FieldError, InvalidError
from app.core.models import ResultContract, ResultFile
from app.core.ports import Clock

log = logging.getLogger(__name__)

MOST_COLUMNS = 10_000
LARGEST = 2**53
ROOM = 100  # rows that a learnt contract leaves above a small result


@dataclass(frozen=True)
class Terms:
    """``None`` asks for nothing. ``least_rows=1``: not empty. Freshness: a result older than that is not given out."""

    columns: Sequence[str] | None = None  # exactly these, in this order
    least_rows: int | None = None
    most_rows: int | None = None
    max_age_seconds: int | None = None

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> "Terms | None":
        return None if stored is None else cls(**stored)

    def written(self) -> dict[str, Any]:
        return asdict(self) | {"columns": list(self.columns) if self.columns is not None else None}

    @property
    def max_age(self) -> timedelta | None:
        return None if self.max_age_seconds is None else timedelta(seconds=self.max_age_seconds)

    def problems(self) -> Iterator[FieldError]:
        columns = self.columns or ()
        if len(set(columns)) < len(columns) or not all(columns) or len(columns) > MOST_COLUMNS:
            yield FieldError("columns", "name each column once")
        for name, least in (("least_rows", 0), ("most_rows", 0), ("max_age_seconds", 1)):
            value = getattr(self, name)
            if value is not None and not least <= value <= LARGEST:
                yield FieldError(name, f"must be at least {least}")
        if None not in (self.least_rows, self.most_rows) and self.least_rows > self.most_rows:  # type: ignore[operator]
            yield FieldError("most_rows", "must not be less than the least")


def learnt(columns: Sequence[str] | None, rows: int | None) -> Terms:
    """What a good result says of those to come: the same columns, from half to twice as many rows."""
    if rows is None:
        return Terms(columns)
    return Terms(columns, least_rows=(rows + 1) // 2, most_rows=max(2 * rows, rows + ROOM))


def breaches(terms: Terms, columns: Sequence[str] | None, rows: int | None) -> list[str]:
    """What is wrong with a result, in words. What its worker did not say of it cannot be wrong."""
    wrong = [] if terms.columns is None or columns is None else list(_wrong_columns(terms.columns, columns))
    if rows is not None and terms.least_rows is not None and rows < terms.least_rows:
        wrong.append("it is empty" if not rows else f"it has {rows} rows, fewer than {terms.least_rows}")
    if rows is not None and terms.most_rows is not None and rows > terms.most_rows:
        wrong.append(f"it has {rows} rows, more than {terms.most_rows}")
    return wrong


def _wrong_columns(wanted: Sequence[str], columns: Sequence[str]) -> Iterator[str]:
    missing = [name for name in wanted if name not in columns]
    new = [name for name in columns if name not in wanted]
    if missing:
        yield f"without {_named(missing)}"
    if new:
        yield f"with the new {_named(new)}"
    if not missing and not new and list(wanted) != list(columns):
        yield "its columns are in another order"


def _named(columns: Sequence[str]) -> str:
    names = ", ".join(map(repr, columns[:5])) + (" ..." if len(columns) > 5 else "")
    return f"column{'s' if len(columns) > 1 else ''} {names}"


def widened(terms: Terms, columns: Sequence[str] | None, rows: int | None) -> Terms:
    """The same terms as far as this result keeps them, and changed where it does not."""
    if rows is not None:
        least = None if terms.least_rows is None else min(terms.least_rows, rows)
        most = None if terms.most_rows is None else max(terms.most_rows, rows)
        terms = replace(terms, least_rows=least, most_rows=most)
    return terms if terms.columns is None or columns is None else replace(terms, columns=columns)


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
    terms = Terms.read(contract.terms)
    if terms is None:
        contract.terms, contract.updated_at = learnt(file["columns"], file["rows"]).written(), now
        return None
    wrong = breaches(terms, file["columns"], file["rows"])
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
            row.terms = widened(terms, made.columns, made.rows).written()
            row.updated_at, row.updated_by = self.clock(), by

    def _row(self, session: Session, job_id: int) -> ResultContract:
        row = session.get(ResultContract, job_id)
        if row is None:
            row = ResultContract(job_id=job_id, is_on=False, terms=None, updated_at=self.clock())
            session.add(row)
        return row

    def _from_newest(self, session: Session, job_id: int) -> Terms | None:
        newest = results.newest(session, [job_id]).get(job_id)
        return learnt(newest.columns, newest.rows) if newest else None
