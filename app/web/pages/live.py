"""Pages that keep themselves up to date: one address answers whole to a reader and in part to htmx."""

import hashlib

from flask import Response, make_response, render_template, request
from htmx_flask import request as htmx_request

from app.web.pages.links import here


def wants_part() -> bool:
    """Whether htmx asks for the part; it asks for the whole page when the reader goes back in the history."""
    return bool(htmx_request.htmx) and not htmx_request.htmx.history_restore_request


def fingerprint(*facts: object) -> str:
    """What a part shows, as a short version: relative times are left out, the browser keeps those itself."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def answer(whole: str, part: str, version: str, /, **context: object) -> Response:
    """The page, or its part alone, or nothing (204) for who has this version already: an idle poll swaps nothing."""
    if not wants_part():
        return make_response(render_template(whole, version=version, **context))
    seen = request.args.get("seen")
    if seen == version:
        return Response(status=204)
    response = make_response(render_template(part, version=version, **context))
    if seen is None:  # somebody is filtering: the address shall say so, without the fields that are empty
        response.headers["HX-Replace-Url"] = here()
    return response
