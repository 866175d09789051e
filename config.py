"""Settings: read once from the environment, loud and exact when wrong.

Every setting is an environment variable ``CARILLON_<NAME>``. A secret may come from a file instead:
``CARILLON_<NAME>_FILE`` names it, and its content without the trailing newline is the value.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tzlocal import get_localzone_name

PREFIX = "CARILLON_"
CONNECTION_PREFIX = "CARILLON_CONNECTION_"
T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong. The message names the variable, its value and what would be right."""


@dataclass(frozen=True)
class Settings:
    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path("data")  # database, secret key, result files
    database_url: str = ""  # empty: SQLite in the data directory
    timezone: str = "UTC"  # for schedules that name no zone; default the host's
    workers: int = 4  # worker processes; default twice the cores, at least 4
    log_format: str = "text"  # or "json"
    access_log: bool = False  # a line for each request
    admin_username: str = "admin"
    admin_password: str | None = field(default=None, repr=False)  # None: generated and printed once
    connections: Mapping[str, str] = field(default_factory=dict, repr=False)  # name in lower case -> SQLAlchemy URL
    shutdown_grace: float = 30  # seconds that running work gets after SIGTERM
    dhis2_app_dir: Path | None = None  # DHIS2's scheduler app, served at /apps/scheduler/
    trusted_hosts: tuple[str, ...] = ()  # further Host names that the server answers to
    control_bind: str = ""  # a listener of its own for the control API: 127.0.0.1:5001 or unix:/path/of/socket
    control_token: str | None = field(default=None, repr=False)  # the control API asks for it, too
    http_allow: str = ""  # hosts and networks that HTTP requests may reach although they are private, with commas
    runner_url: str = "http://127.0.0.1:5002/api"  # what runner calls ask: GET <runner_url>/<task id>
    public_url: str = ""  # where people reach the pages, for links in notices; empty: http://<host>:<port>
    smtp_url: str = field(default="", repr=False)  # smtp://user:password@host:587 or smtps://; empty: no mail is sent
    mail_from: str = ""  # the sender of notices; empty: carillon@<host name>
    webhook_secret: str | None = field(default=None, repr=False)  # signs what webhooks are told
    ping_url: str = field(default="", repr=False)  # requested again and again while all is well; it holds a secret
    ping_seconds: int = 60
    control_stop: bool = True  # whether /api/shutdown and /api/kill may stop the timekeeping

    network_files: bool = False  # whether SQLite may lie on a network file system

    @property
    def key_file(self) -> Path:
        return self.data_dir / "secret.key"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def address(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        return self.public_url or f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of Carillon's own database, always with a driver."""
        if not self.database_url:
            return f"sqlite:///{(self.data_dir / 'carillon.db').absolute()}"
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", self.database_url)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises ``SettingsError``; an unknown ``CARILLON_`` variable is an error, as it is a typo."""
    values = _resolve_files(environ)
    connections = {
        name.removeprefix(CONNECTION_PREFIX).lower(): _connection(name, value)
        for name, value in values.items()
        if name.startswith(CONNECTION_PREFIX)
    }
    known = {name: value for name, value in values.items() if not name.startswith(CONNECTION_PREFIX)}
    _refuse_unknown(known)
    given = {field_name: READERS[name](name, known[name]) for name, field_name in NAMES.items() if known.get(name)}
    given.setdefault("workers", max(4, 2 * (os.cpu_count() or 1)))
    given.setdefault("timezone", _host_zone())
    return Settings(**given, connections=connections)  # type: ignore[arg-type]


def _resolve_files(environ: Mapping[str, str]) -> dict[str, str]:
    values = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    for name in [name for name in values if name.endswith("_FILE")]:
        target, path = name.removesuffix("_FILE"), values.pop(name)
        if target in values:
            raise SettingsError(f"{target} and {name} are both set: set one of them")
        try:
            values[target] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}={path!r} cannot be read: {error}") from None
    return values


def _refuse_unknown(values: Mapping[str, str]) -> None:
    unknown = sorted(name for name in values if name not in NAMES and not name.startswith(IGNORED))
    if unknown:
        raise SettingsError(f"{unknown[0]} is no setting of Carillon; there are: {', '.join(NAMES)}")


def _host_zone() -> str:
    try:
        name = get_localzone_name()
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
    return name


def _text(name: str, value: str) -> str:
    return value


def _integer(low: int, high: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            raise SettingsError(f"{name}={value!r} is not a whole number from {low} to {high}")
        return int(value)

    return read


def _choice(*choices: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in choices:
            raise SettingsError(f"{name}={value!r} is none of: {', '.join(choices)}")
        return value

    return read


def _zone(name: str, value: str) -> str:
    if value not in available_timezones():
        raise SettingsError(f"{name}={value!r} is no time zone of the IANA database (an example: Europe/Paris)")
    return value


def _database(name: str, value: str) -> str:
    if not re.match(r"^(sqlite|postgres(ql)?(\+psycopg)?)://", value):
        raise SettingsError(f"{name} is neither a sqlite:/// nor a postgresql:// URL")
    return value


def _connection(name: str, value: str) -> str:
    if not re.fullmatch(r"CARILLON_CONNECTION_[A-Z0-9_]{1,64}", name):
        raise SettingsError(f"{name} is no name for a connection: use capital letters, digits and _")
    if not re.match(r"^[a-z][a-z0-9_+]*://", value):
        raise SettingsError(f"{name} is no SQLAlchemy URL (an example: postgresql://user:password@host/database)")
    return value


def _app_folder(name: str, value: str) -> Path:
    folder = Path(value).expanduser()
    if not (folder / "index.html").is_file():
        raise SettingsError(f"{name}={value!r} holds no index.html: name the folder of a built app")
    return folder


def _hosts(name: str, value: str) -> tuple[str, ...]:
    return tuple(host.strip().lower() for host in value.split(",") if host.strip())


def _switch(name: str, value: str) -> bool:
    return _choice("on", "off")(name, value) == "on"


def _local_address(name: str, value: str) -> str:
    """Only what cannot be reached from another machine."""
    if not re.fullmatch(r"(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d{1,5}|unix:/.+", value):
        raise SettingsError(f"{name}={value!r} is neither an address of this machine (127.0.0.1:5001) nor unix:/a/path")
    return value


def _token(name: str, value: str) -> str:
    if not re.fullmatch(r"[!-~]{16,}", value):
        raise SettingsError(f"{name} must have at least 16 characters, without blanks")
    return value


def _web_address(name: str, value: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", value):
        raise SettingsError(f"{name}={value!r} is no http:// or https:// URL")
    return value.rstrip("/")


def _smtp(name: str, value: str) -> str:
    """The value is not repeated: it may hold a password."""
    try:
        parts = urlsplit(value)
        wrong = parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.port == 0 or parts.path.strip("/")
    except ValueError:
        wrong = True
    if wrong or parts.query not in ("", "starttls=off", "starttls=required"):
        raise SettingsError(f"{name} is no URL of a mail server (an example: smtp://user:password@mail.example:587)")
    return value


def _ping(name: str, value: str) -> str:
    """The value is not repeated: whoever knows it can keep a watcher quiet."""
    try:
        parts = urlsplit(value)
        is_right = re.fullmatch(r"https?://[!-~]+", value) and parts.hostname and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or "@" in urlsplit(value).netloc:
        raise SettingsError(f"{name} is no http:// or https:// URL without a user")
    return value


def _mail_address(name: str, value: str) -> str:
    if not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+|[^<>\r\n]*<[!-~]+@[A-Za-z0-9.-]+>", value):
        raise SettingsError(f"{name}={value!r} is no mail address (an example: Carillon <carillon@clinic.example>)")
    return value


READERS: dict[str, Callable[[str, str], object]] = {
    "CARILLON_HOST": _text,
    "CARILLON_PORT": _integer(1, 65535),
    "CARILLON_DATA_DIR": lambda name, value: Path(value).expanduser(),
    "CARILLON_DATABASE_URL": _database,
    "CARILLON_TIMEZONE": _zone,
    "CARILLON_WORKERS": _integer(1, 512),
    "CARILLON_LOG_FORMAT": _choice("text", "json"),
    "CARILLON_ACCESS_LOG": _switch,
    "CARILLON_ADMIN_USERNAME": _text,
    "CARILLON_ADMIN_PASSWORD": _text,
    "CARILLON_SHUTDOWN_GRACE": _integer(0, 3600),
    "CARILLON_DHIS2_APP_DIR": _app_folder,
    "CARILLON_TRUSTED_HOSTS": _hosts,
    "CARILLON_CONTROL_BIND": _local_address,
    "CARILLON_CONTROL_STOP": _switch,
    "CARILLON_CONTROL_TOKEN": _token,
    "CARILLON_HTTP_ALLOW": _text,
    "CARILLON_NETWORK_FILES": lambda name, value: _choice("refuse", "allow")(name, value) == "allow",
    "CARILLON_RUNNER_URL": _web_address,
    "CARILLON_PUBLIC_URL": _web_address,
    "CARILLON_SMTP_URL": _smtp,
    "CARILLON_MAIL_FROM": _mail_address,
    "CARILLON_WEBHOOK_SECRET": _token,
    "CARILLON_PING_URL": _ping,
    "CARILLON_PING_SECONDS": _integer(5, 86_400),
}
NAMES = {name: name.removeprefix(PREFIX).lower() for name in READERS}
IGNORED = ("CARILLON_TEST_", "CARILLON_JOB_TYPES")
