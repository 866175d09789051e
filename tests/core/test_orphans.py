"""Files without a record and records without a file: found both ways, removed when asked, never of a running run."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.bootstrap import Services
from app.core.errors import ConflictError
from app.core.models import Job, ResultFile
from app.core.orphans import Found
from app.core.ports import Assignment
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor


@pytest.fixture
def run(services: Services, make_job: MakeJob, executor: FakeExecutor) -> Assignment:
    """It is going on."""
    services.runs.request(make_job().uid, "ada")
    services.engine.dispatch()
    return executor.assignments[-1]


def end(services: Services, executor: FakeExecutor, run: Assignment) -> None:
    services.engine.deliver([executor.end(run, services.clock())])
    services.engine.record()


def write(services: Services, run: Assignment, *, name: str = "1.csv", hours: float = 25) -> str:
    """A file of this run, written so many hours ago."""
    path = f"{run.job_id}/{run.run_id}-{run.token}-{name}"
    return put(services, path, hours)


def put(services: Services, path: str, hours: float = 25) -> str:
    file: Path = services.store.directory / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"0123456789")
    at = (services.clock() - timedelta(hours=hours)).timestamp()
    os.utime(file, (at, at))
    return path


def record(services: Services, run: Assignment, path: str) -> None:
    at = services.clock()
    with services.db.transaction() as session:
        session.add(
            ResultFile(
                run_id=run.run_id, job_id=run.job_id, job_name="nightly", scheduled_for=at, created_at=at, name="a.csv",
                path=path, media_type="text/csv", size=10, sha256="",
            )
        )  # fmt: skip


def shown(found: Found) -> tuple[list[str], list[str]]:
    return [file.path for file in found.files], [each.path for each in found.records]


def test_a_file_without_a_record_is_found_and_deleted(
    services: Services, run: Assignment, executor: FakeExecutor
) -> None:
    end(services, executor, run)
    stray, part, known = (write(services, run, name=name) for name in ("1.csv", "2.csv.part", "3.csv"))
    record(services, run, known)

    found = services.orphans.find()

    assert (sorted(file.path for file in found.files), found.size) == (sorted([stray, part]), 20)
    assert found.records == []
    assert services.orphans.remove_files() == 2
    assert [file.path for file in services.store.files()] == [known]
    assert shown(services.orphans.find()) == ([], [])
    [removal] = services.retention.removals()
    assert (removal.kind, removal.count, removal.bytes) == ("orphan", 2, 20)


def test_young_files_and_those_of_active_runs_are_left_alone(
    services: Services, run: Assignment, executor: FakeExecutor
) -> None:
    written = [write(services, run), write(services, run, name="2.csv.part"), write(services, run, name="3.csv")]
    assert shown(services.orphans.find()) == ([], [])

    end(services, executor, run)
    write(services, run, name="3.csv", hours=23)

    assert sorted(shown(services.orphans.find())[0]) == sorted(written[:2])
    assert services.orphans.remove_files() == 2
    assert len(list(services.store.files())) == 1


def test_what_results_have_not_written_is_nobodys_business(services: Services) -> None:
    put(services, "1/readme.txt")
    put(services, "other/1-token-1.csv")
    (services.store.directory / "1" / "7-token-1.csv").symlink_to("readme.txt")

    assert shown(services.orphans.find()) == ([], [])


def test_a_run_that_is_gone_leaves_a_file(services: Services, make_job: MakeJob) -> None:
    job: Job = make_job()
    path = put(services, f"{job.id}/999-token-1.csv")

    assert shown(services.orphans.find()) == ([path], [])


def test_a_record_without_a_file_is_found_and_removed(
    services: Services, run: Assignment, executor: FakeExecutor, clock: FakeClock
) -> None:
    end(services, executor, run)
    there = write(services, run)
    record(services, run, there)
    missing = f"{run.job_id}/{run.run_id}-{run.token}-9.csv"
    record(services, run, missing)

    assert shown(services.orphans.find()) == ([], [missing])
    assert services.orphans.forget_records() == 1

    services.keeping.sweep()
    with services.db.reading() as session:
        assert [file.path for file in session.query(ResultFile)] == [there]
    assert services.orphans.forget_records() == 0


def test_records_stay_while_the_folder_is_empty(services: Services, run: Assignment, executor: FakeExecutor) -> None:
    end(services, executor, run)
    record(services, run, f"{run.job_id}/{run.run_id}-{run.token}-1.csv")

    assert services.orphans.find().is_folder_empty
    with pytest.raises(ConflictError, match="is its disk mounted"):
        services.orphans.forget_records()
    assert len(services.orphans.find().records) == 1
