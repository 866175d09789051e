"""Who is a program on this machine: what proves it is the socket, never a header.

Every address that asks for ``Right.LOCAL`` changes things by GET, as the real em scheduler does. A page in a browser on
this machine can send those, so whatever a browser adds to its requests refuses them.
"""

import hmac
import ipaddress

from flask import request
from werkzeug.exceptions import NotFound

from app.core.errors import ForbiddenError
from app.web.hosts import is_loopback_name

PROXIES_ADD = ("Forwarded", "Via", "X-Real-Ip")
BROWSERS_ADD = ("Origin", "Referer", "Cookie")
LISTENER = "carillon.listener"
"""In the WSGI environment, as the HTTP server sets it: by which kind of listener of the control API's own, if it has
one, the request came in (tcp or unix)."""


def check_listener(is_local: bool, has_own: bool) -> None:
    """Raise ``NotFound`` for the control API on the public port, where it has a listener of its own, and vice versa."""
    if has_own and is_local != (LISTENER in request.environ):
        raise NotFound


def refuse_others(token: str | None) -> None:
    """Raise ``ForbiddenError`` unless a program on this machine asks; with a ``token`` it must know that, too."""
    if not is_here():
        raise ForbiddenError("the control API answers programs on this machine only")
    if not is_loopback_name(request.environ):
        raise ForbiddenError("the control API answers to localhost, 127.0.0.1 and [::1] only")
    if is_forwarded():
        raise ForbiddenError("the control API does not answer through a proxy")
    if _is_browser():
        raise ForbiddenError("the control API does not answer browsers")
    if token is not None and not _knows(token):
        raise ForbiddenError("the control API needs the token of CARILLON_CONTROL_TOKEN as a bearer")


def is_here() -> bool:
    """Whether the peer of the socket is on this machine; a Unix socket has no address."""
    if request.environ.get(LISTENER) == "unix":
        return True
    try:
        peer = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)
    return bool((mapped or peer).is_loopback)


def is_forwarded() -> bool:
    """Whether a proxy says that it asks for somebody else."""
    return any(name.startswith("X-Forwarded") or name in PROXIES_ADD for name, _ in request.headers)


def _is_browser() -> bool:
    return any(name.startswith("Sec-Fetch-") or name in BROWSERS_ADD for name, _ in request.headers)


def _knows(token: str) -> bool:
    given = request.authorization
    found = given.token if given and given.type == "bearer" else None
    return found is not None and hmac.compare_digest(found.encode(), token.encode())
