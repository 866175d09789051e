"""What waits for a person, by its cause, with one answer to each; its number stands in the navigation of every page."""

from flask import Response

from app.core.errors import CarillonError
from app.core.inbox import MOST
from app.web.auth import Right, allow, services
from app.web.pages import live
from app.web.pages.site import pages


@pages.app_context_processor
def number_in_the_navigation() -> dict[str, object]:
    return {"inbox_count": inbox_count}


def inbox_count() -> str:
    """Empty for nothing; also for the error page of a database that is away."""
    try:
        count = services().inbox.count()
    except CarillonError:
        return ""
    return f"{MOST - 1}+" if count >= MOST else str(count or "")


@pages.get("/inbox")
@allow(Right.SEE)
def inbox() -> Response:
    found = services().inbox.waiting()
    version = live.fingerprint(*([(row.id, job.name) for row, job in kind] for kind in found.kinds))
    return live.answer("inbox/index.html", "inbox/_list.html", version, waiting=found, most=MOST)
