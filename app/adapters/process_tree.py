"""Processes and what they have started, as Linux tells it.

A **subreaper** becomes the parent of every orphan below it: whatever a job does (double fork, new session, cleared
environment), its processes stay below the nearest subreaper that lives.
"""

import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

_PR_SET_NAME = 15  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36

# Few kernels are built without (CONFIG_PROC_CHILDREN); there all processes have to be looked at, 20 times slower.
HAS_CHILDREN_FILES = os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")

_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Holds for this process only; a forked child has to say so itself."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def be_called(name: str) -> None:
    """As shown by ``ps -o comm`` and ``top``; 15 characters at most."""
    _libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def be_nice(by: int) -> None:
    """Leave others that many steps of priority, and with us all that we start."""
    niceness = os.nice(by)
    # Where the kernel shares out by sessions first (sched_autogroup), ours has to be nice as a whole.
    with suppress(OSError), open("/proc/self/autogroup", "wb", buffering=0) as file:
        file.write(str(niceness).encode())


def start_ticks(pid: int) -> int:
    """Give field 22 of /proc/PID/stat: together with the pid it names a process for ever (until the next boot)."""
    return int(_stat_after_name(pid)[19])


def children(pid: int) -> set[int]:
    """Zombies included. Empty for a process that is gone."""
    return _children_by_thread(pid) if HAS_CHILDREN_FILES else _children_by_scan(pid)


def _children_by_thread(pid: int) -> set[int]:
    found: set[int] = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # a child is listed under the thread that has forked it
            found.update(_children_of_thread(pid, thread))
    return found


def _children_of_thread(pid: int, thread: str) -> Iterator[int]:
    with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
        yield from map(int, file.read().split())


def _children_by_scan(pid: int) -> set[int]:
    return {other for other in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent(other) == pid}


def _parent(pid: int) -> int | None:
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(_stat_after_name(pid)[1])
    return None


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    unseen = children(pid)
    while unseen:
        found |= unseen
        unseen = {child for parent in unseen for child in children(parent)} - found
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap() -> dict[int, int]:
    """Take the dead children off the process table; gives their wait statuses by pid."""
    statuses: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            statuses[found[0]] = found[1]
    return statuses


def end_all_below(*, hopeless_after: float) -> bool:
    """Kill whatever the calling process has below it, again and again, until nothing is left or the time is over.

    One round is not enough: a process that is just forking leaves a child that the round has not seen.
    """
    hopeless_at = time.monotonic() + hopeless_after
    while time.monotonic() < hopeless_at:
        send(descendants(os.getpid()), signal.SIGKILL)
        reap()
        if not children(os.getpid()):
            return True
        select.select([], [], [], 0.002)
    return False


def _stat_after_name(pid: int) -> list[bytes]:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()  # the name may hold spaces and brackets
