"""The page that says how many results a job keeps, and pins."""

import pytest

from app.bootstrap import Services
from app.core.keeping import Rule
from app.core.models import Job
from app.core.results import ResultFilter
from tests.web.conftest import CSV, MakeJob, Play
from tests.web.pages.conftest import Markup, Reader


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Has made three results."""
    made = make_job()
    for name in ("one.csv", "two.csv", "three.csv"):
        play.run(made, content=CSV, name=name)
    return made


def test_what_a_rule_would_delete_is_shown_before_it_does(admin: Reader, services: Services, job: Job) -> None:
    path = f"/jobs/{job.uid}/keep"

    asked = admin.post(path, {"days": "", "count": "1", "megabytes": ""})

    assert asked.status_code == 200
    assert "This deletes 2 results, 40 B" in asked.text
    assert "one.csv" in asked.text
    assert "three.csv" not in asked.text
    assert services.keeping.rule(job.id) == Rule()

    assert Markup(asked.text).find("button", name="confirmed", value="/1/")

    assert admin.post(path, {"count": "1", "confirmed": "/1/"}).status_code == 303

    assert services.keeping.rule(job.id) == Rule(count=1)
    assert "The next upkeep deletes 2 results" in admin.page(path).text
    services.keeping.sweep()
    assert [made.name for made in services.results.list(ResultFilter())] == ["three.csv"]


def test_only_what_was_shown_is_confirmed(admin: Reader, services: Services, job: Job) -> None:
    answer = admin.post(f"/jobs/{job.uid}/keep", {"count": "1", "confirmed": "/2/"})

    assert (answer.status_code, "This deletes 2 results" in answer.text) == (200, True)
    assert services.keeping.rule(job.id) == Rule()


def test_a_rule_that_deletes_nothing_is_saved_at_once(admin: Reader, services: Services, job: Job) -> None:
    assert admin.post(f"/jobs/{job.uid}/keep", {"days": "90", "count": "10", "megabytes": "5"}).status_code == 303

    assert services.keeping.rule(job.id) == Rule(90, 10, 5_000_000)
    page = admin.page(f"/jobs/{job.uid}/keep")
    shown = {given["name"]: given["value"] for given in page.find("input") if given.get("name") != "csrf_token"}
    assert shown == {"days": "90", "count": "10", "megabytes": "5"}


@pytest.mark.parametrize(
    ("form", "words"),
    [({"days": "soon"}, "A whole number, or nothing."), ({"megabytes": "0"}, "Must be from 1 to")],
)
def test_a_form_that_is_wrong_comes_back(form: dict[str, str], words: str, admin: Reader, job: Job) -> None:
    answer = admin.post(f"/jobs/{job.uid}/keep", form)

    assert (answer.status_code, words in answer.text) == (422, True)


def test_who_may_run_may_pin(user: Reader, services: Services, job: Job) -> None:
    answer = user.post("/results/1/pin", {"next": "/results"})

    assert (answer.status_code, answer.location, services.results.get(1).pinned) == (303, "/results", True)
    assert user.page("/results").find("form", action="/results/1/unpin")

    user.post("/results/1/unpin")

    assert not services.results.get(1).pinned
    assert user.post(f"/results/{10**30}/pin").status_code == 404
    assert user.get(f"/jobs/{job.uid}/keep").status_code == 403
