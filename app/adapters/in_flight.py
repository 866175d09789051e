"""The server's book of the attempts that the workers have been given. No threads and no I/O in here."""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.ports import Alive, Assignment, Ended, Report, Started, Unbegun

Attempt = tuple[int, str]

SHORT = 0.02  # seconds; while a run lasts longer than this, none is taken ahead
AHEAD = 0.005  # seconds of work for each worker that are taken ahead of it
NEVER_MORE_AHEAD = 10  # runs for each worker: what is taken but has not begun is interrupted when the server dies
REMEMBERED = 20  # ended runs that tell how long the next ones will last


@dataclass
class InFlight:
    """``waiting`` are those that the warden does not have yet: of them it is certain that they have not begun."""

    workers: int
    attempts: dict[Attempt, Assignment] = field(default_factory=dict)
    slots: dict[Attempt, int] = field(default_factory=dict)  # in the spool, until the outcome is acknowledged
    waiting: deque[Assignment] = field(default_factory=deque)
    unacknowledged: dict[Attempt, float] = field(default_factory=dict)  # since when (monotonic)
    _free_slots: list[int] = field(default_factory=list)  # a heap
    _slots_made: int = 0
    _began: dict[Attempt, float] = field(default_factory=dict)
    _lasted: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def add(self, assignments: Sequence[Assignment]) -> None:
        self.attempts.update({key(assignment): assignment for assignment in assignments})
        self.waiting.extend(assignments)

    def reserve(self, taken: Mapping[int, Attempt]) -> None:
        """These slots hold outcomes that an earlier server has left."""
        self.slots.update({attempt: slot for slot, attempt in taken.items()})
        made = max(taken, default=-1) + 1
        self._free_slots = sorted(set(range(made)) - taken.keys())
        self._slots_made = made

    def _slot(self, attempt: Attempt) -> int:
        if not self._free_slots:
            self.release([self._slots_made])
            self._slots_made += 1
        self.slots[attempt] = heapq.heappop(self._free_slots)
        return self.slots[attempt]

    def acknowledge(self, attempts: Iterable[Attempt]) -> list[int]:
        """Gives the slots of those whose outcome may be forgotten; ``release`` them when it is."""
        slots = [self.slots.pop(attempt) for attempt in attempts if attempt in self.slots]
        for attempt in attempts:
            self.unacknowledged.pop(attempt, None)
        return slots

    def release(self, slots: Iterable[int]) -> None:
        for slot in slots:
            heapq.heappush(self._free_slots, slot)

    def room(self, now: float) -> int:
        """How many more would begin at once. Runs of a millisecond are worth taking ahead: claiming costs as much."""
        return max(0, self.workers * (1 + self._ahead(now)) - len(self.attempts))

    def _ahead(self, now: float) -> int:
        if len(self._lasted) < REMEMBERED or any(now - began > SHORT for began in self._began.values()):
            return 0
        return min(NEVER_MORE_AHEAD, int(AHEAD / max(*self._lasted, 1e-6)))

    def take(self) -> list[tuple[Assignment, int]]:
        """Give what the warden shall have now, with its slots: for each worker one, and one to begin without asking."""
        handed = len(self.attempts) - len(self.waiting)
        taken = [self.waiting.popleft() for _ in range(min(2 * self.workers - handed, len(self.waiting)))]
        return [(assignment, self._slot(key(assignment))) for assignment in taken]

    def take_back(self, unbegun: Iterable[Attempt]) -> None:
        returned = [attempt for attempt in unbegun if attempt in self.attempts]
        self.waiting.extendleft(self.attempts[attempt] for attempt in reversed(returned))
        self.release([self.slots.pop(attempt) for attempt in returned])

    def pick_waiting(self, attempt: Attempt) -> Assignment | None:
        """Take one out of the queue."""
        assignment = self.attempts.get(attempt)
        if assignment is None or assignment not in self.waiting:
            return None
        self.waiting.remove(assignment)
        return assignment

    def clear_waiting(self) -> list[Assignment]:
        cleared = list(self.waiting)
        self.waiting.clear()
        return cleared

    def handed(self) -> list[Assignment]:
        """Those that the warden has."""
        waiting = {key(assignment) for assignment in self.waiting}
        return [assignment for attempt, assignment in self.attempts.items() if attempt not in waiting]

    def note(self, report: Report, now: float) -> bool:
        """Keep the book; says whether the report is of an attempt that has not ended yet."""
        if isinstance(report, Alive):
            return True
        attempt = (report.run_id, report.token)
        if attempt not in self.attempts:
            return False
        if isinstance(report, Started):
            self._began[attempt] = now
        elif isinstance(report, Ended):
            del self.attempts[attempt]
            if attempt in self.slots:
                self.unacknowledged[attempt] = now
            self._lasted.append(now - self._began.pop(attempt, now - SHORT))
        elif isinstance(report, Unbegun):
            del self.attempts[attempt]
        return True

    def late(self, before: float) -> list[Attempt]:
        """Give those that ended before a moment and are not acknowledged, each one once."""
        late = [attempt for attempt, ended_at in self.unacknowledged.items() if ended_at < before]
        for attempt in late:
            del self.unacknowledged[attempt]
        return late


def key(assignment: Assignment) -> Attempt:
    return assignment.run_id, assignment.token
