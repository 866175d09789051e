"""Notices that somebody put the clock: wall time and real time have gone apart between two looks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.ports import Clock
from app.core.pulse import Monotonic

TOLERANCE = timedelta(seconds=2)
"""Time services that slew a clock change it by less than that between two looks; whoever sets it, by more."""


@dataclass(frozen=True)
class Step:
    """The clock would have shown ``before`` and shows ``after`` (aware UTC)."""

    before: datetime
    after: datetime

    @property
    def is_forward(self) -> bool:
        return self.after > self.before

    @property
    def size(self) -> timedelta:
        return abs(self.after - self.before)


def step_between(last: tuple[datetime, float], now: tuple[datetime, float]) -> Step | None:
    """Compare two looks: each the wall time and the seconds of a clock that nobody can put."""
    step = Step(last[0] + timedelta(seconds=now[1] - last[1]), now[0])
    return step if step.size > TOLERANCE else None


class ClockWatch:
    def __init__(self, clock: Clock, seconds: Monotonic) -> None:
        """``seconds`` should go on while the machine sleeps: a sleep is no step."""
        self._clock = clock
        self._seconds = seconds
        self._last = self._read()

    def look(self) -> Step | None:
        """The step since the last look, told once."""
        last, self._last = self._last, self._read()
        return step_between(last, self._last)

    def _read(self) -> tuple[datetime, float]:
        return self._clock(), self._seconds()
