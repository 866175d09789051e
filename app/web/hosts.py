"""Answers only to its own names: DNS rebinding sends other people's pages here under their own name."""

import ipaddress
import json
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app.core import tallies

if TYPE_CHECKING:
    from config import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class AllowedHosts:
    """WSGI middleware, in front of everything: 421 for a Host that is not ours.

    Bound beyond loopback the machine's own name and any bare address are ours too: a page cannot be rebound to an
    address.
    """

    def __init__(self, app: Any, settings: "Settings", forbids: Callable[[str], bool] = lambda path: False) -> None:
        """``forbids`` tells which paths answer 403 to every refusal."""
        self.app = app
        self.forbids = forbids
        self.names = {*LOOPBACK, settings.host.lower(), *settings.trusted_hosts}
        self.any_address = settings.host not in LOOPBACK
        if self.any_address:
            self.names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        name = host_name(environ.get("HTTP_HOST") or environ["SERVER_NAME"])
        if name in self.names or (self.any_address and _is_address(name)):
            return self.app(environ, start_response)  # type: ignore[no-any-return]
        tallies.security.add("wrong_host")
        body = json.dumps({"error": f"this server does not answer to host {name!r}; see CARILLON_TRUSTED_HOSTS"})
        headers = [
            ("Content-Type", "application/json"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        status = "403 Forbidden" if self.forbids(environ.get("PATH_INFO", "")) else "421 Misdirected Request"
        start_response(status, headers)
        return [body.encode()]


def is_loopback_name(environ: Mapping[str, Any]) -> bool:
    """Whether the request names this machine as its own programs do."""
    return host_name(environ.get("HTTP_HOST") or environ["SERVER_NAME"]) in LOOPBACK


HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")


def host_name(host: str) -> str:
    """The name in a Host header: no port, no brackets, small letters. Empty for what is no host at all."""
    found = HOST.fullmatch(host.strip().lower())
    return (found["v6"] or found["name"]) if found else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
