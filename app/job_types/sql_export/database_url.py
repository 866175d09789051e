"""The parts of a database URL, read as SQLAlchemy reads them but without it: PostgreSQL and SQLite need not load it."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from app.core.job_types import JobError
from app.core.statuses import FailureReason

_URL = re.compile(
    r"(?P<backend>\w+)(\+\w+)?://"
    r"((?P<username>[^:/]*)(:(?P<password>[^@]*))?@)?"
    r"(\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?@]+))?(:(?P<port>\d*))?"
    r"(/(?P<database>[^?]*))?(\?(?P<options>.*))?"
)


@dataclass(frozen=True)
class DatabaseUrl:
    text: str = field(repr=False)
    backend: str = ""  # postgresql, sqlite, mysql ... without the driver
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    database: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "DatabaseUrl":
        """Raises ``JobError``, whose message repeats nothing: any part of a broken URL may be the password."""
        match = _URL.fullmatch(text)
        if match is None:
            raise JobError(
                "the connection's database URL cannot be read; special characters in a password are written as %XX",
                FailureReason.CONFIG,
            )
        return cls(
            text,
            backend=match["backend"],
            username=unquote(match["username"]) if match["username"] else None,
            password=unquote(match["password"]) if match["password"] else None,
            host=match["ipv6"] or match["host"],
            port=int(match["port"]) if match["port"] else None,
            database=unquote(match["database"] or ""),
            options=dict(parse_qsl(match["options"] or "")),
        )
