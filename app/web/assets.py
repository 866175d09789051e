"""Files of installed packages (htmx), and our own, under addresses that change with their content."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, send_file, url_for
from werkzeug.exceptions import NotFound

from app.web.auth import Right, allow

PACKAGES = {"htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js")}
"""Found without importing the package: django_htmx would import Django."""


def init_app(app: Flask) -> None:
    blueprint = Blueprint("assets", __name__, url_prefix="/assets")
    blueprint.get("/<version>/<name>")(package)
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(asset=asset, own=own)


@allow(Right.NONE)
def package(version: str, name: str) -> Response:
    if name not in PACKAGES:
        raise NotFound
    response = send_file(_file(name), mimetype="text/javascript", max_age=31_536_000)
    response.cache_control.immutable = True
    return response


def asset(name: str) -> str:
    """The address of a file of an installed package."""
    return url_for("assets.package", version=_hash(_file(name)), name=name)


def own(name: str) -> str:
    """The address of one of our own static files."""
    return url_for("static", filename=name, v=_hash(Path(current_app.static_folder or "") / name))


@cache
def _file(name: str) -> Path:
    package, path = PACKAGES[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {package} is not installed")
    return Path(spec.origin).parent / path


@cache
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
