"""The only place that reads the wall clock."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def seconds_since_boot() -> float:
    """Real time that nobody can put; goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
