"""DHIS2's scheduler app, unmodified: static files from a folder of the operator's, at /apps/scheduler/."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from flask import Blueprint, Flask, Response, redirect, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from app.web.auth import Right, allow, services

PLACE = "/apps/scheduler/"
HASHED = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.(chunk\.)?[a-z0-9]+$")
"""The name of a file that gets another one when its content changes."""
YEAR = 31_536_000  # seconds
INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
FILLED_IN = {b"__DHIS2_BASE_URL__": b"../..", b"__DHIS2_APP_ROOT_URL__": b"."}
"""What a DHIS2 server fills into the first page: where it is itself. Relative, so that a proxy may sit in front."""
CSP = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
"""The app's components write their own style elements: that is what it needs beyond our own pages' policy."""


def init_app(app: Flask) -> None:
    """Serve the app if the settings name its folder."""
    if app.extensions["carillon"].settings.dhis2_app_dir is None:
        return
    blueprint = Blueprint("dhis2_app", __name__)
    blueprint.get(PLACE.rstrip("/"), strict_slashes=True)(enter)
    blueprint.get(PLACE)(first_page)
    blueprint.get(f"{PLACE}<path:name>")(file)
    app.register_blueprint(blueprint)


@allow(Right.SEE)
def enter() -> ResponseReturnValue:
    return redirect(PLACE, 308)


@allow(Right.SEE)
def first_page() -> Response:
    return file("index.html")


@allow(Right.SEE)
def file(name: str) -> Response:
    folder = services().settings.dhis2_app_dir
    assert folder is not None  # noqa: S101 - else nothing is served
    path = _inside(folder.resolve(), name)
    response = _first_page(path) if path.name == "index.html" else _asset(path)
    response.cache_control.public, response.cache_control.private = False, True  # who is not logged in gets nothing
    return response


def _inside(folder: Path, name: str) -> Path:
    """The file of this name, wherever links lead. Raises ``NotFound`` for what is hidden or lies outside."""
    joined = safe_join(str(folder), name)
    is_hidden = any(part.startswith(".") for part in name.split("/"))
    try:
        path = Path(joined or folder).resolve()
        is_there = path.is_relative_to(folder) and path.is_file()
    except OSError:  # a name that no file system takes
        is_there = False
    if is_hidden or not is_there:
        raise NotFound
    return path


def _asset(path: Path) -> Response:
    is_hashed = HASHED.search(path.name) is not None
    response = send_file(path, max_age=YEAR if is_hashed else None)
    if is_hashed:
        response.cache_control.immutable = True
    response.headers["Content-Security-Policy"] = CSP.format(hashes="")
    return response


def _first_page(path: Path) -> Response:
    page = path.read_bytes()
    for mark, value in FILLED_IN.items():
        page = page.replace(mark, value)
    response = Response(page, mimetype="text/html")
    hashes = [b64encode(hashlib.sha256(script).digest()).decode() for script in INLINE_SCRIPT.findall(page)]
    response.headers["Content-Security-Policy"] = CSP.format(hashes="".join(f" 'sha256-{each}'" for each in hashes))
    response.cache_control.no_cache = True
    response.add_etag()
    response.make_conditional(request)
    return response
