"""Result files over HTTP: whole, in part, or not again (RFC 9110: conditions, ranges, HEAD)."""

import unicodedata
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import PreconditionFailed
from werkzeug.wsgi import FileWrapper, wrap_file

from app.adapters.result_store import StoredFile
from app.core.errors import NotFoundError
from app.core.models import ResultFile
from app.web.auth import services

CHUNK = 256 * 1024  # bytes


def send(file: ResultFile) -> Response:
    """Answer with a result file. Raises ``NotFoundError`` when it is gone or no longer the one that was recorded.

    Also raises ``PreconditionFailed`` and ``RequestedRangeNotSatisfiable``, for the dialect to put into words.
    """
    stored = services().store.open(file.path)
    try:
        if stored.size != file.size:
            raise NotFoundError(f"result file {file.id} is damaged")
        return _conditional(_whole(file, stored), stored)
    except Exception:
        stored.stream.close()
        raise


def _whole(file: ResultFile, stored: StoredFile) -> Response:
    response = Response(mimetype=file.media_type, direct_passthrough=True)
    response.content_length = stored.size
    response.last_modified = stored.modified_at
    response.set_etag(file.sha256)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = disposition(file.name)
    response.headers["Content-Security-Policy"] = "sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"  # keep it, but ask each time whether you may still see it
    return response


def _conditional(response: Response, stored: StoredFile) -> Response:
    if _wants_one_range():
        response.response = FileWrapper(stored.stream, CHUNK)  # the server's own wrapper knows no end
        response.make_conditional(request.environ, accept_ranges=True, complete_length=stored.size)
    else:
        response.response = wrap_file(request.environ, stored.stream, CHUNK)
        response.make_conditional(request.environ)
    if response.status_code == 412:
        raise PreconditionFailed("the file is another one by now")
    return response


def _wants_one_range() -> bool:
    """Many ranges, other units and what cannot be read are ignored, as the standard allows: the answer is the whole."""
    asked = request.range if request.method == "GET" else None
    return asked is not None and asked.units == "bytes" and len(asked.ranges) == 1


def disposition(name: str) -> str:
    """``attachment`` with the name for a person, also where it is not ASCII (RFC 6266)."""
    name = "".join(character if character.isprintable() else "_" for character in name)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join("_" if character in '"\\%' else character for character in plain)
    if plain == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
