"""Jobs, runs and files by the numbers in the address; what is not there has a code of its own."""

from app.core.errors import NotFoundError
from app.core.models import Job, ResultFile, Run
from app.web.auth import services
from app.web.openspecimen.errors import FILE_NOT_AVAILABLE, JOB_NOT_FOUND, RUN_NOT_FOUND, UserError
from app.web.openspecimen.reading import whole_number


def job_of(job_id: str) -> Job:
    number = whole_number("jobId", job_id)
    try:
        return services().jobs.get_by_id(number)
    except NotFoundError:
        raise UserError(JOB_NOT_FOUND) from None


def run_of(job_id: str, run_id: str) -> Run:
    """A run of this job; a deleted job's runs are still there."""
    job_number, run_number = whole_number("jobId", job_id), whole_number("runId", run_id)
    try:
        run = services().runs.get(run_number)
    except NotFoundError:
        raise UserError(RUN_NOT_FOUND) from None
    if run.job_id != job_number:
        raise UserError(RUN_NOT_FOUND)
    return run


def file_of(run: Run) -> ResultFile:
    if not run.status.is_final or not run.files:
        raise UserError(FILE_NOT_AVAILABLE)
    return run.files[0]
