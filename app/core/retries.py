"""Whether a run that did not succeed gets another attempt, and when."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core.errors import FieldError, InvalidError
from app.core.statuses import FailureReason, Recovery, RunStatus

MOST_RETRIES = 100
LONGEST_SECONDS = 7 * 86400
RETRIABLE = (
    FailureReason.EXIT,
    FailureReason.EXCEPTION,
    FailureReason.TIMEOUT,
    FailureReason.DISK_FULL,
    FailureReason.OUTPUT_LIMIT,
    FailureReason.CONFIG,
)
RECOVERIES = 3
"""A run that is interrupted again and again is given up after so many attempts: it may be what kills the server."""
RECOVERY_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True)
class RetryPolicy:
    """Up to ``count`` more attempts. The n-th waits ``delay_seconds * factor ** (n - 1)`` or ``max_delay_seconds``.

    ``jitter`` is the part of the delay, 0 to 1, by which it may be shorter, so that what failed together does not come
    back together. ``on`` are the reasons that are worth a retry.
    """

    count: int
    delay_seconds: float = 60
    factor: float = 2.0
    max_delay_seconds: float = 3600
    jitter: float = 0.1
    on: tuple[FailureReason, ...] = RETRIABLE

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> "RetryPolicy | None":
        """From a JSON object with these names. Raises ``InvalidError`` with all that is wrong."""
        if stored is None:
            return None
        unknown = [FieldError(f"retry.{name}", "there is no such field", "unknown") for name in stored.keys() - FIELDS]
        errors = unknown + [error for name, check in CHECKS.items() if name in stored for error in check(name, stored)]
        if "count" not in stored:
            errors.append(FieldError("retry.count", "how many times must be said", "required"))
        if errors:
            raise InvalidError(errors)
        chosen = {"on": tuple(FailureReason(name) for name in stored["on"])} if "on" in stored else {}
        return cls(**dict(stored) | chosen)

    def written(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in CHECKS if name != "on"} | {"on": [str(each) for each in self.on]}

    def delay(self, retry: int, chance: float) -> timedelta:
        """How long the ``retry``-th retry (from 1) waits; ``chance`` lies in 0 .. 1."""
        seconds = min(self.delay_seconds * self.factor ** min(retry - 1, 64), self.max_delay_seconds)
        return timedelta(seconds=seconds * (1 - self.jitter * chance))


def _number(low: float, high: float, *, whole: bool = False) -> Any:
    def check(name: str, stored: Mapping[str, Any]) -> list[FieldError]:
        value = stored[name]
        kinds = int if whole else (int, float)
        if isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high:
            return []
        return [FieldError(f"retry.{name}", f"must be a number from {low:g} to {high:g}", "invalid")]

    return check


def _reasons(name: str, stored: Mapping[str, Any]) -> list[FieldError]:
    known = [str(reason) for reason in RETRIABLE]
    if isinstance(stored[name], list | tuple) and stored[name] and all(each in known for each in stored[name]):
        return []
    return [FieldError(f"retry.{name}", f"must be a list of some of: {', '.join(known)}", "invalid")]


CHECKS = {
    "count": _number(0, MOST_RETRIES, whole=True),
    "delay_seconds": _number(0, LONGEST_SECONDS),
    "factor": _number(1, 100),
    "max_delay_seconds": _number(0, LONGEST_SECONDS),
    "jitter": _number(0, 1),
    "on": _reasons,
}
FIELDS = CHECKS.keys()


@dataclass(frozen=True)
class Tried:
    """An attempt that has ended; ``number`` counts from 1. ``token`` is the attempt's."""

    number: int
    token: str
    status: RunStatus
    reason: FailureReason | None
    ended_at: datetime
    was_cancelled: bool
    give_up_at: datetime | None  # when the time limit of the whole run is over


def again_at(tried: Tried, policy: RetryPolicy | None, recovery: Recovery) -> datetime | None:
    """When the next attempt may begin, or ``None`` when the run has ended."""
    if tried.was_cancelled:
        return None
    if tried.status is RunStatus.INTERRUPTED:
        due = tried.ended_at + RECOVERY_PAUSE if recovery is Recovery.RETRY and tried.number < RECOVERIES else None
    elif tried.status is RunStatus.FAILED and policy and tried.number <= policy.count and tried.reason in policy.on:
        chance = zlib.crc32(tried.token.encode()) / 2**32  # as good as any, and the same when it is asked again
        due = tried.ended_at + policy.delay(tried.number, chance)
    else:
        due = None
    too_late = due is not None and tried.give_up_at is not None and due >= tried.give_up_at
    return None if too_late else due
