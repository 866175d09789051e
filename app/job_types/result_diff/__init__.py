"""The job type RESULT_DIFF: what is different between two result files. Its one job is Carillon's own."""

from app.core.job_types import JobType, Parameter, SystemJob

__all__ = ["JOB_TYPE"]

JOB_TYPE = JobType(
    name="RESULT_DIFF",
    label="Comparison of results",
    description="Compares two result files of jobs: rows that were added, removed and changed.",
    function="app.job_types.result_diff.run:run",
    makes_files=True,
    system=SystemJob("ResultDiffs", "Comparisons of results", is_made_on_demand=True),
    parameters=[
        Parameter(
            "comparison",
            "object",
            "Comparison",
            default={},
            help="The two files and the key, as a page or the API asks for them.",
        ),
    ],
)
