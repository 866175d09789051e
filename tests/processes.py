"""The processes that this test session has started, found by what no process can lose on the way."""

import contextlib
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")  # they end with the interpreter


@dataclass(frozen=True)
class Process:
    pid: int
    command: str
    test: str

    def __str__(self) -> str:
        return f"{self.pid} {self.command[:120]}" + (f" (started by {self.test})" if self.test else "")

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def left_behind(marks: list[str], seconds: float) -> list[Process]:
    """Those that still run after some seconds of patience."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if not _running(marks):
            return []
        pause.wait(0.1)
    return _running(marks)


def _running(marks: list[str]) -> list[Process]:
    """Our children, and every process with one of the marks in its environment or command, whoever its parent is."""
    return [found for folder in Path("/proc").glob("[0-9]*") if (found := _ours(folder, marks))]


def _ours(folder: Path, marks: list[str]) -> Process | None:
    pid = int(folder.name)
    try:
        # after the command's name, which may hold anything: state, parent
        state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        command = _text(folder / "cmdline")
        environment = _text(folder / "environ")
    except OSError:
        return None  # ended meanwhile, or somebody else's
    marked = any(mark in f"{environment} {command}" for mark in marks)
    if pid == os.getpid() or state == "Z" or not (marked or int(parent) == os.getpid()):
        return None
    if any(helper in command for helper in HELPERS):
        return None
    return Process(pid, command.strip(), environment.partition("PYTEST_CURRENT_TEST=")[2].partition(" (")[0])


def _text(path: Path) -> str:
    return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
