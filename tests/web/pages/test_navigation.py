"""The navigation: five pages for every day, the others under "More", and the page where one is marked."""

import pytest

from tests.web.pages.conftest import Reader

EVERY_DAY = ["/jobs", "/queues", "/runs", "/results", "/inbox"]
MORE = ["/day", "/calendars", "/clock-changes", "/pauses", "/connections", "/pools", "/plan-stop", "/api/docs"]
FOR_ADMINISTRATORS = ["/notices", "/retention", "/definitions"]


@pytest.mark.parametrize("path", EVERY_DAY + MORE + FOR_ADMINISTRATORS)
def test_every_place_is_in_the_navigation_and_marked_there(admin: Reader, path: str) -> None:
    page = admin.page(path)

    marked = [link["href"] for link in page.find("a", **{"aria-current": "page"})]
    assert path in marked
    assert bool(page.find("summary", class_="here")) == (path not in EVERY_DAY)


def test_a_user_is_shown_no_door_that_stays_shut(user: Reader) -> None:
    page = user.page("/jobs")

    assert all(page.find("a", href=path) for path in EVERY_DAY + MORE)
    assert not any(page.find("a", href=path) for path in FOR_ADMINISTRATORS)
