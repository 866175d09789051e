"""The warden as the server sees it: a process and a channel."""

import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from app.adapters import process_tree
from app.adapters.channel import Channel
from app.adapters.messages import WardenSettings, pack_settings
from app.adapters.takeover import Takeover

SILENT_AFTER = 15.0  # seconds without a word, against a tick each 2 s
STARTS_WITHIN = 60.0  # seconds until its first word: it has to import what all the job types need


class WardenProcess:
    def __init__(self, command: Sequence[str], settings: WardenSettings, takeover: Takeover) -> None:
        here, there = socket.socketpair()
        with there:
            inherited = [there.fileno(), *([takeover.lock] if takeover.lock is not None else [])]
            self._process = subprocess.Popen(
                [*command, "--channel", str(there.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=inherited,
                env=takeover.environment(),
                start_new_session=True,  # Ctrl-C in the server's terminal is for the server
            )
        self.channel = Channel(here)
        self.channel.send(pack_settings(settings))
        self.has_spoken = False
        self._socket = here
        self._silence = 0.0

    def listened(self, has_spoken: bool, seconds: float) -> None:
        """Only the time that somebody has listened counts: the server itself may be kept up by its database."""
        self.has_spoken = self.has_spoken or has_spoken
        self._silence = 0.0 if has_spoken else self._silence + seconds

    def is_silent(self) -> bool:
        return self._silence > (SILENT_AFTER if self.has_spoken else STARTS_WITHIN)

    def kill(self) -> None:
        """End a warden that hangs or was stopped. Its guardian lives on and ends what was below it."""
        process_tree.send(process_tree.children(self._process.pid), signal.SIGKILL)
        process_tree.send([self._process.pid], signal.SIGCONT)
        self._silence = 0.0

    def hang_up(self) -> None:
        """The warden ends everything, then itself; callable while another thread reads the channel."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def wait(self, patience: float) -> None:
        """Take the process off the table; after ``patience`` seconds by force."""
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.channel.close()
