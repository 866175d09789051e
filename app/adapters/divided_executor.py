"""Runs of a few job types stay in the server's own process, all others go to the workers."""

from collections.abc import Callable, Sequence

from app.core.job_types import JobTypes
from app.core.ports import Assignment, Ended, Executor, Occupancy, Report


class DividedExecutor:
    def __init__(self, workers: Executor, own: Executor, own_types: JobTypes) -> None:
        self._workers = workers
        self._own = own
        self._own_types = own_types

    def start(self, deliver: Callable[[Sequence[Report]], None]) -> None:
        self._own.start(deliver)
        self._workers.start(deliver)

    def free(self) -> int:
        """The room of the workers: what stays here is short and waits for its turn."""
        return self._workers.free()

    def occupancy(self) -> Occupancy:
        return self._workers.occupancy()

    def submit(self, assignments: Sequence[Assignment]) -> None:
        own = [assignment for assignment in assignments if assignment.job_type in self._own_types]
        others = [assignment for assignment in assignments if assignment.job_type not in self._own_types]
        if own:
            self._own.submit(own)
        if others:
            self._workers.submit(others)

    def cancel(self, run_id: int, token: str) -> None:
        self._own.cancel(run_id, token)
        self._workers.cancel(run_id, token)

    def knows(self, run_id: int, token: str) -> bool:
        return self._own.knows(run_id, token) or self._workers.knows(run_id, token)

    def acknowledge(self, ended: Sequence[tuple[int, str]]) -> None:
        self._own.acknowledge(ended)
        self._workers.acknowledge(ended)

    def leftovers(self) -> Sequence[Ended]:
        return self._workers.leftovers()

    def stop(self, grace_seconds: float) -> None:
        self._own.stop(grace_seconds)
        self._workers.stop(grace_seconds)
