"""The page for what went wrong: what, why, what to do, and a number to quote."""

import logging
import secrets
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.adapters.log_lines import request_id
from app.web.pages.links import here, local_path
from app.web.security import netloc_of

log = logging.getLogger(__name__)

TITLES = {
    400: "This request could not be read",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This address takes no such request",
    409: "Not possible right now",
    413: "That is too large",
    422: "Something in this request is wrong",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not available right now",
}
ADVICE = {
    400: "Load the page again and repeat what you did. A page that was open over a new login has an old form.",
    404: "It may have been removed, or the address has a typing error.",
    405: "Go back and use the buttons of the page.",
    409: "Look at its present state, then try again.",
    413: "A form may hold one megabyte at the most.",
    422: "Go back, correct it and send it again.",
    429: "Wait a moment, then try again.",
    500: "Try again. If it stays, tell whoever runs this server the number below: the log has the details.",
    503: "Wait some seconds and load the page again.",
}
OURS = (403, 404, 409, 422, 503)
"""Where the description comes from our own code and says more than the title."""


def answer(error: HTTPException) -> ResponseReturnValue:
    """An HTML page; for a reader who is not logged in the way to the login; for htmx one sentence."""
    if error.response is not None:
        return error.response
    if error.code == 401:
        return _to_login()
    code = error.code or 500
    if request.headers.get("HX-Request"):
        return Response(_reason(error) or _title(code), code, mimetype="text/plain")
    return _page(error, code)


def _page(error: HTTPException, code: int) -> Response:
    number = (request_id.get() or secrets.token_hex(4)) if code >= 500 else None
    if number:
        log.error("error %s was shown for %s %s", number, request.method, request.path)
    html = render_template(
        "errors/show.html", code=code, title=_title(code), reason=_reason(error), advice=ADVICE.get(code),
        number=number, back=_back(),
    )  # fmt: skip
    response = make_response(html, code)
    if code == 503:
        response.headers["Retry-After"] = "2"
    return response


def _title(code: int) -> str:
    return TITLES.get(code, TITLES[400] if code < 500 else TITLES[500])


def _reason(error: HTTPException) -> str | None:
    """Our own words only: those of the framework tell readers nothing, and may tell attackers something."""
    is_ours = type(error) is HTTPException and error.code in OURS and error.description
    sentence = (error.description or "").rstrip(".") if is_ours else ""
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else None


def _to_login() -> ResponseReturnValue:
    is_part = bool(request.headers.get("HX-Request"))
    wanted = _current_page() if is_part else here() if request.method == "GET" else _back()
    target = url_for("pages.login", next=wanted if wanted != url_for("pages.home") else None)
    if is_part:
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target, 303)


def _current_page() -> str:
    return _path_of(request.headers.get("HX-Current-URL", ""))


def _back() -> str:
    """The page that this request came from."""
    return _path_of(request.referrer or "")


def _path_of(address: str) -> str:
    if netloc_of(address) != request.host:
        return url_for("pages.home")
    parts = urlsplit(address)
    return local_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
