"""Result files over HTTP: whole, in part, or not again (RFC 9110: conditions, ranges, HEAD)."""

import io
import os
import unicodedata
from collections.abc import Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from app.adapters.result_store import StoredFile
from app.core.errors import NotFoundError
from app.core.models import ResultFile
from app.web.auth import services
from app.web.guarded_csv import guarded_chunks

CHUNK = 256 * 1024  # bytes


def send(file: ResultFile, *, guarded: bool = False) -> Response:
    """Answer with a result file. Raises ``NotFoundError`` when it is gone or no longer the one that was recorded.

    ``guarded``: what a spreadsheet would take for a formula becomes text. Only of CSV files, and only as a whole.
    Also raises ``PreconditionFailed`` and ``RequestedRangeNotSatisfiable``, for the dialect to put into words.
    """
    stored = services().store.open(file.path)
    try:
        if stored.size != file.size:
            raise NotFoundError(f"result file {file.id} is damaged")
        if guarded and file.csv and not file.csv["guarded"]:
            return _guarded(file, stored, file.csv)
        return _conditional(_whole(file, stored), stored)
    except Exception:
        stored.stream.close()
        raise


def _whole(file: ResultFile, stored: StoredFile) -> Response:
    response = Response(content_type=_content_type(file), direct_passthrough=True)
    response.content_length = stored.size
    response.last_modified = stored.modified_at
    response.set_etag(file.sha256)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = disposition(file.name)
    response.headers["Content-Security-Policy"] = "sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"  # keep it, but ask each time whether you may still see it
    return response


def _content_type(file: ResultFile) -> str:
    if not file.media_type.startswith("text/"):
        return file.media_type
    return f"{file.media_type}; charset={(file.csv or {}).get('encoding', 'utf-8').lower()}"


def _guarded(file: ResultFile, stored: StoredFile, csv: Mapping[str, Any]) -> Response:
    """Made while it is sent: its length is not known, and there are no parts of it."""
    response = _whole(file, stored)
    del response.headers["Content-Length"], response.headers["Accept-Ranges"]
    response.set_etag(f"{file.sha256}-guarded")
    response.response = guarded_chunks(stored.stream, csv)
    response.call_on_close(stored.stream.close)
    response.make_conditional(request.environ)
    return response


def _conditional(response: Response, stored: StoredFile) -> Response:
    """Answer conditions and a range. Even a part is sent as a file, which waitress does without holding a thread."""
    response.response = wrap_file(request.environ, stored.stream, CHUNK)
    part = _range(response, stored)
    response.make_conditional(request.environ)
    if response.status_code == 412:
        raise PreconditionFailed("the file is another one by now")
    if part is not None and response.status_code == 200:
        _cut(response, stored, *part)
    return response


def _range(response: Response, stored: StoredFile) -> tuple[int, int] | None:
    """First byte and the one after the last, of the one range that is asked for and still valid.

    Raises ``RequestedRangeNotSatisfiable``.
    """
    if not stored.size or not _wants_one_range() or not _is_range_valid(response):
        return None
    asked = request.range.range_for_length(stored.size) if request.range else None
    if asked is None:
        raise RequestedRangeNotSatisfiable(stored.size)
    return asked


def _is_range_valid(response: Response) -> bool:
    """``If-Range``: a part only goes with the same file, else the whole is sent."""
    condition = request.if_range
    if condition.etag is not None:
        return condition.etag == response.get_etag()[0]
    return condition.date is None or response.last_modified == condition.date


def _cut(response: Response, stored: StoredFile, first: int, after: int) -> None:
    part = FileSlice(stored.stream, first, after - first)
    response.response = wrap_file(request.environ, part, CHUNK)  # type: ignore[arg-type]
    response.status_code = 206
    response.content_length = after - first
    response.headers["Content-Range"] = f"bytes {first}-{after - 1}/{stored.size}"


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


class FileSlice(io.RawIOBase):
    """A part of a file that looks like a whole one, so that the server sends it as it sends files."""

    def __init__(self, whole: BinaryIO, start: int, length: int) -> None:
        self.whole, self.start, self.length = whole, start, length
        whole.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.whole.tell() - self.start

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.length}[whence]
        return self.whole.seek(self.start + base + offset) - self.start

    def readinto(self, buffer: Any) -> int:
        left = max(0, self.length - self.tell())
        data = self.whole.read(min(left, len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.whole.close()
        super().close()
