"""Names that are made by chance: DHIS2's 11 characters, attempt tokens, API tokens."""

import hashlib
import re
import secrets
import string

LETTERS = string.ascii_letters
ALPHABET = LETTERS + string.digits
UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")


def new_uid() -> str:
    """11 letters and digits, the first a letter (about 65 bits)."""
    return secrets.choice(LETTERS) + "".join(secrets.choice(ALPHABET) for _ in range(10))


def new_secret() -> str:
    """256 random bits as text that is safe in a header."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
