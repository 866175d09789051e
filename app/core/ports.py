"""What the core asks of the outside. Adapters implement these; tests bring fakes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from app.core.log_cap import Kept, LogLimits, LogSoFar
from app.core.statuses import FailureReason, RunStatus, SameName

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Clock = Callable[[], datetime]
"""Gives the present as an aware datetime in UTC."""


@dataclass(frozen=True)
class Assignment:
    """One attempt of a run, with everything that a worker needs: it has no connection to Carillon's database.

    ``token`` names the attempt: reports of an older attempt carry another token and change nothing.
    ``connections`` holds database URLs by name, in the clear: it travels by pipe only, never by argv or environment.
    ``fire_id`` is the same in all attempts. ``settings`` are those of the administrator's that the job type asks for.
    """

    run_id: int
    token: str
    job_id: int
    job_name: str
    job_type: str
    parameters: Mapping[str, Any]
    connections: Mapping[str, str] = field(default_factory=dict)
    scheduled_for: datetime | None = None
    previous_success: datetime | None = None
    timeout_seconds: float | None = None
    fire_id: int = 0
    attempt: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    unique_key: Sequence[str] = ()
    """Columns whose values together may come only once in each result: the worker looks whether they do."""
    log_limits: LogLimits = field(default_factory=LogLimits)
    log_so_far: LogSoFar = field(default_factory=LogSoFar)


@dataclass(frozen=True)
class LogLine:
    at: datetime
    level: str  # "debug", "info", "warning" or "error"
    message: str


@dataclass(frozen=True)
class MadeFile:
    """A complete result file. ``path`` is relative to the results directory; ``name`` is what a person downloads."""

    name: str
    path: str
    media_type: str
    size: int
    sha256: str
    rows: int | None = None
    columns: Sequence[str] | None = None
    csv: Mapping[str, Any] | None = None
    types: Sequence[str | None] | None = None  # of the columns, in the words of where they come from; None: unknown
    repeated: Mapping[str, Any] | None = None  # of the unique key: the ``count`` of values that come several times, and
    # ``examples``; None: nobody has looked
    same_name: str = SameName.KEEP


@dataclass(frozen=True)
class StrayFile:
    """A file in the folder of the results: ``path`` is relative to it, ``run_id`` is the run that wrote it."""

    path: str
    run_id: int
    size: int
    written_at: datetime


@dataclass(frozen=True)
class Started:
    """The worker has begun. ``pid`` and ``start_ticks`` (field 22 of /proc/PID/stat) name its process for ever."""

    run_id: int
    token: str
    at: datetime
    pid: int
    start_ticks: int


@dataclass(frozen=True)
class Logged:
    """``left_out`` lines come directly before these and are not passed on; ``kept`` says which earlier ones may go."""

    run_id: int
    token: str
    lines: Sequence[LogLine]
    left_out: int = 0
    kept: Kept | None = None


@dataclass(frozen=True)
class Progressed:
    """The newest progress, replacing the older: what the job counts (``rows`` ...), and the tree as ``processes``."""

    run_id: int
    token: str
    at: datetime
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Progressing:
    """There is new progress, and ``read`` gives it as it is then. A job says so once until somebody has read it.

    Executors turn it into ``Progressed``: at once, at most once a second, and when the job has ended.
    """

    read: Callable[[], Progressed]


@dataclass(frozen=True)
class Alive:
    """Heartbeat of everything that an executor is running, as (run id, token)."""

    at: datetime
    runs: Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Ended:
    """The attempt is over and, for local workers, nothing of its process tree is left alive."""

    run_id: int
    token: str
    at: datetime
    status: RunStatus  # a final one
    reason: FailureReason | None = None
    error: str | None = None
    files: Sequence[MadeFile] = ()


@dataclass(frozen=True)
class Unbegun:
    """The executor gives an attempt back of which it is certain that it has not begun: its run waits again."""

    run_id: int
    token: str
    at: datetime


Report = Started | Logged | Progressed | Alive | Ended | Unbegun


@dataclass(frozen=True)
class Occupancy:
    """How the workers stand: ``waiting`` are runs that were handed over and have not begun."""

    workers: int
    busy: int
    waiting: int
    is_up: bool


class Executor(Protocol):
    """Where runs are executed. Every implementation passes ``tests/conformance/test_executors.py``."""

    def start(self, deliver: Callable[[Sequence[Report]], None]) -> None:
        """Begin to take work. ``deliver`` is called from a thread of the executor, in order per run."""

    def free(self) -> int:
        """Say how many more runs would begin at once."""

    def occupancy(self) -> Occupancy:
        """Say how the workers stand. From any thread; never blocks."""

    def submit(self, assignments: Sequence[Assignment]) -> None:
        """Run these. Each one ends in exactly one ``Ended`` or ``Unbegun``, whatever happens to its process."""

    def cancel(self, run_id: int, token: str) -> None:
        """Ask for the end of an attempt; unknown or ended ones are ignored. The answer is its ``Ended``."""

    def knows(self, run_id: int, token: str) -> bool:
        """Whether an attempt has been submitted and has not ended."""

    def acknowledge(self, ended: Sequence[tuple[int, str]]) -> None:
        """The outcomes of these (run id, token) are durable: spooled copies may go."""

    def leftovers(self) -> Sequence[Ended]:
        """The spooled outcomes of attempts that an earlier process could not record any more."""

    def stop(self, grace_seconds: float) -> None:
        """Begin nothing more, wait up to the grace time, then end what still runs (as interrupted) and return."""


class Timer(Protocol):
    """Calls the engine when something is due."""

    def start(self) -> None: ...

    def wake_up(self) -> None:
        """Look again: the next due moment may have become earlier. Callable from any thread, never blocks."""

    def tick_age(self) -> float | None:
        """Seconds since the last completed tick, or the start if none was completed (monotonic); ``None`` before it."""

    def stop(self) -> None: ...


class TimerList(Protocol):
    """The timer's own list of next times: a projection of our triggers, which can be rebuilt from them."""

    def listed(self, session: "Session") -> Mapping[int, datetime | None]:
        """The next times in it by trigger id, in the caller's transaction."""

    def reconcile(self) -> int:
        """Make it say what our triggers say. Gives the number of entries that were wrong."""
