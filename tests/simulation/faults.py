"""What goes wrong in a schedule, and when: drawn from its seed, asked for at every point where something can."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from app.core.errors import UnavailableError


class Crash(BaseException):
    """The server process is gone at this very instruction: nothing of the program may catch it."""


class Point(Enum):
    READ = auto()  # before a look at the database
    OPEN = auto()  # before a transaction begins
    COMMIT = auto()  # all is said, nothing is durable
    COMMITTED = auto()  # durable, and the caller does not know it yet
    HAND_OVER = auto()  # between two assignments on their way to the workers
    ACKNOWLEDGE = auto()  # before the spooled outcome may go
    RECOVER = auto()  # while a new server looks at what the earlier one left


OF_THE_DATABASE = (Point.READ, Point.OPEN, Point.COMMIT, Point.COMMITTED)


@dataclass(frozen=True)
class Rates:
    """How often, of 1, a point crashes, raises, or lets another thread go first."""

    crash: float = 0.0
    error: float = 0.0
    preempt: float = 0.0


class Faults:
    def __init__(self, random: Random, rates: Rates) -> None:
        self.random = random
        self.rates = rates
        self.preempt: Callable[[], None] = lambda: None
        self.story: list[str] = []  # what happened, for who replays a seed

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.rates = Rates()

    def point(self, point: Point) -> None:
        """Raises ``Crash``, ``UnavailableError``, lets another thread take a step, or does nothing."""
        lot = self.random.random()
        if lot < self.rates.crash:
            self.story.append(f"crash at {point.name}")
            raise Crash(point)
        lot -= self.rates.crash
        if lot < self.rates.error and point in OF_THE_DATABASE:
            self.story.append(f"database error at {point.name}")
            raise UnavailableError(f"simulated at {point.name}")
        lot -= self.rates.error
        if 0 <= lot < self.rates.preempt and point is not Point.COMMIT:
            self.preempt()


class OneFault(Faults):
    """Exactly one fault, at the point of this number (from 1); ``seen`` tells how many points there were."""

    def __init__(self, number: int, *, crash: bool) -> None:
        super().__init__(Random(0), Rates())
        self.number, self.crash, self.seen = number, crash, 0
        self.is_calm = False

    def calm(self) -> None:
        self.is_calm = True

    def point(self, point: Point) -> None:
        if self.is_calm:
            return
        self.seen += 1
        if self.seen != self.number:
            return
        self.story.append(f"the fault at {point.name}")
        if self.crash:
            raise Crash(point)
        if point in OF_THE_DATABASE:
            raise UnavailableError(f"simulated at {point.name}")
