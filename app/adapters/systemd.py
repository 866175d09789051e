"""What systemd wants to know of a service of ``Type=notify``: ready, alive, stopping. See sd_notify(3).

Where the environment names no socket nothing is sent, and nothing else changes.
"""

import os
import socket
import threading
from collections.abc import Callable, MutableMapping
from contextlib import suppress


class Systemd:
    def __init__(
        self, environment: MutableMapping[str, str], is_live: Callable[[], bool], status: Callable[[], str]
    ) -> None:
        """Takes what is for this process out of ``environment``: its children are none of systemd's business.

        ``is_live`` must not ask the database: that one is away is no reason for a restart.
        """
        self._address = environment.pop("NOTIFY_SOCKET", "")
        microseconds, pid = environment.pop("WATCHDOG_USEC", "0"), environment.pop("WATCHDOG_PID", "")
        is_ours = pid in ("", str(os.getpid()))
        self.every = int(microseconds) / 1e6 / 3 if is_ours and microseconds.isdigit() else 0.0  # seconds; 0 for never
        self.is_live = is_live
        self.status = status
        self._stopping = threading.Event()

    def ready(self) -> None:
        self.tell("READY=1", f"STATUS={self.status()}")
        if self._address and self.every:
            threading.Thread(target=self._watch, name="carillon-systemd", daemon=True).start()

    def stopping(self) -> None:
        self._stopping.set()
        self.tell("STOPPING=1", "STATUS=stopping")

    def beat(self) -> None:
        """A sign of life, if there is life."""
        if self.is_live():
            self.tell("WATCHDOG=1", f"STATUS={self.status()}")

    def tell(self, *words: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.settimeout(1.0)
            to.sendto("\n".join(words).encode(), address)

    def _watch(self) -> None:
        while not self._stopping.wait(self.every):
            self.beat()
