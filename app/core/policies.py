"""What a job wants beyond its schedule: overlap, retries, time limits, its place among others."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, fields

from app.core.errors import FieldError, InvalidError
from app.core.models import Job
from app.core.retries import RetryPolicy
from app.core.statuses import OverlapRule, Recovery

MOST = 1000  # runs of one job at a time, or waiting
PRIORITIES = range(-100, 101)
MAX_SECONDS = 10 * 366 * 86400


@dataclass(frozen=True)
class Policies:
    """The named columns of a job. The defaults are the cautious ones: nothing runs twice, nothing runs beside itself.

    ``overlap_limit`` counts active runs for ``parallel`` and waiting ones for ``queue``. A run that has not begun
    ``start_deadline_seconds`` after its moment fails unbegun. Of runs that wait the one with the higher ``priority``
    begins first. ``pool`` names a pool whose places it shares.
    """

    overlap: OverlapRule = OverlapRule.SKIP
    overlap_limit: int = 1
    start_deadline_seconds: int | None = None
    priority: int = 0
    pool: str | None = None
    retry: RetryPolicy | None = None
    attempt_timeout_seconds: int | None = None
    recovery: Recovery = Recovery.FAIL

    @classmethod
    def of(cls, job: Job) -> "Policies":
        stored = {field.name: getattr(job, field.name) for field in fields(cls)}
        return cls(**stored | {"retry": RetryPolicy.read(job.retry)})

    def apply_to(self, job: Job) -> None:
        for field in fields(self):
            setattr(job, field.name, getattr(self, field.name))
        job.retry = self.retry.written() if self.retry else None

    def problems(self, pools: Container[str]) -> Iterator[FieldError]:
        """Say what is wrong with them; ``pools`` are those that there are."""
        if not 1 <= self.overlap_limit <= MOST:
            yield FieldError("overlap_limit", f"must be from 1 to {MOST}", "invalid")
        if self.priority not in PRIORITIES:
            yield FieldError("priority", f"must be from {PRIORITIES[0]} to {PRIORITIES[-1]}", "invalid")
        for name in ("start_deadline_seconds", "attempt_timeout_seconds"):
            seconds = getattr(self, name)
            if seconds is not None and not 1 <= seconds <= MAX_SECONDS:
                yield FieldError(name, f"must be from 1 to {MAX_SECONDS} seconds", "invalid")
        if self.pool is not None and self.pool not in pools:
            yield FieldError("pool", f"there is no pool {self.pool!r}", "unknown")
        try:
            RetryPolicy.read(self.retry.written() if self.retry else None)
        except InvalidError as error:
            yield from error.errors
