"""A restored Carillon says on every page that it is asleep, and is woken on one."""

import pytest

from app.bootstrap import Services
from app.core import sleep
from app.core.models import Instance
from app.core.triggers import cron
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob
from tests.web.pages.conftest import Reader


@pytest.fixture(autouse=True)
def _asleep(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    make_job("hourly", triggers=[cron("0 0 * * * ?", "UTC")])
    with services.db.transaction() as session:
        sleep.fall_asleep(session, clock(), clock(), "restored from the backup of yesterday")
    services.sleep.begin()
    clock.advance(hours=2)


def test_every_page_says_that_it_is_asleep(admin: Reader, user: Reader) -> None:
    for path in ("/jobs", "/runs", "/results", "/calendars", "/connections", "/pauses", "/pools", "/wake"):
        banner = admin.page(path).find("div", id="asleep")
        assert banner, path
    assert "Carillon is asleep: restored from the backup of yesterday." in " ".join(user.page("/jobs").text.split())


@pytest.mark.parametrize(("missed", "due"), [("skip", 0), ("rules", 1)])
def test_it_is_woken_with_a_choice(admin: Reader, services: Services, missed: str, due: int) -> None:
    page = admin.page("/wake")
    assert [given["value"] for given in page.find("button") if given.get("name") == "missed"] == ["skip", "rules"]
    assert "start 1 run at once" in " ".join(page.text.split())

    woken = admin.post("/wake", {"missed": missed})

    assert woken.location == "/jobs"
    assert services.fires.wake().queued == due
    assert not admin.page("/jobs").find("div", id="asleep")
    assert "Carillon is awake" in admin.page("/wake").text


def test_only_an_administrator_wakes_it(user: Reader, services: Services) -> None:
    assert "An administrator can wake it." in user.page("/wake").text

    assert user.post("/wake", {"missed": "skip"}).status_code == 403
    assert services.sleep.state() is not None


def test_a_choice_is_needed(admin: Reader, services: Services) -> None:
    assert admin.post("/wake", {"missed": ""}).status_code == 422
    assert services.sleep.state() is not None


def test_where_the_database_came_from_is_told_until_somebody_confirms(
    admin: Reader, user: Reader, services: Services
) -> None:
    with services.db.transaction() as session:
        session.get_one(Instance, 1).came_from = "old.example:/srv/carillon.db"

    for path in ("/jobs", "/runs"):
        assert "This database came from old.example:/srv/carillon.db." in user.page(path).text
    assert user.post("/moved").status_code == 403
    assert admin.post("/moved").location == "/jobs"

    assert "came from" not in admin.page("/jobs").text
