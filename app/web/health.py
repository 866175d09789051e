"""GET /healthz: up or not for everybody, details for this machine and for who is logged in."""

from dataclasses import asdict

from flask import Flask, Response, jsonify

from app.web import local
from app.web.auth import Right, actor, allow, services


def init_app(app: Flask) -> None:
    app.add_url_rule("/healthz", "healthz", healthz)


@allow(Right.NONE)
def healthz() -> Response:
    """200 or 503 with ``status``; role, age of the last tick in seconds and the database for those who may know.

    ``stopped`` is 200: somebody wanted it, and whatever restarts what fails must not undo it.
    """
    health = services().health()
    status = "failing" if not health.ok else "stopped" if health.stopped else "ok"
    body: dict[str, object] = {"status": status}
    if (local.is_here() and not local.is_forwarded()) or actor() is not None:
        body |= {name: value for name, value in asdict(health).items() if name != "ok"}
    response = jsonify(body)
    response.status_code = 200 if health.ok else 503
    return response
