"""The job types of DHIS2: declared by us, done by what is installed beside us."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from app.core.job_types import JobError, JobTypes
from app.core.statuses import FailureReason
from app.job_types.dhis2 import JOB_TYPES, work
from app.job_types.dhis2.declared import SYSTEM


class Context:
    """As much of a run's context as is needed to find its work."""

    job_type = "ANALYTICS_TABLE"

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


def test_all_are_found_through_their_entry_point_and_run_one_at_a_time() -> None:
    installed = JobTypes.installed()

    assert all(job_type.name in installed and job_type.one_at_a_time for job_type in JOB_TYPES)
    assert not installed.get("SQL_EXPORT").one_at_a_time


def test_a_system_job_without_work_says_so_and_succeeds() -> None:
    context = Context()

    SYSTEM[1].load()(context)  # type: ignore[arg-type]

    assert context.lines == ["there is nothing to do yet: no installed package does this work"]


def test_a_type_that_nobody_does_says_what_is_missing() -> None:
    with pytest.raises(JobError) as caught:
        JOB_TYPES[3].load()(Context())  # type: ignore[arg-type]

    assert caught.value.reason is FailureReason.CONFIG
    assert str(caught.value) == (
        "ANALYTICS_TABLE is not set up on this server: no installed package does this work. What is missing is an "
        "entry point named ANALYTICS_TABLE in the group 'carillon.dhis2_work'"
    )


done: list[object] = []


def test_an_installed_package_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("ANALYTICS_TABLE", "tests.job_types.test_dhis2:done.append", work.ENTRY_POINT_GROUP),
            EntryPoint("RESOURCE_TABLE", "no.such:thing", work.ENTRY_POINT_GROUP),
        ]
    )
    monkeypatch.setattr(work, "entry_points", points.select)
    context = Context()

    work.run(context)  # type: ignore[arg-type]
    work.run_system_job(context)  # type: ignore[arg-type]

    assert done == [context, context]
