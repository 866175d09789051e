"""/api/run of a RUNNER_CALL waits until its run has ended, for a while."""

from collections.abc import Callable

import pytest

from app.bootstrap import Services
from app.core.job_types import JobTypes
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.statuses import FailureReason, RunStatus
from app.job_types.http_call import RUNNER_CALL
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from app.web.control import tasks
from tests.fakes import FakeExecutor
from tests.web.conftest import MakeJob, Play
from tests.web.control.conftest import Ask

STARTED = {"message": "Scheduler: task job started!"}


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes([RUNNER_CALL, SQL_EXPORT])


@pytest.fixture
def job(services: Services) -> Job:
    return services.jobs.create(JobSpec("call", RUNNER_CALL.name, enabled=False), by="ada")


class Meanwhile:
    """Stands for ``RunEnds``: what happens to the run while it is waited for."""

    def __init__(self, happens: Callable[[], object] = lambda: None) -> None:
        self.happens = happens
        self.waits: list[float] = []

    def wait(self, is_over: Callable[[], bool], seconds: float) -> bool:
        self.waits.append(seconds)
        self.happens()
        return is_over()

    def notice(self) -> None:
        """Nobody else waits."""


@pytest.mark.parametrize(
    ("status", "error", "answer"),
    [
        (RunStatus.SUCCEEDED, None, STARTED),
        (
            RunStatus.FAILED,
            "GET 127.0.0.1:5002: [Errno 111] Connection refused",
            {"error": "Scheduler (run task):\nGET 127.0.0.1:5002: [Errno 111] Connection refused"},
        ),
        (RunStatus.CANCELLED, None, {"error": "Scheduler (run task):\nthe run was cancelled"}),
    ],
)
def test_it_tells_how_the_run_ended(
    status: RunStatus, error: str | None, answer: dict[str, str], ask: Ask, services: Services, job: Job, play: Play,
    executor: FakeExecutor,
) -> None:  # fmt: skip
    def end() -> None:
        services.engine.dispatch()
        play.end(executor.assignments[-1], status, reason=error and FailureReason.EXCEPTION, error=error)

    services.ends = Meanwhile(end)  # type: ignore[assignment]

    assert ask(f"/run/{job.id}") == answer


def test_what_takes_longer_has_started(ask: Ask, services: Services, job: Job) -> None:
    services.ends = meanwhile = Meanwhile()  # type: ignore[assignment]

    assert ask(f"/run/{job.id}") == STARTED

    assert meanwhile.waits == [5]


def test_other_types_are_not_waited_for(ask: Ask, services: Services, make_job: MakeJob) -> None:
    services.ends = meanwhile = Meanwhile()  # type: ignore[assignment]

    assert ask(f"/run/{make_job().id}") == STARTED

    assert meanwhile.waits == []


def test_not_all_threads_of_the_server_wait(ask: Ask, services: Services, job: Job) -> None:
    services.ends = meanwhile = Meanwhile()  # type: ignore[assignment]
    taken = 0
    while tasks.WAITING.acquire(blocking=False):
        taken += 1

    assert ask(f"/run/{job.id}") == STARTED

    tasks.WAITING.release(taken)
    assert (taken, meanwhile.waits) == (6, [])


def test_the_worker_is_told_what_it_needs(services: Services, job: Job, play: Play) -> None:
    assignment = play.begin(job)

    run = services.runs.get(assignment.run_id)
    assert (assignment.fire_id, assignment.attempt) == (run.fire_id, 1)
    assert assignment.settings == {"runner_url": "http://127.0.0.1:5002/api"}


def test_others_are_told_nothing(make_job: MakeJob, play: Play) -> None:
    assert play.begin(make_job()).settings == {}
