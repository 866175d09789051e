"""A small mail server on a real socket, well-behaved or not."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SILENT, DROPS = "silent", "drops"


@dataclass
class MailServer:
    """``answers`` are what it says to a command instead of the usual: a line, ``SILENT`` or ``DROPS``."""

    answers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None  # it offers STARTTLS
    tls_at_once: bool = False
    port: int = 0
    commands: list[str] = field(default_factory=list)
    in_the_clear: list[str] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError, ssl.SSLError), connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        with ExitStack() as opened:
            self._talk(connection, opened)

    def _talk(self, connection: socket.socket, opened: ExitStack) -> None:
        if self.tls_at_once:
            connection = opened.enter_context(self._wrapped(connection))
        if not self._answer(connection, "greeting", "220 hello"):
            return
        lines = opened.enter_context(connection.makefile("rb"))
        while line := lines.readline():
            verb = self._note(line.decode().strip(), is_safe=isinstance(connection, ssl.SSLSocket))
            if not self._answer(connection, verb, self._usual(verb, connection)) or verb == "QUIT":
                return
            if verb == "STARTTLS":
                connection = opened.enter_context(self._wrapped(connection))
                lines = opened.enter_context(connection.makefile("rb"))
            if verb == "DATA" and "DATA" not in self.answers and not self._take(connection, lines):
                return

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        assert self.tls
        return self.tls.wrap_socket(connection, server_side=True)

    def _note(self, command: str, *, is_safe: bool) -> str:
        self.commands.append(command)
        if not is_safe:
            self.in_the_clear.append(command)
        verb = command.split(" ")[0].upper()
        if verb == "RCPT":
            self.recipients.append(command.partition(":")[2])
        return verb

    def _usual(self, verb: str, connection: socket.socket) -> str:
        if verb == "EHLO":
            offers_tls = self.tls is not None and not isinstance(connection, ssl.SSLSocket)
            return (
                "250-here\r\n250-AUTH PLAIN LOGIN\r\n" + ("250-STARTTLS\r\n" if offers_tls else "") + "250 SIZE 1000000"
            )
        said = {"DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 go on", "AUTH": "235 welcome"}
        return said.get(verb, "250 fine")

    def _answer(self, connection: socket.socket, verb: str, usual: str) -> bool:
        said = self.answers.get(verb, usual)
        if said == DROPS:
            return False
        if said == SILENT:
            self.over.wait(30)
            return False
        connection.sendall(f"{said}\r\n".encode())
        return True

    def _take(self, connection: socket.socket, lines: BinaryIO) -> bool:
        data = bytearray()
        for line in lines:
            if line == b".\r\n":
                break
            data += line.removeprefix(b".")
        if not self._answer(connection, "message", "250 taken"):
            return False
        if "message" not in self.answers:
            self.messages.append(message_from_bytes(bytes(data), policy=policy.default))  # type: ignore[arg-type]
        return True


@contextmanager
def running(**given: object) -> Iterator[MailServer]:
    server = MailServer(**given)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for ``localhost``, and the file of its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path
