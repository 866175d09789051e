"""Gives each request an id, and writes a line for it where that is wanted.

The id goes with every line that is logged while the request is answered, and with the answer as ``X-Request-Id``; one
that a proxy or a client brings is kept, if it looks like one.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

from app.adapters.log_lines import request_id

log = logging.getLogger("carillon.access")

GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
USER = "carillon.user"
"""In the WSGI environment: the name of who asks, once that is known."""


class RequestLog:
    """WSGI middleware, in front of everything."""

    def __init__(self, app: Any, *, writes: bool) -> None:
        """``writes``: a line for each request."""
        self.app = app
        self.writes = writes

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        name, began, told = given if GIVEN.fullmatch(given) else secrets.token_hex(4), time.perf_counter(), [""]

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told[0] = status
            return start_response(status, [*headers, ("X-Request-Id", name)], *rest)

        kept = request_id.set(name)
        try:
            return self.app(environ, start)  # type: ignore[no-any-return]
        finally:
            if self.writes:
                _write(environ, told[0], time.perf_counter() - began)
            request_id.reset(kept)


def _write(environ: dict[str, Any], status: str, seconds: float) -> None:
    """Without the query: it may hold what is nobody's business."""
    method, path, milliseconds = environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), round(seconds * 1000, 1)
    code = int(status[:3] or 500)
    about = {
        "method": method,
        "path": path,
        "status": code,
        "milliseconds": milliseconds,
        "address": environ.get("REMOTE_ADDR"),
        "user": environ.get(USER),
    }
    log.info("%s %r %s in %s ms", method, path, code, milliseconds, extra=about)
