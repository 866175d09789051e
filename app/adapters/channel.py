"""Lines over a socket that never block: what cannot be sent or is not complete yet waits in a buffer."""

import socket
import threading

READ_SIZE = 256 * 1024
LONGEST_LINE = 64 * 1024 * 1024  # bytes; a longer one is no message of ours


class ChannelClosed(Exception):  # noqa: N818 - the end of the other side is an event, not an error
    """The other side has ended."""


class Channel:
    """One end of a stream of lines. Sending is safe from several threads, receiving belongs to one."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._lock = threading.Lock()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that the other side has not had room for: call ``flush`` when the socket takes more."""
        return len(self._outgoing)

    def send(self, lines: bytes) -> None:
        """Send whole lines, each with its line feed; what finds no room is kept. A closed other side is no error."""
        with self._lock:
            self._outgoing += lines
            self._push()

    def flush(self) -> None:
        with self._lock:
            self._push()

    def _push(self) -> None:
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing)
                del self._outgoing[:sent]
        except BlockingIOError:
            return
        except OSError:
            # Gone: the reading side learns it too, after the last lines that were sent to it.
            self._outgoing.clear()

    def receive(self) -> list[bytes]:
        """Give the complete lines that have come in, without waiting. Raises ``ChannelClosed`` after the last one."""
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            raise ChannelClosed
        return self._lines(data)

    def drain(self) -> list[bytes]:
        """Give all that has been sent before the other side ended."""
        lines: list[bytes] = []
        while True:
            before = len(self._incoming)
            try:
                new = self.receive()
            except ChannelClosed:
                return lines
            if not new and len(self._incoming) == before:
                return lines
            lines += new

    def _lines(self, data: bytes) -> list[bytes]:
        self._incoming += data
        if b"\n" not in data:
            if len(self._incoming) > LONGEST_LINE:
                raise ChannelClosed
            return []
        *lines, rest = self._incoming.split(b"\n")
        self._incoming = rest
        return [bytes(line) for line in lines]

    def close(self) -> None:
        self._socket.close()
