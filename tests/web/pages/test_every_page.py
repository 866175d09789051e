"""What holds for all pages: they answer, escape, hold no inline code, and let each role do its own."""

import json
import re
from dataclasses import dataclass, replace
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.models import Job
from app.core.queues import QueueSpec, StepSpec
from app.core.statuses import CalendarKind, FailureReason, PauseScope, RunStatus
from app.core.triggers import cron
from tests.comparisons import PLAIN
from tests.web.conftest import ZONE, MakeJob, Play
from tests.web.pages.conftest import HTMX, Markup, Reader
from tests.web.pages.test_ledger import hold

HOSTILE = "<script>alert(1)</script> {{7*7}} \"q\" 'a' <img src=x onerror=alert(1)> ${7*7} </textarea>"
CALENDAR = "<img src=x> {{7*7}} \"q\" 'a' & ?year=1 #x"
CALENDAR_URL = f"/calendars/{quote(CALENDAR)}"
HTMX_CONFIG = {
    "allowEval": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "includeIndicatorStyles": False,
}


@dataclass
class World:
    job: Job
    good: int
    bad: int
    going: int
    queue: Job
    queue_run: int


@pytest.fixture
def world(services: Services, make_job: MakeJob, play: Play) -> World:
    """One of everything, with hostile words wherever people can write."""
    services.calendars.save(
        CalendarSpec(CALENDAR, CalendarKind.DAILY, ZONE, {"from": "22:00", "to": "06:00"}, description=HOSTILE)
    )
    daily = cron("0 0 3 * * ?", ZONE)
    job = make_job(HOSTILE, description=HOSTILE, triggers=[replace(daily, calendar=CALENDAR, misfire="ask"), daily])
    hold(services, job)
    for _ in range(2):
        good = play.run(job, content=b"id,name\n1,Ada\n", name=f"{HOSTILE}.csv", csv=PLAIN)
    bad = play.run(job, RunStatus.FAILED, reason=FailureReason.EXCEPTION, error=HOSTILE)
    services.pools.create("warehouse", 2)
    services.pauses.begin(PauseScope.JOB, job.uid, "ada", reason=HOSTILE)
    services.pauses.end(services.pauses.begin(PauseScope.ALL, "", HOSTILE, reason=HOSTILE).id, "ada")
    services.connections.save("store", "postgresql://reader:s3cr3t-word@db.example.org/store")
    going = play.begin(job)
    queue = queue_of(services, make_job)
    return World(job, good, bad, going.run_id, queue, services.queues.start(queue.uid, "ada").id)


def queue_of(services: Services, make_job: MakeJob) -> Job:
    steps = [StepSpec(make_job(f"{HOSTILE} {number}").uid) for number in (1, 2)]
    return services.queues.create(QueueSpec(HOSTILE[:50], [], steps, description=HOSTILE), "ada")


def for_all(world: World) -> list[str]:
    return [
        "/jobs", "/jobs?text=script", "/jobs?text=zzz", "/jobs?state=off", f"/jobs/{world.job.uid}",
        "/runs", "/runs?state=failed", f"/runs?job={world.job.uid}", "/runs?text=zzz",
        f"/runs/{world.good}", f"/runs/{world.bad}", f"/runs/{world.going}",
        "/results/2/diff", "/results/2/diff?with=1&by=rows",
        "/results", "/results?text=zzz", f"/results?job={world.job.uid}", "/connections",
        f"/jobs/{world.job.uid}/ledger", f"/jobs/{world.job.uid}/ledger?at=2026-03-02T03:00",
        "/calendars", CALENDAR_URL, "/clock-changes", "/day", "/inbox",
        "/queues", "/queues?text=zzz", f"/queues/{world.queue.uid}", f"/runs/{world.queue_run}",
    ]  # fmt: skip


def for_administrators(world: World) -> list[str]:
    return [
        "/jobs/new", f"/jobs/{world.job.uid}/edit", f"/jobs/{world.job.uid}/delete", f"/jobs/{world.job.uid}/contract",
        f"/jobs/{world.job.uid}/keep", "/notices", "/notices?status=sent", "/notices/rule",
        "/notices/rule?what=site", f"/notices/rule?what=job:{world.job.uid}",
        "/connections/new", "/connections/store/edit", "/connections/store/remove",
        "/calendars/new", f"{CALENDAR_URL}/edit", f"{CALENDAR_URL}/remove",
        "/queues/new", f"/queues/{world.queue.uid}/edit", f"/queues/{world.queue.uid}/delete",
    ]  # fmt: skip


_read: dict[str, TestResponse] = {}


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> dict[str, TestResponse]:
    """Every page, read once for all the tests that only look."""
    if not _read:
        world, admin = request.getfixturevalue("world"), request.getfixturevalue("admin")
        paths = [*for_all(world), *for_administrators(world), "/nothing"]
        _read.update({path: admin.get(path) for path in paths})
        _read["/login"] = request.getfixturevalue("nobody").get("/login")
    return _read


def test_every_page_answers(admin: Reader, user: Reader, world: World) -> None:
    for path in for_all(world):
        assert admin.get(path).status_code == 200, path
        assert user.get(path).status_code == 200, path
    for path in for_administrators(world):
        assert admin.get(path).status_code == 200, path
        assert user.get(path).status_code == 403, path


def test_pages_hold_no_inline_code_and_no_foreign_address(pages: dict[str, TestResponse]) -> None:
    for path, answer in pages.items():
        for tag, given in Markup(answer.text).tags:
            assert not [name for name in given if name.startswith("on") or name == "style"], (path, tag, given)
            assert tag != "style", path
            assert tag != "script" or given.get("src"), path
            addresses = [given.get(name) or "" for name in ("href", "src", "action", "hx-get", "hx-post")]
            assert not [a for a in addresses if re.match(r"(?i)\s*(javascript|data|https?):|//", a)], (path, given)


def test_what_people_wrote_is_text(pages: dict[str, TestResponse]) -> None:
    own = ("carillon.js", "htmx.js")
    for path, answer in pages.items():
        page = Markup(answer.text)
        assert not page.find("img"), path
        scripts = [given["src"] or "" for given in page.find("script")]
        assert [any(name in script for name in own) for script in scripts] == [True, True], path


def test_what_people_wrote_is_shown_whole(admin: Reader, world: World) -> None:
    assert HOSTILE in admin.page(f"/jobs/{world.job.uid}").text
    assert HOSTILE in admin.page(f"/runs/{world.bad}").text


def test_parts_escape_as_pages_do(admin: Reader, world: World) -> None:
    for path in (
        "/jobs",
        f"/jobs/{world.job.uid}",
        "/queues",
        f"/queues/{world.queue.uid}",
        "/runs",
        f"/runs/{world.bad}",
        "/results",
    ):
        answer = admin.part(path)
        assert "<html" not in answer.text
        assert "<script>alert" not in answer.text, path
        assert not Markup(answer.text).find("img"), path


def test_htmx_is_told_to_run_no_code(admin: Reader) -> None:
    (config,) = admin.page("/jobs").find("meta", name="htmx-config")
    assert json.loads(config["content"] or "") == HTMX_CONFIG


def test_pages_have_one_heading_a_main_part_and_a_way_past_the_navigation(pages: dict[str, TestResponse]) -> None:
    for path, answer in pages.items():
        page = Markup(answer.text)
        assert len(page.find("h1")) == 1, path
        assert page.find("main", id="main"), path
        assert page.find("a", href="#main"), path
        ids = [given["id"] for _, given in page.tags if given.get("id")]
        assert len(ids) == len(set(ids)), (path, sorted(i for i in ids if ids.count(i) > 1))


def test_every_field_has_a_name_for_people(pages: dict[str, TestResponse]) -> None:
    for path, answer in pages.items():
        page = Markup(answer.text)
        labelled = {given.get("for") for given in page.find("label")}
        for tag in ("input", "select", "textarea"):
            for given in page.find(tag):
                if given.get("type") in ("hidden", "radio", "checkbox"):
                    continue
                assert given.get("id") in labelled or given.get("aria-label"), (path, given)


def test_every_form_carries_a_token(pages: dict[str, TestResponse]) -> None:
    for path, answer in pages.items():
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", answer.text, re.DOTALL):
            assert 'name="csrf_token"' in form, path


def test_a_change_without_the_token_is_refused(admin: Reader, world: World) -> None:
    for path in (f"/jobs/{world.job.uid}/run", f"/jobs/{world.job.uid}/delete", "/jobs/new", "/logout", "/preview"):
        assert admin.client.post(path, data={"name": "x"}).status_code == 400, path
        assert admin.client.post(path, data={"csrf_token": "IjEi.wrong"}).status_code == 400, path


def test_a_user_is_shown_and_allowed_no_editing(user: Reader, world: World) -> None:
    job = user.page(f"/jobs/{world.job.uid}")
    assert not [link for link in job.links() if link.endswith(("/edit", "/delete"))]
    assert not user.page("/jobs").find("button", role="switch")
    assert "/connections/new" not in user.page("/connections").links()
    for path in (
        "/jobs/new", "/jobs/sample", "/preview", f"/jobs/{world.job.uid}/edit", f"/jobs/{world.job.uid}/enable",
        f"/jobs/{world.job.uid}/disable", f"/jobs/{world.job.uid}/delete", "/connections/new",
        "/connections/store/edit", "/connections/store/test", "/connections/store/remove", "/preview/cards",
        "/calendars/new", f"{CALENDAR_URL}/edit", f"{CALENDAR_URL}/remove",
        "/pauses/new", "/pauses/1/end", "/pools/new", "/pools/warehouse/edit", "/pools/warehouse/remove",
        "/drain", "/drain/end",
    ):  # fmt: skip
        assert user.post(path).status_code == 403, path


def test_a_password_is_never_shown(pages: dict[str, TestResponse]) -> None:
    assert "db.example.org" in pages["/connections"].text
    for path, answer in pages.items():
        assert "s3cr3t-word" not in answer.text, path


def test_pages_vary_by_who_asks_and_are_not_kept(admin: Reader, world: World) -> None:
    for path in for_all(world):
        answer = admin.get(path)
        assert "HX-Request" in answer.headers["Vary"], path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path


def test_going_back_in_the_history_gets_the_whole_page(admin: Reader) -> None:
    answer = admin.get("/jobs", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in answer.text


MISSING = {
    "/nothing": 404,
    "/jobs/aaaaaaaaaaa": 404,
    "/runs/99999": 404,
    f"/runs/{10**30}": 404,
    "/runs/x": 404,
    f"/results/{10**30}/download": 404,
    "/connections/none/edit": 404,
    "/calendars/none": 404,
    "/calendars/none/edit": 404,
    "/runs?job=none": 404,
    "/jobs/%00": 400,
    "/connections/clinic/edit": 409,
}


def test_what_is_not_there_has_a_page_that_helps(admin: Reader) -> None:
    for path, status in MISSING.items():
        page = admin.page(path, status)
        assert "Carillon" in page.text, path
        assert "/" in page.links(), path
        assert "Traceback" not in page.text, path


FILTERS = (
    "before=x", "before=-1", f"before={10**30}", "page=0", "page=-3", f"page={10**30}", "from=today&to=2026-99-99",
    "state=none", "origin=none", "text=%25%5F%5C", "seen=x", "from=0001-01-01", "to=9999-12-31",
)  # fmt: skip


def test_filters_that_make_no_sense_are_no_errors(admin: Reader, world: World) -> None:
    for query in FILTERS:
        for path in ("/jobs", "/runs", "/results"):
            assert admin.get(f"{path}?{query}").status_code == 200, (path, query)


def test_an_unexpected_fault_shows_a_number_and_no_secret(
    admin: Reader, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**given: object) -> None:
        raise RuntimeError("the inner secret")

    monkeypatch.setattr(services.jobs, "list", fail)
    page = admin.page("/jobs", 500)
    assert "inner secret" not in page.text
    assert re.search(r"Error number [0-9a-f]{8}", page.text)
