"""Where the work of a DHIS2 job is: in an installed package, by an entry point named as the job type."""

from importlib.metadata import entry_points

from app.core.job_types import JobContext, JobError
from app.core.statuses import FailureReason

ENTRY_POINT_GROUP = "carillon.dhis2_work"


def run(context: JobContext) -> None:
    """Hand over to the function that an installed package offers. Raises ``JobError`` (CONFIG) when there is none."""
    if not _is_done_by_a_package(context):
        raise JobError(
            f"{context.job_type} is not set up on this server: no installed package does this work. What is missing is"
            f" an entry point named {context.job_type} in the group {ENTRY_POINT_GROUP!r}",
            FailureReason.CONFIG,
        )


def run_system_job(context: JobContext) -> None:
    """The same, but without a function there is nothing to do."""
    if not _is_done_by_a_package(context):
        context.log("there is nothing to do yet: no installed package does this work")


def _is_done_by_a_package(context: JobContext) -> bool:
    found = next(iter(entry_points(group=ENTRY_POINT_GROUP, name=context.job_type)), None)
    if found is not None:
        found.load()(context)
    return found is not None
