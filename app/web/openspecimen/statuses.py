"""How OpenSpecimen calls the states of a run."""

from app.core.models import Run
from app.core.statuses import RunStatus

IN_PROGRESS, SUCCEEDED, FAILED = "IN_PROGRESS", "SUCCEEDED", "FAILED"

STATUSES = {
    RunStatus.QUEUED: IN_PROGRESS,
    RunStatus.RUNNING: IN_PROGRESS,
    RunStatus.CANCELLING: IN_PROGRESS,
    RunStatus.SUCCEEDED: SUCCEEDED,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELLED: FAILED,
    RunStatus.INTERRUPTED: FAILED,
}


def statuses_called(name: str) -> list[RunStatus]:
    return [status for status, called in STATUSES.items() if called == name]


def message_of(run: Run) -> str | None:
    """What tells a cancelled or interrupted run from one that failed by itself."""
    match run.status:
        case RunStatus.CANCELLED:
            return f"The run was cancelled by {run.cancelled_by}." if run.cancelled_by else "The run was cancelled."
        case RunStatus.INTERRUPTED:
            return f"The run was interrupted: {run.error}." if run.error else "The run was interrupted."
    return run.error
