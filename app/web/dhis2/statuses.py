"""How DHIS2 calls the states of a run."""

from typing import NamedTuple

from app.core.models import Job, Run
from app.core.statuses import RunStatus

NOT_STARTED = "NOT_STARTED"


class Named(NamedTuple):
    job_status: str
    last_executed_status: str | None  # None: still that of the run before


STATUSES = {
    RunStatus.QUEUED: Named("SCHEDULED", None),
    RunStatus.RUNNING: Named("RUNNING", None),
    RunStatus.CANCELLING: Named("RUNNING", None),
    RunStatus.SUCCEEDED: Named("SCHEDULED", "COMPLETED"),
    RunStatus.FAILED: Named("SCHEDULED", "FAILED"),
    RunStatus.CANCELLED: Named("SCHEDULED", "STOPPED"),
    RunStatus.INTERRUPTED: Named("SCHEDULED", "FAILED"),
}


def job_status(job: Job, newest: Run | None) -> str:
    return status_word(newest.status if newest else None, enabled=job.enabled)


def status_word(newest: RunStatus | None, *, enabled: bool) -> str:
    """``jobStatus``, from the status of the newest run."""
    status = STATUSES[newest].job_status if newest else "SCHEDULED"
    return "DISABLED" if status == "SCHEDULED" and not enabled else status


def last_executed_status(finished: Run | None) -> str:
    return (STATUSES[finished.status].last_executed_status if finished else None) or NOT_STARTED
