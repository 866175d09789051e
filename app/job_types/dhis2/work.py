"""Where the work of a DHIS2 job is: in an installed package, by an entry point named as the job type."""

from importlib.metadata import entry_points

from app.core.job_types import JobContext, JobError
from app.core.statuses import FailureReason

ENTRY_POINT_GROUP = "carillon.dhis2_work"


def run(context: JobContext) -> None:
    """Hand over to the function that an installed package offers. Raises ``JobError`` (CONFIG) when there is none."""
    found = next(iter(entry_points(group=ENTRY_POINT_GROUP, name=context.job_type)), None)
    if found is None:
        raise JobError(
            f"{context.job_type} is not set up on this server: no installed package does this work. What is missing is"
            f" an entry point named {context.job_type} in the group {ENTRY_POINT_GROUP!r}",
            FailureReason.CONFIG,
        )
    found.load()(context)
