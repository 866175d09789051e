"""Policies in the job form and on the page of the job; attempts, waiting and asking runs."""

from typing import Any

import pytest

from app.bootstrap import Services
from app.core.models import Job
from app.core.policies import Policies
from app.core.ports import Logged, LogLine
from app.core.retries import RetryPolicy
from app.core.statuses import FailureReason, OverlapRule, Recovery, RunStatus
from app.web.pages.policy_fields import read, shown
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Markup, Reader
from tests.web.pages.test_job_form import FORM

SOME = Policies(
    overlap=OverlapRule.QUEUE, overlap_limit=3, start_deadline_seconds=7200, priority=-5, pool="warehouse",
    retry=RetryPolicy(2, 30, 1.5, 600, 0.25, (FailureReason.TIMEOUT,)), attempt_timeout_seconds=90,
    recovery=Recovery.ASK,
)  # fmt: skip


def fields_of(reader: Reader, path: str) -> dict[str, Any]:
    """What a browser would send for a form as it is shown."""
    html = reader.get(path).text
    form = html[html.index('<form method="post" class="form"') :]
    page, sent, selected = Markup(form[: form.index("</form>")]), dict[str, Any](), ""
    for tag, given in page.tags:
        name = given.get("name")
        if tag in ("input", "textarea") and name and given.get("type") not in ("checkbox", "radio"):
            sent.setdefault(name, given.get("value") or "")
        elif tag == "input" and name and "checked" in given:
            sent.setdefault(name, []).append(given.get("value") or "on")
        elif tag == "select" and name:
            selected = name
            sent.setdefault(selected, None)
        elif tag == "datalist":
            selected = ""
        elif tag == "option" and selected and (sent[selected] is None or "selected" in given):
            sent[selected] = given.get("value")
    return sent


def save(admin: Reader, job: Job, **changes: str) -> Any:
    shown = fields_of(admin, f"/jobs/{job.uid}/edit")
    policies = {name: value for name, value in shown.items() if name.startswith("policies.")}
    return admin.post(f"/jobs/{job.uid}/edit", {**FORM, "version": str(job.version), **policies, **changes})


def test_what_the_form_shows_is_what_it_stores(admin: Reader, services: Services, make_job: MakeJob) -> None:
    services.pools.create("warehouse", 1)
    job = make_job(policies=SOME)

    answer = save(admin, job, **{"policies.priority": "7"})

    assert answer.status_code == 303, Markup(answer.text).text
    kept = Policies.of(services.jobs.get(job.uid))
    assert kept == Policies(**vars(SOME) | {"priority": 7})


@pytest.mark.parametrize("policies", [Policies(), SOME, Policies(retry=RetryPolicy(1, 0.5))])
def test_fields_that_nobody_touches_rewrite_nothing(policies: Policies) -> None:
    assert read(shown(policies), policies) == policies


def test_a_job_as_usual_keeps_the_section_folded(admin: Reader, services: Services, make_job: MakeJob) -> None:
    services.pools.create("warehouse", 1)
    usual, other = make_job("a"), make_job("b", policies=SOME)

    for job, is_open in ((usual, False), (other, True)):
        [fold] = admin.page(f"/jobs/{job.uid}/edit").find("details", id="policies")
        assert ("open" in fold) is is_open


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("policies.overlap_limit", "0"),
        ("policies.overlap_limit", "many"),
        ("policies.priority", "101"),
        ("policies.priority", "high"),
        ("policies.pool", "none"),
        ("policies.start_deadline_seconds", "-1"),
        ("policies.attempt_timeout_seconds", "x"),
        ("policies.retry.count", "1000"),
        ("policies.retry.delay_seconds", "x"),
        ("policies.retry.factor", "0"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(admin: Reader, make_job: MakeJob, field: str, value: str) -> None:
    job = make_job()

    answer = save(admin, job, **{"policies.retry.count": "1", field: value})

    page = Markup(answer.text)
    assert answer.status_code == 422
    assert f"#{field}" in page.links()
    assert next(given for _, given in page.tags if given.get("id") == field)["aria-invalid"] == "true"
    assert "open" in page.find("details", id="policies")[0]


def test_a_cap_and_a_group_are_stored_by_the_form(admin: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    save(admin, job, catch_up_cap="4", group="night")

    stored = services.jobs.get(job.uid)
    assert (stored.group, stored.triggers[0].catch_up_cap) == ("night", 4)
    page = admin.page(f"/jobs/{job.uid}")
    assert "at most 4 missed starts made up for" in page.text
    assert "#catch_up_cap" in Markup(save(admin, stored, catch_up_cap="x").text).links()


def test_the_page_of_a_job_says_what_is_not_as_usual(admin: Reader, services: Services, make_job: MakeJob) -> None:
    services.pools.create("warehouse", 1)
    page = " ".join(admin.page(f"/jobs/{make_job(policies=SOME).uid}").text.split())

    for title, words in (
        ("When it is running", "a new start waits; at most 3 runs may wait"),
        ("Pool", "warehouse"),
        ("Priority", "-5"),
        ("May wait for", "2 h"),
        ("Each attempt stopped after", "1 min 30 s"),
        ("When it fails", "up to 2 further attempts, the first 30 s later; only when: it took too long"),
        ("When it is interrupted", "somebody is asked"),
    ):
        assert title + words in page


def test_a_run_shows_its_attempts_each_with_its_own_log(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job(policies=Policies(retry=RetryPolicy(1, delay_seconds=60, jitter=0)))
    for text in ("first", "second"):
        if text == "first":
            assignment = play.begin(job)
        else:
            play.clock.advance(minutes=2)
            play.services.engine.dispatch()
            assignment = play.executor.assignments[-1]
        lines = [LogLine(play.clock(), "info", f"the {text} try")]
        play.services.engine.deliver([Logged(assignment.run_id, assignment.token, lines)])
        play.end(assignment, RunStatus.FAILED, reason=FailureReason.EXCEPTION, error=f"no {text} table")
        if text == "first":
            assert "Attempt 2 begins at 2026-03-02 12:01:00 UTC." in admin.page("/runs/1").text

    whole = admin.page("/runs/1")
    assert "Earlier attempts" in whole.text
    assert "no first table" in whole.text
    assert "no second table" in whole.text
    assert "/runs/1?attempt=1#log" in whole.links()
    first, second = admin.page("/runs/1?attempt=1").text, admin.page("/runs/1?attempt=2").text
    assert ("the first try" in first, "the second try" in first) == (True, False)
    assert ("the first try" in second, "the second try" in second) == (False, True)
    assert admin.get(f"/runs/1?attempt={10**30}").status_code == 200


def test_a_waiting_run_says_for_what(admin: Reader, services: Services, make_job: MakeJob) -> None:
    services.pools.create("warehouse", 1)
    for name in ("a", "b"):
        services.runs.request(make_job(name, policies=Policies(pool="warehouse")).uid, by="ada")
    services.engine.dispatch()

    assert "It waits for the pool 'warehouse': 1 of 1 places are taken." in admin.page("/runs/2").text


@pytest.mark.parametrize(("again", "location"), [("1", "/runs/2"), ("0", "/runs/1")])
def test_an_interrupted_run_asks_on_its_page_and_on_its_jobs(
    user: Reader, make_job: MakeJob, play: Play, clock: FakeClock, again: str, location: str
) -> None:
    job = make_job(policies=Policies(recovery=Recovery.ASK))
    play.run(job, RunStatus.INTERRUPTED, reason=FailureReason.SERVER_LOST)
    for path in (f"/jobs/{job.uid}", "/runs/1"):
        assert user.page(path).find("form", action="/runs/1/decide"), path

    answer = user.post("/runs/1/decide", {"again": again})

    assert answer.location == location
    for path in (f"/jobs/{job.uid}", "/runs/1"):
        assert not user.page(path).find("form", action="/runs/1/decide"), path
    assert user.post("/runs/1/decide", {"again": again}).status_code == 409
