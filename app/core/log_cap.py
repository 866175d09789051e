"""How much of a run's log is kept: its beginning and its end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LogLimits:
    """Of one run, in lines and characters; half of each is for the beginning, half for the end."""

    lines: int = 20_000
    characters: int = 10_000_000
