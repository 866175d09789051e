"""Sends mail by SMTP, with the standard library.

``smtps://`` is TLS from the first byte. With ``smtp://`` STARTTLS is used where the server offers it; a password is
sent over TLS or to this machine only. ``?starttls=required`` and ``?starttls=off`` say otherwise. Certificates are
checked.
"""

import ipaddress
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from app.adapters.postman import NobodyThereError, NotTakenError, RefusedError
from app.core.ports import Clock
from app.core.postroom import Due

SECONDS = 20.0  # for all of one message: a server that drips bytes cannot stretch it
PORTS = {"smtp": 25, "smtps": 465}
NO_SERVER = "no mail server is set: CARILLON_SMTP_URL"


class Mail:
    """A sender of the postman's. While the one server does not answer, nothing else is tried there."""

    only_place: str | None = "mail"

    def __init__(self, url: str, sender: str, clock: Clock, seconds: float = SECONDS) -> None:
        """``sender`` may be empty: carillon@ the name of this machine."""
        self.place = urlsplit(url) if url else None
        self.sender = sender or f"Carillon <carillon@{socket.getfqdn()}>"
        self.clock = clock
        self.seconds = seconds

    def place_of(self, due: Due) -> str:
        return self.only_place or ""

    def send(self, due: Due) -> None:
        """Raises ``RefusedError`` for a recipient that does not exist, else ``NotTakenError``."""
        if self.place is None:
            raise NobodyThereError(NO_SERVER)
        try:
            self._send(self.place, self._message(due), due.target)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients) from None
        except smtplib.SMTPResponseException as error:
            raise NotTakenError(f"the mail server answers {error.smtp_code}: {_words(error.smtp_error)}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise NobodyThereError(f"{self.place.hostname}: {str(error) or type(error).__name__}") from None

    def _message(self, due: Due) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, due.target, due.subject
        message["Date"] = format_datetime(self.clock())
        message["Message-ID"] = f"<{due.uid}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody is away to it
        message.set_content(due.content["text"])
        message.add_alternative(due.content["html"], subtype="html")
        return message

    def _send(self, place: SplitResult, message: EmailMessage, target: str) -> None:
        with self._connected(place) as server:
            server.ehlo()
            self._secure(place, server)
            if place.username:
                server.login(unquote(place.username), unquote(place.password or ""))
            server.send_message(message, to_addrs=[target])

    def _secure(self, place: SplitResult, server: smtplib.SMTP) -> None:
        is_safe = place.scheme == "smtps"
        if not is_safe and place.query != "starttls=off" and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            is_safe = True
        if not is_safe and place.query == "starttls=required":
            raise NobodyThereError("the mail server offers no STARTTLS, and CARILLON_SMTP_URL requires it")
        if not is_safe and place.password and not _is_here(place.hostname or ""):
            raise NobodyThereError("the mail server offers no TLS: the password is not sent in the clear")

    @contextmanager
    def _connected(self, place: SplitResult) -> Iterator[smtplib.SMTP]:
        host, port = place.hostname or "", place.port or PORTS[place.scheme]
        options: dict[str, Any] = {"timeout": self.seconds}
        if place.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(context=ssl.create_default_context(), **options)
        else:
            server = smtplib.SMTP(**options)
        server._host = host  # type: ignore[attr-defined] # what its TLS checks the certificate against
        with self._limited(server):
            code, words = server.connect(host, port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, words)
            yield server
            with suppress(OSError, smtplib.SMTPException):  # it is taken already
                server.quit()

    @contextmanager
    def _limited(self, server: smtplib.SMTP) -> Iterator[None]:
        """Shut the socket when the time is over: whatever waits on it returns."""
        over = threading.Event()
        limit = threading.Timer(self.seconds, _shut, [server, over])
        limit.daemon = True
        limit.start()
        try:
            yield
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            if over.is_set() or isinstance(error, TimeoutError):
                raise NobodyThereError(f"the mail server did not answer in {self.seconds:g} s") from None
            raise
        finally:
            limit.cancel()
            server.close()


def _shut(server: smtplib.SMTP, over: threading.Event) -> None:
    over.set()
    with suppress(OSError, AttributeError):
        server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


def _refused(recipients: Mapping[str, tuple[int, bytes]]) -> NotTakenError:
    (address, (code, words)), *_ = recipients.items()
    said = f"the mail server does not take {address}: {code} {_words(words)}"
    return RefusedError(said) if code >= 500 else NotTakenError(said)


def _words(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
