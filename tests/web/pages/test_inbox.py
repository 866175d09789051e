"""What waits for a person: on the page, in the navigation of every page, and at /api/v1/inbox."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Select, text
from sqlalchemy.dialects import sqlite

from app.bootstrap import Services
from app.core import inbox
from app.core.models import Job
from app.core.policies import Policies
from app.core.statuses import FailureReason, FireOutcome, FireReason, Recovery, RunStatus
from tests.web.conftest import CSV, MakeJob, Play
from tests.web.pages.conftest import Markup, Reader
from tests.web.pages.test_ledger import add_fire, hold


@pytest.fixture
def job(services: Services, make_job: MakeJob, play: Play) -> Job:
    """One of each kind waits: a late start (fire 2), an interrupted run (1), an empty result (2)."""
    made = make_job(policies=Policies(recovery=Recovery.ASK))
    play.run(made, RunStatus.INTERRUPTED, reason=FailureReason.SERVER_LOST)
    hold(services, made)
    play.run(made, content=CSV)
    services.contracts.switch(made.id, "ada")
    play.run(made, content=b"id,name\n")
    return made


@pytest.mark.usefixtures("job")
def test_everything_that_waits_has_its_answer(admin: Reader) -> None:
    page = admin.page("/inbox")

    assert "due 2026-03-02 11:00" in page.text
    assert "it is empty" in page.text
    for action in ("/fires/2/decide", "/runs/1/decide", "/results/2/accept"):
        assert page.find("form", action=action), action
    assert "3 waiting" in admin.page("/jobs").text


@pytest.mark.usefixtures("job")
def test_an_answer_takes_it_away(admin: Reader) -> None:
    for path, data in (
        ("/fires/2/decide", {"start": "0"}), ("/runs/1/decide", {"again": "0"}), ("/results/2/accept", {}),
    ):  # fmt: skip
        answer = admin.post(path, {**data, "next": "/inbox"})
        assert answer.status_code == 303, answer.text

    page = admin.page("/inbox")
    assert "Nothing waits for you" in page.text
    assert " waiting" not in page.text


@pytest.mark.usefixtures("job")
def test_a_user_accepts_nothing(user: Reader) -> None:
    page = user.page("/inbox")

    assert page.find("form", action="/fires/2/decide")
    assert not page.find("form", action="/results/2/accept")


def test_a_held_result_that_a_good_one_follows_waits_no_more(user: Reader, job: Job, play: Play) -> None:
    play.run(job, content=CSV)

    assert "it is empty" not in user.page("/inbox").text
    assert "2 waiting" in user.page("/jobs").text


def test_what_belongs_to_a_deleted_job_waits_no_more(user: Reader, services: Services, job: Job) -> None:
    services.jobs.delete(job.uid, "ada")

    assert "Nothing waits for you" in user.page("/inbox").text
    assert user.post("/fires/2/decide", {"start": "1"}).status_code == 409


@pytest.mark.usefixtures("job")
def test_an_idle_inbox_is_not_sent_again(admin: Reader) -> None:
    polled = Markup(admin.get("/inbox").text).find("div", id="inbox")[0]["hx-get"] or ""
    assert admin.part(polled).status_code == 204

    admin.post("/runs/1/decide", {"again": "0"})

    answer = admin.part(polled)
    assert (answer.status_code, "/runs/1/decide" in answer.text) == (200, False)


def test_what_one_thing_made_late_stands_together(user: Reader, services: Services, make_job: MakeJob) -> None:
    job, cause = make_job(), "no server kept the time"
    for hours, detail in ((1, cause), (2, "something else"), (3, cause)):
        add_fire(services, job, hours, outcome=FireOutcome.HELD, reason=FireReason.ASK, detail=detail)

    text = user.page("/inbox").text

    assert text.count("No server kept the time.") == 1
    parts = ("No server", "due 2026-03-02 12:00", "10:00 CET", "Something else", "11:00 CET")
    moments = [text.index(words) for words in parts]
    assert moments == sorted(moments)


def test_it_counts_only_so_far(user: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    for number in range(inbox.MOST + 5):
        hold(services, job, number)

    assert services.inbox.count() == inbox.MOST
    assert "99+ waiting" in user.page("/inbox").text


def test_programs_read_it(user_client: FlaskClient, job: Job) -> None:
    answer = user_client.get("/api/v1/inbox").get_json()

    [fire], [run], [made] = answer["fires"], answer["runs"], answer["results"]
    assert (fire["id"], fire["job"], fire["job_name"], fire["outcome"]) == (2, job.uid, job.name, "held")
    assert run == {name: value for name, value in user_client.get("/api/v1/runs/1").get_json().items() if name in run}
    assert made == user_client.get("/api/v1/results/2").get_json()


@pytest.mark.parametrize(
    ("query", "index"),
    [(inbox._FIRES, "ix_fire_held"), (inbox._RUNS, "ix_run_asks"), (inbox._RESULTS, "ix_result_file_held")],
)
def test_no_page_pays_for_what_does_not_wait(query: Select[Any], index: str, services: Services) -> None:
    """Each kind is found by an index that holds nothing else."""
    words = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})

    with services.db.reading() as session:
        plan = [row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {words}"))]

    assert any(index in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
