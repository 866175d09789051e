"""Upkeep: what Carillon does for itself, in its own process."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.adapters.divided_executor import DividedExecutor
from app.adapters.inline_executor import InlineExecutor
from app.bootstrap import Services
from app.core.job_types import JobType, JobTypes
from app.core.ports import Assignment, Ended, Logged, Report
from app.core.statuses import Role, RunStatus
from app.core.upkeep import Task, Upkeep, own_types
from tests.fakes import NOTHING, FakeClock, FakeExecutor

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TYPES = JobTypes([NOTHING, JobType("HOUSEKEEPING", "Housekeeping", "", "no.such:thing")])


class NoFiles:
    """Upkeep makes no result files."""


def divided(upkeep: Upkeep, workers: FakeExecutor, heard: list[Report]) -> DividedExecutor:
    own = own_types(TYPES, upkeep)
    executor = DividedExecutor(workers, InlineExecutor(own, NoFiles(), clock=lambda: NOON, workers=0), own)  # type: ignore[arg-type]
    executor.start(heard.extend)
    return executor


def assignment(run_id: int, job_type: str) -> Assignment:
    return Assignment(run_id, "token", 1, "a job", job_type, {})


def told(heard: Sequence[Report]) -> list[str]:
    return [line.message for report in heard if isinstance(report, Logged) for line in report.lines]


def test_housekeeping_is_done_here_and_all_else_by_workers() -> None:
    heard: list[Report] = []
    workers = FakeExecutor()
    upkeep = Upkeep([Task("logins were removed", lambda: 3), Task("files were removed", lambda: 0)])

    divided(upkeep, workers, heard).submit([assignment(1, "HOUSEKEEPING"), assignment(2, "NOTHING")])

    assert [given.run_id for given in workers.assignments] == [2]
    assert told(heard) == ["3 logins were removed"]
    assert heard[-1] == Ended(1, "token", NOON, RunStatus.SUCCEEDED)


def test_nothing_to_do_is_said() -> None:
    heard: list[Report] = []

    divided(Upkeep([]), FakeExecutor(), heard).submit([assignment(1, "HOUSEKEEPING")])

    assert told(heard) == ["there was nothing to do"]


def test_workers_are_asked_for_all_else() -> None:
    workers = FakeExecutor(room=7)
    workers.left = [Ended(9, "token", NOON, RunStatus.SUCCEEDED)]
    executor = divided(Upkeep([]), workers, [])

    executor.cancel(5, "token")
    executor.acknowledge([(5, "token")])
    executor.stop(0)

    assert (executor.free(), executor.leftovers()) == (7, workers.left)
    assert (workers.cancelled, workers.acknowledged) == ([(5, "token")], [(5, "token")])


def test_expired_logins_are_removed(services: Services, clock: FakeClock) -> None:
    user = services.users.add("ada", "correct horse battery", Role.ADMINISTRATOR)
    idle = services.users.open_session(user)
    clock.advance(hours=11)
    fresh = services.users.open_session(user)
    clock.advance(hours=2)

    assert services.users.forget_expired() == 1

    assert (services.users.of_session(idle), services.users.of_session(fresh).username) == (None, "ada")  # type: ignore[union-attr]
    assert services.users.forget_expired() == 0
