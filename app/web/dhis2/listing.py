"""Lists: which jobs, in which order, which page of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

from app.web.auth import services
from app.web.dhis2 import field_filter
from app.web.dhis2.documents import Document, documents
from app.web.dhis2.errors import QueryError
from app.web.dhis2.filters import arrange, keep

PAGE_SIZE = 50
JAVA_MAX_INT = 2**31 - 1


@dataclass(frozen=True)
class Page:
    number: int  # from 1
    size: int
    total: int

    @property
    def count(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size


def listed() -> dict[str, Any]:
    """Answer the request's question. Raises ``QueryError``."""
    selection = field_filter.parse(",".join(request.args.getlist("fields")) or "id,displayName")
    found, page = _page() if _is_plain() else _searched_page()
    body = {"jobConfigurations": [selection.pick(document) for document in found]}
    return {"pager": _pager(page), **body} if _wants_paging() else body


def _is_plain() -> bool:
    """Whether the database can cut the page out: all jobs in their usual order."""
    orders = request.args.getlist("order")
    return not request.args.keys() & {"filter", "query"} and orders in ([], ["name"], ["name:asc"], ["name:iasc"])


def _page() -> tuple[list[Document], Page]:
    page = _asked_page(services().jobs.count())
    return documents(services().jobs.list(offset=page.start, limit=page.size)), page


def _searched_page() -> tuple[list[Document], Page]:
    any_of = request.args.get("rootJunction", "AND").upper() == "OR"
    found = keep(documents(services().jobs.list()), request.args.getlist("filter"), any_of=any_of)
    text = request.args.get("query", "")
    found = [document for document in found if document["id"] == text or text.lower() in document["name"].lower()]
    found = arrange(found, [order for orders in request.args.getlist("order") for order in orders.split(",") if order])
    page = _asked_page(len(found))
    return found[page.start : page.start + page.size], page


def _asked_page(total: int) -> Page:
    if not _wants_paging():
        return Page(1, max(1, total), total)
    size = whole_number("pageSize", PAGE_SIZE)
    page = Page(1, size if size > 0 else PAGE_SIZE, total)
    return Page(min(max(1, whole_number("page", 1)), page.count), page.size, total)


def _wants_paging() -> bool:
    return request.args.get("paging", "true").lower() != "false"


def whole_number(name: str, default: int) -> int:
    """A number of the query. Raises ``QueryError``."""
    text = request.args.get(name) or str(default)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10) or int(digits) > JAVA_MAX_INT:
        raise QueryError(f"Value '{text[:100]}' is not valid for query parameter {name}: it must be a whole number.")
    return int(text)


def _pager(page: Page) -> dict[str, Any]:
    pager: dict[str, Any] = {"page": page.number, "total": page.total, "pageSize": page.size, "pageCount": page.count}
    if page.number < page.count:
        pager["nextPage"] = _link(page.number + 1)
    if page.number > 1:
        pager["prevPage"] = _link(page.number - 1)
    return pager


def _link(number: int) -> str:
    others: Sequence[tuple[str, str]] = [pair for pair in request.args.items(multi=True) if pair[0] != "page"]
    return f"{request.base_url}?{urlencode([*others, ('page', number)])}"
