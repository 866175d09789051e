"""The simulated machine: clocks, worker processes and their spool. It outlives the servers that run on it.

The executor keeps the port's promises and not a hair more: attempts begin and end when the schedule says, reports come
late and twice, a server that dies takes its undelivered reports along and leaves what was spooled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from app.core.execution import CANCELLED, SERVER_LOST, SUCCEEDED, Ending, worker_lost
from app.core.policies import Policies
from app.core.ports import Alive, Assignment, Ended, Logged, LogLine, MadeFile, Progressed, Report, Started, Unbegun
from app.core.statuses import FailureReason, OverlapRule, RunStatus
from tests.simulation.database import FaultyDatabase
from tests.simulation.faults import Faults, Point

FAILED = Ending(RunStatus.FAILED, FailureReason.EXCEPTION, "ValueError: simulated")
LOST = worker_lost("simulated")
Key = tuple[int, str]


class Clocks:
    """A wall clock that can be stepped beside a monotonic one that cannot."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)) -> None:
        self.wall = now
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def put(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += timedelta(seconds=seconds)

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Attempt:
    assignment: Assignment
    is_running: bool = False
    is_cancelled: bool = False

    @property
    def key(self) -> Key:
        return self.assignment.run_id, self.assignment.token


@dataclass
class Machine:
    db: FaultyDatabase
    clocks: Clocks
    faults: Faults
    random: Random
    policies: dict[int, Policies]  # of jobs
    workers: int = 3
    attempts: dict[Key, Attempt] = field(default_factory=dict)
    spool: dict[Key, Ended] = field(default_factory=dict)
    begun: list[Assignment] = field(default_factory=list)  # the witness's book: each first instruction of a job
    broken: list[str] = field(default_factory=list)
    late: list[Report] = field(default_factory=list)  # of attempts of earlier servers, still on their way

    def most_at_a_time(self, job_id: int) -> int:
        policies = self.policies[job_id]
        return policies.overlap_limit if policies.overlap is OverlapRule.PARALLEL else 1

    def begin(self, attempt: Attempt) -> Started:
        """The first instruction of the job. Its record must be durable by now."""
        attempt.is_running = True
        wanted = attempt.assignment
        rows = self.db.ask("SELECT status, token FROM run WHERE id = ?", wanted.run_id)
        if rows not in ([("running", wanted.token)], [("cancelling", wanted.token)]):
            self.broken.append(f"run {wanted.run_id} began without a record: {rows}")
        others = [
            other.assignment.run_id
            for other in self.attempts.values()
            if other.is_running and other is not attempt and other.assignment.job_id == wanted.job_id
        ]
        if wanted.run_id in others or len(others) >= self.most_at_a_time(wanted.job_id):
            self.broken.append(f"run {wanted.run_id} began while these of its job were alive: {others}")
        self.begun.append(wanted)
        return Started(*attempt.key, self.clocks.now(), 4242, len(self.begun))

    def end(self, attempt: Attempt, ending: Ending) -> Ended:
        """Spooled before it is told."""
        del self.attempts[attempt.key]
        good = ending.status is RunStatus.SUCCEEDED
        made = MadeFile("a.csv", f"7/{attempt.key[0]}-{attempt.key[1]}", "text/csv", 1, "0" * 64)
        files = (made,) if good and attempt.key[0] % 2 else ()
        ended = Ended(*attempt.key, self.clocks.now(), ending.status, ending.reason, ending.error, files)
        self.spool[attempt.key] = ended
        return ended

    def end_somehow(self, attempt: Attempt) -> Ended:
        if attempt.is_cancelled:
            return self.end(attempt, self.random.choice([CANCELLED, CANCELLED, SUCCEEDED]))
        return self.end(attempt, self.random.choice([SUCCEEDED, SUCCEEDED, FAILED]))

    def lose_server(self) -> None:
        """The warden ends all trees; some runs end well in their last moment, some leave no outcome at all."""
        all_at_once = self.random.random() < 0.3
        for attempt in list(self.attempts.values()):
            if all_at_once or not attempt.is_running:
                del self.attempts[attempt.key]
            else:
                self.end(attempt, self.random.choice([SERVER_LOST, SERVER_LOST, SUCCEEDED]))


class SimulatedExecutor:
    """One server's end of the machine's workers; implements ``app.core.ports.Executor``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.outgoing: list[Report] = []
        self._deliver: Callable[[Sequence[Report]], None] = lambda reports: None

    # The port

    def start(self, deliver: Callable[[Sequence[Report]], None]) -> None:
        self._deliver = deliver

    def free(self) -> int:
        return max(0, self.machine.workers - len(self.machine.attempts))

    def submit(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            self.machine.faults.point(Point.HAND_OVER)
            attempt = Attempt(assignment)
            self.machine.attempts[attempt.key] = attempt

    def cancel(self, run_id: int, token: str) -> None:
        if attempt := self.machine.attempts.get((run_id, token)):
            attempt.is_cancelled = True

    def knows(self, run_id: int, token: str) -> bool:
        return (run_id, token) in self.machine.attempts

    def acknowledge(self, ended: Sequence[Key]) -> None:
        for key in ended:
            self.machine.faults.point(Point.ACKNOWLEDGE)
            self.machine.spool.pop(key, None)

    def leftovers(self) -> Sequence[Ended]:
        self.machine.faults.point(Point.RECOVER)
        return tuple(self.machine.spool.values())

    def stop(self, grace_seconds: float) -> None: ...

    # What the workers do

    def work(self) -> None:
        """One worker takes one step."""
        machine, random = self.machine, self.machine.random
        if not machine.attempts:
            return
        attempt = random.choice(list(machine.attempts.values()))
        if not attempt.is_running:
            if attempt.is_cancelled:
                self.outgoing.append(machine.end(attempt, CANCELLED))
            else:
                self.outgoing.append(machine.begin(attempt))
            return
        match random.randrange(4):
            case 0:
                self.outgoing.append(self._said(attempt))
            case 1:
                self.outgoing.append(Progressed(*attempt.key, machine.clocks.now(), {"rows": 1}))
            case _:
                self.outgoing.append(machine.end_somehow(attempt))

    def _said(self, attempt: Attempt) -> Logged:
        return Logged(*attempt.key, (LogLine(self.machine.clocks.now(), "info", "simulated"),))

    def lose_warden(self) -> None:
        """All that runs ends; what had not begun is for the next warden."""
        for attempt in list(self.machine.attempts.values()):
            if attempt.is_running:
                self.outgoing.append(self.machine.end(attempt, LOST))
            elif self.machine.random.random() < 0.5:
                del self.machine.attempts[attempt.key]
                self.outgoing.append(Unbegun(*attempt.key, self.machine.clocks.now()))

    def tell(self) -> None:
        """Deliver some of what is on its way: in order per run, some twice, some from earlier servers."""
        machine, random = self.machine, self.machine.random
        count = random.randint(0, len(self.outgoing))
        reports, self.outgoing = self.outgoing[:count], self.outgoing[count:]
        if random.random() < 0.2:
            reports = reports + reports[-1:]
        if machine.late and random.random() < 0.5:
            reports.append(machine.late.pop())
        if machine.attempts and random.random() < 0.2:
            reports.append(Alive(machine.clocks.now(), tuple(machine.attempts)))
        machine.late += [report for report in reports if isinstance(report, Ended) and random.random() < 0.1]
        if reports:
            self._deliver(reports)
