"""Stand-ins for the outside: a clock that stands still, an executor that runs nothing, a hash that costs nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.core.job_types import JobType, JobTypes, Parameter
from app.core.ports import Assignment, Ended, Occupancy, Report
from app.core.statuses import FailureReason, RunStatus


class FakeClock:
    """Stands still until somebody moves it."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class FakeExecutor:
    """Keeps what it is given; the test says how each run ends."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.assignments: list[Assignment] = []
        self.cancelled: list[tuple[int, str]] = []
        self.acknowledged: list[tuple[int, str]] = []
        self.left: list[Ended] = []

    def start(self, deliver: Callable[[Sequence[Report]], None]) -> None: ...

    def free(self) -> int:
        return self.room

    def occupancy(self) -> Occupancy:
        return Occupancy(self.room, len(self.assignments), 0, is_up=True)

    def submit(self, assignments: Sequence[Assignment]) -> None:
        self.assignments += assignments

    def cancel(self, run_id: int, token: str) -> None:
        self.cancelled.append((run_id, token))

    def knows(self, run_id: int, token: str) -> bool:
        return any((each.run_id, each.token) == (run_id, token) for each in self.assignments)

    def acknowledge(self, ended: Sequence[tuple[int, str]]) -> None:
        self.acknowledged += ended

    def leftovers(self) -> Sequence[Ended]:
        return self.left

    def stop(self, grace_seconds: float) -> None: ...

    def end(
        self,
        assignment: Assignment,
        at: datetime,
        status: RunStatus = RunStatus.SUCCEEDED,
        reason: FailureReason | None = None,
        error: str | None = None,
    ) -> Ended:
        return Ended(assignment.run_id, assignment.token, at, status, reason, error)


class PlainHasher:
    def hash(self, password: str) -> str:
        return f"plain:{password}"

    def matches(self, hashed: str, password: str) -> bool:
        return hashed == f"plain:{password}"


NOTHING = JobType(
    "NOTHING",
    "Nothing",
    "Does nothing.",
    "tests.fakes:nothing",
    [
        Parameter("text", "text", "Text", default="x"),
        Parameter("number", "integer", "Number", default=1, minimum=0, maximum=10),
    ],
)
TYPES = JobTypes([NOTHING])
