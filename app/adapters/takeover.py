"""Before a server runs anything, nothing of an earlier server's runs may be alive any more.

The proof is a lock that server, guardian and warden share: it is free only when all three are gone. What then still
carries our mark in its environment has lost all of them in one blow (``kill -9`` on everything at once); it is killed.
"""

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.adapters import process_tree
from app.core.errors import UnavailableError

log = logging.getLogger(__name__)

MARK = "CARILLON_WORKERS_OF"  # environment variable of every process of a run: the directory whose lock protects it
LOCK = "workers.lock"
PATIENCE = 30.0  # seconds that an earlier warden may need to end its trees
ROUNDS = 100


class Takeover:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock: int | None = None
        """File descriptor; the processes that are started for us have to inherit it."""

    def take(self, patience: float = PATIENCE) -> bool:
        """Say whether it was not ours yet. Raises ``UnavailableError`` while another server has its workers here."""
        if self.lock is not None:
            return False
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not _wait_for(lock, time.monotonic() + patience):
            os.close(lock)
            raise UnavailableError(f"another server still has worker processes on {str(self.directory)!r}")
        self.lock = lock
        self.end_strays()
        return True

    def release(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def environment(self) -> dict[str, str]:
        """For the processes of runs: none of our settings, as secrets may be among them, but our mark."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CARILLON_")}
        return {**inherited, MARK: str(self.directory.resolve())}

    def end_strays(self) -> None:
        mark = f"{MARK}={self.directory.resolve()}".encode()
        for _ in range(ROUNDS):
            strays = set(_marked(mark))
            if not strays:
                return
            log.warning("ending %d processes that runs of an earlier server have left behind", len(strays))
            for pid in strays:
                _kill_if_marked(pid, mark)
            threading.Event().wait(0.01)


def _wait_for(lock: int, until: float) -> bool:
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= until:
            return False
        threading.Event().wait(0.02)


def _marked(mark: bytes) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid() and _has_mark(int(name), mark):
            yield int(name)


def _has_mark(pid: int, mark: bytes) -> bool:
    """Zombies have no environment any more, other users' processes do not show it."""
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return mark in file.read().split(b"\0")
    return False


def _kill_if_marked(pid: int, mark: bytes) -> None:
    """Look again with the process held fast: its number may have gone to another one in between."""
    with suppress(ProcessLookupError):
        held = os.pidfd_open(pid)
        try:
            if _has_mark(pid, mark):
                # Before it: what is below a worker may have no mark, and is not to be found once the worker is gone.
                process_tree.send(process_tree.descendants(pid), signal.SIGKILL)
                signal.pidfd_send_signal(held, signal.SIGKILL)
        finally:
            os.close(held)
