"""Things that a server needs, taken away for the length of a context."""

import os
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path

from sqlalchemy import make_url

from tests import services

PIECE = 1 << 16


class Line:
    """A line to a TCP server that can be cut (connections break, new ones are refused) or go silent."""

    def __init__(self, url: str) -> None:
        self._there = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._is_cut = self._is_silent = self._is_over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        port: int = self._listener.getsockname()[1]
        return self._there.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)

    @contextmanager
    def cut(self) -> Iterator[None]:
        self._is_cut = True
        self._drop_all()
        yield
        self._is_cut = False

    @contextmanager
    def silent(self) -> Iterator[None]:
        self._is_silent = True
        yield
        self._is_silent = False

    def close(self) -> None:
        self._is_over = True
        self._thread.join()
        for end in [self._listener, *self._pairs]:
            end.close()

    def _drop_all(self) -> None:
        with self._lock:
            for end in self._pairs:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _carry(self) -> None:
        while not self._is_over:
            ends = [] if self._is_silent else list(self._pairs)
            for end in wait([self._listener, *ends], 0.02):  # not select(), which ends at file number 1023
                assert isinstance(end, socket.socket)
                self._accept() if end is self._listener else self._pass_on(end)

    def _accept(self) -> None:
        here, _ = self._listener.accept()
        if self._is_cut:
            here.close()
            return
        there = socket.create_connection((self._there.host or "", self._there.port or 5432))
        with self._lock:
            self._pairs |= {here: there, there: here}

    def _pass_on(self, end: socket.socket) -> None:
        if end not in self._pairs:
            return
        data = b""
        with suppress(OSError):
            data = end.recv(PIECE)
        with suppress(OSError):
            if data:
                self._pairs[end].sendall(data)
                return
        with self._lock:
            other = self._pairs.pop(end)
            self._pairs.pop(other, None)
        end.close()
        other.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds SQLite's lock for changes."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own. Needs root."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "carillon-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        services.missing(f"a small file system (root may mount a tmpfs): {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Filler:
    """Somebody else's file that takes every byte of a disk, also those that become free."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "somebody-elses"

    @contextmanager
    def full(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._fill, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.path.unlink()

    def _fill(self, over: threading.Event) -> None:
        """What is given up at the first need is left alone for two seconds."""
        with self.path.open("ab", buffering=0) as file:
            while not over.is_set():
                with suppress(OSError):
                    while not over.is_set():
                        file.write(b"\0" * (1 << 20))
                with suppress(OSError):
                    while not over.is_set():
                        file.write(b"\0" * 4096)
                over.wait(2)
