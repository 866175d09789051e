"""What every answer carries, and what a browser's request must prove.

A change under a browser's session is taken only from our own pages (Fetch Metadata, else Origin; forms carry a CSRF
token besides). Callers with a token need no such proof, because no page can send it for them.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from app.core import tallies
from app.core.errors import ForbiddenError, UnavailableError
from app.web.auth import actor, services
from app.web.bodies import FORMS

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SAFE = ("GET", "HEAD", "OPTIONS")
STANDBY_MAY = ("pages.login", "pages.log_in", "pages.log_out", "dhis2.log_in")


def init_app(app: Flask) -> None:
    app.before_request(_refuse_nul)
    app.before_request(_check_origin)
    app.before_request(_check_role)
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in ("static", "assets.package"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refuse_nul() -> None:
    """No database can look for a NUL character: PostgreSQL would answer with an error."""
    address = [request.path, *request.args, *(text for texts in request.args.listvalues() for text in texts)]
    if any("\x00" in text for text in address):
        raise BadRequest("the address holds a NUL character")
    if request.mimetype in FORMS and any("\x00" in text for texts in request.form.listvalues() for text in texts):
        raise BadRequest("the form holds a NUL character")


def _check_origin() -> None:
    if request.method in SAFE or request.endpoint is None:
        return
    found = actor()
    if found and found.via == "token":
        return
    is_own = _is_own_page()
    # A browser that once asked for a password sends it along with other people's pages, too.
    if is_own is False or (is_own is None and found and found.via == "session" and request.blueprint != "pages"):
        tallies.security.add("cross_origin")
        raise ForbiddenError("a change must come from Carillon's own pages", code="cross_origin")


def _is_own_page() -> bool | None:
    """Fetch Metadata where the browser sends it, else the Origin; ``None`` where neither tells."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return None if origin is None else netloc_of(origin) == request.host


def netloc_of(address: str) -> str | None:
    """The host and port of an address that somebody sent; ``None`` where it is no address."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return None


def _check_role() -> None:
    if request.method not in SAFE and services().is_standby and request.endpoint not in STANDBY_MAY:
        raise UnavailableError("this server stands by; another process keeps the time", code="standby")
