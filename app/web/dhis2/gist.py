"""/api/jobConfigurations/gist and /api/jobConfigurations/{id}/gist: the gist of jobs, which stays small.

Lists are always paged, are counted on demand only, and name other objects instead of holding them.
"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.dhis2 import field_filter
from app.web.dhis2.documents import Document, document, documents
from app.web.dhis2.errors import QueryError
from app.web.dhis2.field_filter import PRESETS, Preset, Selection
from app.web.dhis2.filters import arrange, keep
from app.web.dhis2.listing import PAGE_SIZE, whole_number
from app.web.dhis2.routes import route

RESOURCE = "/jobConfigurations"
LARGEST_PAGE = 1000
EXTENTS = ("XS", "S", "M", "L", "XL")
REFERENCES = ("lastUpdatedBy", "createdBy")
ON_DEMAND = ("href", "displayName", "access", "favorite", "externalAccess", "configurable")
"""Computed, not kept: given only to those who name them."""
COMMA = re.compile(r",(?![^\[]*\])")
"""Between filters; those within ``in:[a,b]`` are none."""


@route("GET", "/gist")
@allow(Right.SEE)
def gist_list() -> Response:
    number, size = max(1, whole_number("page", 1)), min(max(1, whole_number("pageSize", PAGE_SIZE)), LARGEST_PAGE)
    found, total = _page(number, size)
    items = _gists(found, "S")
    if _flag("headless"):
        return bodies.write(items)
    return bodies.write({"pager": _pager(number, size, len(found), total), "jobConfigurations": items})


@route("GET", "/<uid>/gist")
@allow(Right.SEE)
def gist(uid: str) -> Response:
    return bodies.write(_gists([document(services().jobs.get(uid))], "L")[0])


def _page(number: int, size: int) -> tuple[Sequence[Document], int | None]:
    """Documents, and how many there are in all where that is asked."""
    start = (number - 1) * size
    filters = [text for texts in request.args.getlist("filter") for text in COMMA.split(texts) if text]
    orders = [text for texts in request.args.getlist("order") for text in texts.split(",") if text]
    if not filters and not orders:
        total = services().jobs.count() if _flag("total") else None
        return documents(services().jobs.list(offset=start, limit=size)), total
    any_of = request.args.get("rootJunction", "AND").upper() == "OR"
    found = arrange(keep(documents(services().jobs.list()), filters, any_of=any_of), orders)
    return list(islice(found, start, start + size)), len(found) if _flag("total") else None


def _gists(found: Sequence[Document], extent: str) -> list[Any]:
    """Each an object, or its only member where one alone is asked for."""
    extent = request.args.get("auto", extent).upper()
    if extent not in EXTENTS:
        raise QueryError(f"Value '{extent[:100]}' is not valid for query parameter auto: it must be one of XS to XL.")
    everything = _everything(extent)
    presets = PRESETS | {"*": everything, ":all": everything}
    selection = field_filter.parse(",".join(request.args.getlist("fields")) or "*", presets)
    return [_gist(each, selection, extent) for each in found]


def _everything(extent: str) -> Preset:
    """What ``*`` stands for: texts, then all that is simple, then the ids of what is referred to, too."""

    def takes(name: str, value: Any) -> bool:
        if name in REFERENCES:
            return extent in ("L", "XL")
        return name not in ON_DEMAND and isinstance(value, str if extent == "XS" else str | int | float)

    return takes


def _gist(whole: Document, selection: Selection, extent: str) -> Any:
    whole = whole | {"href": _address(f"/{whole['id']}/gist")}
    item = selection.pick(whole)
    for name in REFERENCES:
        if item.get(name) and extent != "XL" and not (name in selection.named and selection.named[name].named):
            item[name] = item[name]["id"]
    return item.get(selection.single) if selection.single in whole else item


def _pager(number: int, size: int, found: int, total: int | None) -> dict[str, Any]:
    """Without a total a full page is taken for one that another follows."""
    pager: dict[str, Any] = {"page": number, "pageSize": size}
    last = None if total is None else max(1, -(-total // size))
    if last:
        pager["total"] = total
    if number > 1:
        pager["prevPage"] = _link(number - 1)
    if found == size if last is None else number < last:
        pager["nextPage"] = _link(number + 1)
    return pager | ({"pageCount": last} if last else {})


def _link(number: int) -> str:
    others = [pair for pair in request.args.items(multi=True) if pair[0] not in ("page", "absoluteUrls")]
    return _address("/gist", [*others, ("page", str(number))])


def _address(path: str, query: Sequence[tuple[str, str]] = ()) -> str:
    if not _flag("absoluteUrls"):
        return RESOURCE + path + (f"?{urlencode(query)}" if query else "")
    return f"{request.host_url}api{RESOURCE}{path}?{urlencode([*query, ('absoluteUrls', 'true')])}"


def _flag(name: str) -> bool:
    return request.args.get(name, "false").lower() == "true"
