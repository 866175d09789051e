"""The secret key and what hangs on it: sealed passwords of connections, hashed passwords of users."""

import base64
import hashlib
import hmac
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import InvalidError, StartRefusedError

KEY = 32  # bytes
RESTORE_KEY = (
    "bring back the file secret.key from a backup. When it is lost for good: move what is in its place away, then"
    " carillon new-key, and enter the passwords of the connections anew"
)
NONCE = 12  # bytes, as NIST SP 800-38D recommends for GCM


def load_key(path: Path) -> bytes:
    """Read the secret key (32 bytes); the first start makes it, readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _decoded(path)
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(KEY)
        file.write(encoded(key))
        file.flush()
        os.fsync(file.fileno())
    return key


def _decoded(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY:
        raise StartRefusedError(f"{str(path)!r} is no secret key: {RESTORE_KEY}")
    return key


def encoded(key: bytes) -> bytes:
    """As it stands in its file."""
    return base64.urlsafe_b64encode(key)


def check_key(path: Path, sealed: Callable[[], int]) -> None:
    """Raise ``StartRefusedError`` where the key is missing and ``sealed`` counts secrets that only it opens."""
    if not path.exists() and (count := sealed()):
        raise StartRefusedError(
            f"the secret key {str(path)!r} is missing, and {count} secrets in the database are sealed with it:"
            f" {RESTORE_KEY}"
        )


def derive(key: bytes, purpose: str) -> bytes:
    """One key per purpose, so that no use of one tells of another."""
    return hmac.digest(key, purpose.encode(), "sha256")


class AesVault:
    """Seals with AES-256-GCM: who changes the database cannot read or swap a password unseen."""

    def __init__(self, key: bytes, purpose: str = "connection passwords") -> None:
        self._cipher = AESGCM(derive(key, purpose))

    def seal(self, secret: str) -> str:
        nonce = os.urandom(NONCE)
        return "v1:" + base64.b64encode(nonce + self._cipher.encrypt(nonce, secret.encode(), None)).decode()

    def open(self, sealed: str) -> str:
        try:
            data = base64.b64decode(sealed.removeprefix("v1:"))
            return self._cipher.decrypt(data[:NONCE], data[NONCE:], None).decode()
        except (InvalidTag, ValueError):
            raise InvalidError.of("password", "it was stored with another secret key; enter it again") from None


class Argon2Hasher:
    """Argon2id with OWASP's parameters (19 MiB, 2 passes), and a short memory of right passwords.

    A client with Basic credentials sends its password with every request: 25 ms of hashing each would be its speed
    limit. Remembered is an HMAC under a key of this process that also covers the stored hash, so a changed password is
    asked for again at once.
    """

    REMEMBERED = 1000

    def __init__(self) -> None:
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._key = os.urandom(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def hash(self, password: str) -> str:
        return self._argon2.hash(password)

    def matches(self, hashed: str, password: str) -> bool:
        mark = hmac.new(self._key, f"{hashed}\0{password}".encode(), hashlib.sha256).digest()
        with self._lock:
            if mark in self._right:
                return True
        try:
            self._argon2.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        self._remember(mark)
        return True

    def _remember(self, mark: bytes) -> None:
        with self._lock:
            self._right[mark] = None
            while len(self._right) > self.REMEMBERED:
                self._right.popitem(last=False)
