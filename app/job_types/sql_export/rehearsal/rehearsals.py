"""Rehearsals for the edges: a connection by its name, moments of a schedule, and what comes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.errors import FieldError, InvalidError, NotFoundError
from app.core.ports import Clock
from app.job_types.sql_export.problems import query_problems, value_problems
from app.job_types.sql_export.rehearsal.coming import Start, coming_starts
from app.job_types.sql_export.rehearsal.found import Found, Refused
from app.job_types.sql_export.rehearsal.stage import Stage


@dataclass(frozen=True)
class Wanted:
    connection: str  # its name
    query: str
    values: Mapping[str, Any]  # of its binds; the two moments that are always there come from the schedule
    moments: Sequence[datetime] = ()  # the next ones of the schedule
    previous_success: datetime | None = None


@dataclass(frozen=True)
class Rehearsal:
    """``starts`` are the next ones, up to three; the query was tried as the first of them would ask it."""

    starts: Sequence[Start]
    outcome: Found | Refused
    is_by_hand: bool = False  # nothing is scheduled: the only start is one at this moment


class Rehearsals:
    def __init__(self, url_of: Callable[[str], str], clock: Clock, stage: Stage | None = None) -> None:
        """``url_of`` gives the URL of a connection, or raises ``NotFoundError``."""
        self._url_of = url_of
        self._clock = clock
        self._stage = stage or Stage()

    def rehearse(self, wanted: Wanted) -> Rehearsal:
        """Raises ``InvalidError`` when it need not be tried, ``UnavailableError`` when too many are being tried."""
        url = self._checked(wanted)
        starts = coming_starts(
            wanted.query, wanted.values, wanted.moments or [self._clock()], wanted.previous_success
        )  # fmt: skip
        outcome = self._stage.rehearse(url, wanted.query, wanted.values, starts[0])
        return Rehearsal(starts, outcome, is_by_hand=not wanted.moments)

    def _checked(self, wanted: Wanted) -> str:
        problems = [*query_problems(wanted.query, wanted.values), *value_problems(wanted.values)]
        url = ""
        try:
            url = self._url_of(wanted.connection)
        except NotFoundError as error:
            said = error.message if wanted.connection else "choose the connection to ask"
            problems.append(FieldError("connection", said, "unknown"))
        if problems:
            raise InvalidError(problems)
        return url
