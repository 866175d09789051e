"""The processes of a running server, and ways to kill some of them."""

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress

from app.adapters.process_tree import children


def guardians(server: int) -> set[int]:
    return children(server)


def wardens(server: int) -> set[int]:
    return _below(guardians(server))


def workers(server: int) -> set[int]:
    return _below(wardens(server))


def _below(parents: Iterable[int]) -> set[int]:
    return {child for parent in parents for child in children(parent)}


def everybody(server: int) -> set[int]:
    """Stopped first, so that none can act on the death of another."""
    found: set[int] = set()
    while new := {server, *guardians(server), *wardens(server), *workers(server)} - found:
        _send(new, signal.SIGSTOP)
        found |= new
    return found


VICTIMS: dict[str, Callable[[int], set[int]]] = {
    "server": lambda server: {server},
    "guardian": guardians,
    "warden": wardens,
    "worker": lambda server: set(sorted(workers(server))[:1]),
    "workers": workers,
    "all": everybody,
}


def kill(victim: str, server: int) -> None:
    _send(VICTIMS[victim](server), signal.SIGKILL)


def _send(processes: Iterable[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)
