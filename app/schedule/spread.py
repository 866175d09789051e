"""A stable offset per job, so that jobs written alike do not all start in the same second.

Hashing the job instead of drawing a random number keeps a job's times the same after every restart.
"""

from datetime import timedelta
from hashlib import blake2b


def stable_number(seed: str, purpose: str) -> int:
    """Answer a 64-bit number that depends on both texts only, the same on every machine and in every version."""
    return int.from_bytes(blake2b(f"{seed}\0{purpose}".encode(), digest_size=8).digest(), "big")


def stable_offset(seed: str, within: timedelta) -> timedelta:
    """Answer an offset of whole seconds in ``[0, within)`` by which to shift the start of a job's trigger."""
    seconds = int(within.total_seconds())
    if seconds < 1:
        return timedelta(0)
    return timedelta(seconds=stable_number(seed, "offset") % seconds)
