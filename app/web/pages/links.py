"""Where to go next: local addresses, pages of lists, and filters that stay in the address."""

from urllib.parse import quote, urlencode, urlsplit

from flask import request, url_for

MAX_PAGE = 100_000


def local_path(target: str | None) -> str:
    """``target`` if it is a path on this server, else the front page. Browsers read ``\\`` as ``/`` and drop TAB."""
    home = url_for("pages.home")
    if not target or not target.startswith("/") or target.startswith("//"):
        return home
    if any(character in "\\" or ord(character) < 33 or ord(character) == 127 for character in target):
        return home
    parts = urlsplit(target)
    return home if parts.scheme or parts.netloc else target


def here() -> str:
    """The path of this page with the filters that are in use."""
    query = urlencode([(name, value) for name, value in request.args.items(multi=True) if value])
    return f"{quote(request.path)}?{query}" if query else quote(request.path)


def page_number() -> int:
    number = whole_number(request.args.get("page"))
    return min(max(number or 1, 1), MAX_PAGE)


def whole_number(text: str | None) -> int | None:
    """A number of at most 18 digits, or ``None``: what no database can hold is no id."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None


def given(*names: str) -> dict[str, str]:
    """The filters that this request names, without the empty ones."""
    values = {name: request.args.get(name, "").replace("\x00", "").strip() for name in names}
    return {name: value for name, value in values.items() if value}
