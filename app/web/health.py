"""GET /healthz: up or not for everybody, details for this machine and for who is logged in."""

import ipaddress
from dataclasses import asdict

from flask import Flask, Response, jsonify, request

from app.web.auth import Right, actor, allow, services


def init_app(app: Flask) -> None:
    app.add_url_rule("/healthz", "healthz", healthz)


@allow(Right.NONE)
def healthz() -> Response:
    """200 or 503 with ``status``; role, age of the last tick in seconds and the database for those who may know."""
    health = services().health()
    body: dict[str, object] = {"status": "ok" if health.ok else "failing"}
    if _is_loopback() or actor() is not None:
        body |= {name: value for name, value in asdict(health).items() if name != "ok"}
    response = jsonify(body)
    response.status_code = 200 if health.ok else 503
    return response


def _is_loopback() -> bool:
    """The socket's peer, never a header. A proxy on this machine makes everybody look local: it says so itself."""
    forwarded = any(name.startswith("X-Forwarded") or name == "Forwarded" for name, _ in request.headers)
    try:
        return not forwarded and ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
