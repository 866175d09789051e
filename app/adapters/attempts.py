"""One attempt as the warden sees it, from the assignment to its outcome."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from app.core.execution import Ending

NEVER = float("inf")


@dataclass(eq=False)
class Attempt:
    run_id: int
    token: str
    job_id: int
    timeout_seconds: float | None
    slot: int  # in the spool
    line: bytes  # the assignment as it came
    ending: Ending | None = None  # how it shall end, once somebody wants its end
    outcome: bytes | None = None  # its worker's own word
    next_step: Callable[[], None] | None = None  # what to do when it has not ended by ``next_step_at`` (monotonic)
    next_step_at: float = NEVER
    lost: str = ""  # what became of its worker
    orphans_until: float = 0.0  # how long what it has started may take to end by itself
    hopeless_at: float = NEVER
    ended_processes: set[int] = field(default_factory=set)  # that it had started and left behind

    @property
    def key(self) -> tuple[int, str]:
        return self.run_id, self.token

    def plan(self, at: float, step: Callable[[], None]) -> None:
        self.next_step_at, self.next_step = at, step

    def go_on(self, now: float) -> None:
        """Take the planned step, if it is time."""
        if self.next_step and now >= self.next_step_at:
            step, self.next_step, self.next_step_at = self.next_step, None, NEVER
            step()


def what_ended(status: int) -> str:
    """Say in words what the wait status of a worker tells."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"the worker process ended with exit code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else "unknown"
    hint = " (often the kernel's answer to too little memory)" if -code == signal.SIGKILL else ""
    return f"the worker process was killed by signal {-code} {name}{hint}"
