"""Waitress, made patient with slow clients and hard on those that never finish. Measured in ``benchmarks/server.py``.

With waitress's own settings 99 slow connections freeze it; a client that drips bytes keeps its connection for ever; one
fast reader of a large file is served until it blocks, and everybody else waits; without file descriptors it spins.
"""

import resource
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import MultiSocketServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher

if TYPE_CHECKING:
    from config import Settings

THREADS = 16
CONNECTIONS = 2000  # at most, see _connections
RESERVED_FILES = 200  # descriptors for the database, workers and files
REQUEST_SECONDS = 30  # a request has to be there after this time
BYTES_PER_TURN = 1 << 20  # to one reader, before the others have their turn

LISTENER = "carillon.listener"
"""In the WSGI environment: which kind of listener of its own the control API was asked by, tcp or unix."""

Server: TypeAlias = Any  # waitress is not typed: one of its servers, with run()


def create(app: Any, given: "Settings") -> Server:
    """Bind the address of the settings; ``run()`` serves. Raises ``OSError``."""
    adjustments = _adjustments({"host": given.host, "port": given.port})
    listening = _Listening(ThreadedTaskDispatcher(), {})
    listening.dispatcher.set_thread_count(THREADS)
    listening.add(app, adjustments)
    if given.control_bind:
        listening.add(_marked(app, given.control_bind), _adjustments(_address(given.control_bind)))
    return listening.server(adjustments)


def _adjustments(address: dict[str, Any]) -> Adjustments:
    return Adjustments(
        **address,
        threads=THREADS,
        connection_limit=_connections(),
        channel_timeout=2 * REQUEST_SECONDS,
        cleanup_interval=5,
        asyncore_use_poll=True,  # select() ends at file number 1023
        backlog=256,
        max_request_header_size=16_384,
        max_request_body_size=20_000_000,
        ident=None,
        clear_untrusted_proxy_headers=False,
    )


@dataclass
class _Listening:
    """Servers of several addresses in one loop, with one pool of threads."""

    dispatcher: Any
    sockets: dict[int, Any]
    servers: list[Server] = field(default_factory=list)

    def add(self, app: Any, adjustments: Adjustments) -> None:
        if adjustments.unix_socket:
            self._add(PatientUnixServer, app, adjustments, (socket.AF_UNIX, socket.SOCK_STREAM, None, None))
            return
        for listen in adjustments.listen:
            self._add(PatientServer, app, adjustments, listen)

    def _add(self, kind: Any, app: Any, adjustments: Adjustments, sockinfo: Any) -> None:
        made = kind(app, self.sockets, dispatcher=self.dispatcher, adj=adjustments, sockinfo=sockinfo)
        self.servers.append(made)

    def server(self, adjustments: Adjustments) -> Server:
        if len(self.servers) == 1:
            return self.servers[0]
        addresses = [(server.effective_host, server.effective_port) for server in self.servers]
        return MultiSocketServer(self.sockets, adjustments, addresses, self.dispatcher)


def _marked(app: Any, bind: str) -> Any:
    """The application, told that a request came in by the control API's own listener."""
    name = "unix" if bind.startswith("unix:") else "tcp"

    def marked(environ: dict[str, Any], start_response: Any) -> Any:
        environ[LISTENER] = name
        return app(environ, start_response)

    return marked


def _address(bind: str) -> dict[str, Any]:
    """As waitress names it. The socket is open to the account and the group of the server."""
    if bind.startswith("unix:"):
        return {"unix_socket": bind.removeprefix("unix:"), "unix_socket_perms": "660"}
    return {"listen": bind}


def _connections() -> int:
    """As many as there are file descriptors for: allow ourselves all that we may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files = CONNECTIONS + RESERVED_FILES if hard == resource.RLIM_INFINITY else hard
    return max(20, min(CONNECTIONS, files - RESERVED_FILES))


class FairChannel(HTTPChannel):  # type: ignore[misc]
    """One turn of waitress's loop sends to a fast reader until it blocks, and nobody else is served meanwhile."""

    sent_this_turn = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sendbuf_len = BYTES_PER_TURN // 4  # what is read at once: 2.6 MB on loopback, most of it read in vain

    def handle_write(self) -> None:
        self.sent_this_turn = 0
        super().handle_write()

    def send(self, data: bytes, do_close: bool = True) -> int:
        if self.sent_this_turn > BYTES_PER_TURN:
            return 0  # as if it had blocked: the rest goes out in the next turn
        sent: int = super().send(data, do_close=do_close)
        self.sent_this_turn += sent
        return sent


class Patience:
    """Ends a connection whose request does not arrive in time: waitress's own time-out begins anew with each byte."""

    channel_class = FairChannel
    active_channels: dict[int, Any]

    def maintenance(self, now: float) -> None:
        super().maintenance(now)  # type: ignore[misc]
        for channel in list(self.active_channels.values()):
            waiting_since = vars(channel).setdefault("waiting_since", now)
            if channel.request is None or channel.requests:
                channel.waiting_since = now
            elif now - waiting_since > REQUEST_SECONDS:
                channel.will_close = True


class PatientServer(Patience, TcpWSGIServer):  # type: ignore[misc]
    pass


class PatientUnixServer(Patience, UnixWSGIServer):  # type: ignore[misc]
    pass
