"""The query of a form, tried: what the page shows of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.core.errors import InvalidError, UnavailableError
from app.core.job_types import JobType
from app.core.models import Job
from app.job_types.sql_export import JOB_TYPE
from app.job_types.sql_export.csv_text import text_of
from app.job_types.sql_export.rehearsal.found import Found, Refused
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsal, Wanted
from app.job_types.sql_export.sql_text import Place
from app.web.auth import services
from app.web.pages import parameter_fields
from app.web.pages.problems import sentence
from app.web.pages.schedule_form import Schedule
from app.web.pages.schedule_preview import preview
from app.web.pages.site import now

LINES_BEFORE, LINES_AFTER = 2, 1
_WORD = re.compile(r"\w+|\S|$")


class Line(NamedTuple):
    """A line of the query; what is ``marked`` in it stands between the other two."""

    number: int
    before: str
    marked: str = ""
    after: str = ""


@dataclass(frozen=True)
class Shown:
    """``problems`` are sentences, each about what need not be tried; or there is a rehearsal."""

    query: str = ""
    rehearsal: Rehearsal | None = None
    problems: Sequence[str] = ()

    @property
    def found(self) -> Found | None:
        outcome = self.rehearsal.outcome if self.rehearsal else None
        return outcome if isinstance(outcome, Found) else None

    @property
    def refused(self) -> Refused | None:
        outcome = self.rehearsal.outcome if self.rehearsal else None
        return outcome if isinstance(outcome, Refused) else None

    @property
    def lines(self) -> Sequence[Line]:
        """The part of the query in which something is wrong."""
        place = self.refused.place if self.refused else None
        return list(_lines(self.query, place)) if place else ()

    @property
    def values(self) -> Sequence[tuple[str, Sequence[str | None]]]:
        """By bind, what it is at each of the next starts."""
        starts = self.rehearsal.starts if self.rehearsal else ()
        names = starts[0].values if starts else {}
        return [(name, [_text(start.values[name]) for start in starts]) for name in names]


def can_be_rehearsed(job_type: JobType) -> bool:
    return job_type.name == JOB_TYPE.name


def rehearsed(fields: Mapping[str, Any], schedule: Schedule, job: Job | None) -> Shown:
    """Try what the form says, as far as it can be read."""
    parameters, wrong = parameter_fields.read(JOB_TYPE, fields)
    if wrong:
        return Shown(problems=[message for _, message in wrong])
    fires = preview(schedule, now(), job.uid if job else "").fires
    wanted = Wanted(
        parameters["connection"],
        parameters["query"],
        parameters["parameters"],
        [fire.at for _, fire in fires if not fire.excluded_by],
        job.last_success_for if job else None,
    )
    try:
        return Shown(wanted.query, services().rehearsals.rehearse(wanted))
    except InvalidError as error:
        return Shown(problems=[sentence(problem.message) for problem in error.errors])
    except UnavailableError as error:
        return Shown(problems=[sentence(error.message)])


def _lines(query: str, place: Place) -> Iterator[Line]:
    lines = query.split("\n")
    first = max(place.line - 1 - LINES_BEFORE, 0)
    for number, line in enumerate(lines[first : place.line + LINES_AFTER], first + 1):
        if number != place.line:
            yield Line(number, line)
            continue
        start = min(place.column - 1, len(line))
        word = _WORD.match(line, start)
        end = word.end() if word else len(line)
        yield Line(number, line[:start], line[start:end] or " ", line[end:])


def _text(value: Any) -> str | None:
    return None if value is None else text_of(value)
