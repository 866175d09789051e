"""One question and one answer over HTTP, by the standard library: no proxy of the environment, no redirect.

The whole exchange has one time limit, which a server that sends a byte now and then cannot stretch; when it is over, or
the run is cancelled, the socket is shut and whatever waits on it returns.
"""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, quote, urlsplit

from app.core.job_types import JobError
from app.core.statuses import FailureReason

READ_AT_ONCE = 1 << 16
PORTS = {"http": 80, "https": 443}
SAFE = "%/:=&?~#+!$,;'@()*[]"
"""What stays as it is in the path and the query of a URL."""

CheckAddress = Callable[[str], None]
"""Raises ``JobError`` for an address (IPv4 or IPv6) that must not be spoken to."""


class Cancellable(Protocol):
    """What an exchange wants to know of the run that it is a part of."""

    def on_cancel(self, action: Callable[[], None]) -> AbstractContextManager[None]: ...

    def check_cancelled(self) -> None: ...


@dataclass(frozen=True)
class Question:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    headers: Mapping[str, str]  # names in small letters
    body: bytes
    is_cut: bool = False  # there is more of the body than was taken


@dataclass(frozen=True)
class Limits:
    seconds: float
    body_bytes: int = 1 << 20
    wants_answer: bool = True


def ask(
    context: Cancellable, question: Question, limits: Limits, check: CheckAddress = lambda address: None
) -> Answer | None:
    """Ask and give the answer, whatever its status; ``None`` when none is wanted.

    Raises ``JobError``: nobody there, not HTTP, or not in time (TIMEOUT); ``RunCancelled``.
    """
    place = split(question.url)
    connection = _connection(place, limits.seconds, check)
    with _limited(context, connection, limits.seconds) as is_late:
        try:
            return _exchange(connection, place, question, limits)
        except (OSError, http.client.HTTPException) as error:
            context.check_cancelled()
            if is_late() or isinstance(error, TimeoutError):
                raise JobError(
                    f"no answer from {place.netloc} in {limits.seconds:g} s", FailureReason.TIMEOUT
                ) from None
            raise JobError(f"{question.method} {place.netloc}: {_words(error)}") from error


def split(url: str) -> SplitResult:
    """Take a URL apart. Raises ``JobError`` (CONFIG) for what is none, or holds a user's name."""
    try:
        place = urlsplit(url)
        wrong = place.scheme not in PORTS or not place.hostname or place.port == 0 or "@" in place.netloc
    except ValueError:
        wrong = True
    if wrong or any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        raise JobError(f"{url[:200]!r} is no http:// or https:// URL without a user", FailureReason.CONFIG)
    return place


class _Checked(http.client.HTTPConnection):
    """Looks at each address before it speaks to it: what a name resolves to can change between two looks."""

    check: CheckAddress
    is_late: Callable[[], bool]

    def connect(self) -> None:
        self.sock = self._reach()
        self._stay_in_time()

    def _stay_in_time(self) -> None:
        """Whoever shuts the socket when the time is over cannot shut one that is not there yet."""
        if self.is_late():
            raise TimeoutError

    def _reach(self) -> socket.socket:
        failed: OSError = OSError(f"{self.host} has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            self._stay_in_time()
            self.check(str(address[0]))
            reached = socket.socket(family, kind, protocol)
            try:
                reached.settimeout(self.timeout)
                reached.connect(address)
            except OSError as error:
                reached.close()
                failed = error
                continue
            return reached
        raise failed


class _CheckedTls(_Checked):
    default_port = 443

    def connect(self) -> None:
        import ssl

        super().connect()
        context = ssl.create_default_context()
        secured = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = secured  # before the handshake, so that it can be shut
        self._stay_in_time()
        secured.do_handshake()


def _connection(place: SplitResult, seconds: float, check: CheckAddress) -> _Checked:
    kind = _CheckedTls if place.scheme == "https" else _Checked
    connection = kind(_ascii_host(place), place.port or PORTS[place.scheme], timeout=seconds)
    connection.check = check
    return connection


def _ascii_host(place: SplitResult) -> str:
    host = place.hostname or ""
    try:
        return host.encode("idna").decode(
            "ascii"
        )  # an ASCII one stays as it is, or has labels that cannot be looked up
    except UnicodeError:
        raise JobError(f"{host[:100]!r} is no host name", FailureReason.CONFIG) from None


@contextmanager
def _limited(context: Cancellable, connection: _Checked, seconds: float) -> Iterator[Callable[[], bool]]:
    """Shut the socket when the time is over or the run is cancelled. Gives what tells whether the time was over."""
    over = threading.Event()
    connection.is_late = over.is_set

    def end() -> None:
        over.set()
        _shut(connection)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        with context.on_cancel(lambda: _shut(connection)):
            yield over.is_set
    finally:
        timer.cancel()
        connection.close()


def _shut(connection: _Checked) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _exchange(connection: _Checked, place: SplitResult, question: Question, limits: Limits) -> Answer | None:
    path = quote(place.path or "/", safe=SAFE) + (f"?{quote(place.query, safe=SAFE)}" if place.query else "")
    connection.request(question.method, path, body=question.body, headers=dict(question.headers))
    if not limits.wants_answer:
        return None
    response = connection.getresponse()
    body = bytearray()
    while len(body) <= limits.body_bytes and (part := response.read1(READ_AT_ONCE)):
        body += part
    headers = {name.lower(): value for name, value in response.getheaders()}
    is_cut = len(body) > limits.body_bytes
    return Answer(response.status, response.reason, headers, bytes(body[: limits.body_bytes]), is_cut)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
