"""How long history is kept: the site's rules, and those in which a job differs.

A rule that is ``None`` asks for nothing: what it speaks of is kept for ever.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import FieldError
from app.core.log_cap import LogLimits
from app.core.models import JobRetention, Retention

ONLY_ROW = 1
LARGEST = {"days": 36_500, "count": 10**9, "lines": 10**6, "bytes": 2**53, "percent": 100}
LEAST = {"lines": 100, "bytes": 100_000}
ALWAYS = ("log_lines", "log_bytes")
"""These have no "for ever": a job that prints for hours would fill the disk."""


@dataclass(frozen=True)
class Rules:
    """The defaults keep a year and what lies between two looks at it; a run every minute for ten weeks."""

    run_days: int | None = 400  # since it ended
    run_count: int | None = 100_000  # the newest of each job
    moment_days: int | None = 400  # skipped and missed ones; a moment with a run goes with its run
    moment_count: int | None = 100_000  # of each job, those with a run counted
    log_days: int | None = 90  # logs and progress trees, since the run ended
    log_lines: int = 20_000  # of one run; half of them are its first, half its last
    log_bytes: int = 10_000_000  # in characters
    result_days: int | None = None  # of jobs without a keep-rule of their own
    result_count: int | None = None
    result_bytes: int | None = None
    folder_bytes: int | None = None  # of all results together
    folder_percent: int | None = None  # the same, of the disk that they lie on

    def of_job(self, differing: Mapping[str, int | None]) -> "Rules":
        changes: dict[str, Any] = {name: differing[name] for name in OF_JOBS if name in differing}
        return replace(self, **changes)

    @property
    def log_limits(self) -> LogLimits:
        return LogLimits(self.log_lines, self.log_bytes)

    def problems(self) -> Iterator[FieldError]:
        for name, value in asdict(self).items():
            yield from problems_of(name, value)


NAMES = tuple(field.name for field in fields(Rules))
OF_JOBS = ("run_days", "run_count", "moment_days", "moment_count", "log_days")
DEFAULTS = Rules()


def problems_of(name: str, value: int | None) -> Iterator[FieldError]:
    unit = name.rpartition("_")[2]
    least, most = LEAST[unit] if name in ALWAYS else 1, LARGEST[unit]
    if (name in ALWAYS) if value is None else not least <= value <= most:
        yield FieldError(name, f"must be from {least} to {most}")


def site(session: Session) -> Rules:
    row = session.get(Retention, ONLY_ROW)
    return read(row.rules) if row else DEFAULTS


def of_job(session: Session, job_id: int) -> Rules:
    return site(session).of_job(differing(session, job_id))


def differing(session: Session, job_id: int) -> Mapping[str, int | None]:
    row = session.get(JobRetention, job_id)
    return row.rules if row else {}


def read(stored: Mapping[str, Any]) -> Rules:
    """What an older version has not known is as by default."""
    return replace(DEFAULTS, **{name: stored[name] for name in NAMES if name in stored})
