"""Three questions about the server, for whoever watches it.

``/healthz``: does everything that is promised hold? ``/readyz``: can it answer requests? ``/livez``: would a restart
help? 200 is yes and 503 no; what is wrong is told to this machine and to who is logged in.
"""

from dataclasses import asdict

from flask import Flask, Response, jsonify

from app.core.errors import UnavailableError
from app.core.health import Health
from app.web import local
from app.web.auth import Right, actor, allow, services


def init_app(app: Flask) -> None:
    for view in (healthz, readyz, livez):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)


@allow(Right.NONE)
def healthz() -> Response:
    """``stopped`` is 200: somebody wanted it."""
    health = services().health()
    return _answer(health, health.status, health.is_ok)


@allow(Right.NONE)
def readyz() -> Response:
    """A server that stands by is ready, too: it answers reads."""
    health = services().health()
    return _answer(health, "ready" if health.is_ready else "not ready", health.is_ready)


@allow(Right.NONE)
def livez() -> Response:
    """200 while the database is away: to start the server anew would not bring it back."""
    health = services().health()
    return _answer(health, "live" if health.is_live else "hanging", health.is_live)


def _answer(health: Health, status: str, is_well: bool) -> Response:
    response = jsonify({"status": status} | (asdict(health) if _may_know() else {}))
    response.status_code = 200 if is_well else 503
    return response


def _may_know() -> bool:
    """Asked while the database may be away: nobody can be looked up then."""
    if local.is_here() and not local.is_forwarded():
        return True
    try:
        return actor() is not None
    except UnavailableError:
        return False
