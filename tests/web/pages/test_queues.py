"""Queues as pages: the list, one queue, its form, its runs, and what members tell of it."""

from typing import Any

import pytest

from app.bootstrap import Services
from app.core.models import Job
from app.core.queues import QueueSpec, StepSpec
from app.core.runs import RunFilter
from app.core.statuses import OnFailure, RunStatus
from app.core.triggers import cron
from tests.web.conftest import ZONE, MakeJob, Play
from tests.web.pages.conftest import HTMX, Markup, Reader


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    return [make_job(f"step {number}") for number in (1, 2, 3)]


@pytest.fixture
def queue(services: Services, jobs: list[Job]) -> Job:
    """All three, daily at 01:00; the last one always."""
    rules = (OnFailure.STOP, OnFailure.STOP, OnFailure.ALWAYS)
    steps = [StepSpec(job.uid, rule) for job, rule in zip(jobs, rules, strict=True)]
    return services.queues.create(QueueSpec("night", [cron("0 0 1 * * ?", ZONE)], steps), "ada")


def order(page: Markup) -> list[str]:
    """The steps of the form."""
    return [given["value"] or "" for given in page.find("input", name="step")]


def form(jobs: list[Job], **fields: Any) -> dict[str, Any]:
    wanted = {"name": "night", "enabled": "on", "mode": "cron", "expression": "0 0 1 * * ?", "timezone": ZONE}
    return {**wanted, "card": "1", "step": [job.uid for job in jobs], **fields}


# Lists


def test_queues_are_listed_with_their_steps(admin: Reader, queue: Job) -> None:
    for path in ("/queues", "/jobs", "/queues?text=NIGHT"):
        page = admin.page(path)
        assert f"/queues/{queue.uid}" in page.links(), path
        assert "Never ran" in page.text, path
    assert "No queue fits" in admin.page("/queues?text=zzz").text


def test_without_queues_the_page_says_what_they_are(admin: Reader, user: Reader) -> None:
    assert "No queues yet" in admin.page("/queues").text
    assert "/queues/new" in admin.page("/queues").links()
    assert "/queues/new" not in user.page("/queues").links()


def test_a_poll_that_finds_nothing_new_changes_nothing(services: Services, admin: Reader, queue: Job) -> None:
    for path in ("/queues", f"/queues/{queue.uid}"):
        page = admin.page(path)
        [asks] = [given["hx-get"] or "" for _, given in page.tags if "seen=" in (given.get("hx-get") or "")]
        assert admin.part(asks).status_code == 204, path
        services.queues.start(queue.uid, "ada")
        assert admin.part(asks).status_code == 200, path
        services.runs.cancel_job(queue.id, "ada")


def test_members_say_which_queue_starts_them(services: Services, admin: Reader, jobs: list[Job], queue: Job) -> None:
    assert "Step 2 of night" in admin.page("/jobs").text
    page = admin.page(f"/jobs/{jobs[1].uid}")
    assert "It is step 2 of the queue night, which starts it." in page.text
    assert "Its own schedule is suspended" in page.text
    assert "Next starts" not in page.text
    assert "It leaves the queue “night”" in admin.page(f"/jobs/{jobs[1].uid}/delete").text


def test_who_has_left_gets_its_schedule_back_by_one_click(
    services: Services, admin: Reader, jobs: list[Job], queue: Job
) -> None:
    services.queues.delete(queue.uid, "ada")
    page = admin.page(f"/jobs/{jobs[0].uid}")
    assert "It has left its queue." in page.text
    [given] = [given for given in page.find("form") if (given["action"] or "").endswith("/enable")][:1]

    assert admin.post(given["action"] or "").status_code == 303

    assert "Next starts" in admin.page(f"/jobs/{jobs[0].uid}").text


# One queue


def test_a_queue_tells_its_steps_and_its_next_starts(admin: Reader, queue: Job) -> None:
    page = admin.page(f"/queues/{queue.uid}")

    assert "Queue of 3 jobs" in page.text
    assert page.text.count("If it fails, the rest does not start") == 2
    assert "It starts also after a failure" in page.text
    assert "2026-03-03 01:00 CET" in page.text


def test_a_step_that_is_off_is_warned_of(services: Services, admin: Reader, jobs: list[Job], queue: Job) -> None:
    services.jobs.disable(jobs[1].uid, "ada")

    assert "Its job is switched off: it does not start" in admin.page(f"/queues/{queue.uid}").text


def test_run_now_leads_to_a_run_with_its_steps(
    services: Services, user: Reader, jobs: list[Job], queue: Job, play: Play
) -> None:
    answer = user.post(f"/queues/{queue.uid}/run")
    assert answer.status_code == 303
    services.engine.dispatch()

    page = user.page(answer.headers["Location"])
    assert "To come" in page.text
    assert [given for _, given in page.tags if given.get("hx-trigger") == "tick from:body"]  # it goes on
    assert "Log" not in [text.strip() for text in page.text.splitlines()]

    play.end(play.executor.assignments[-1], RunStatus.FAILED)
    services.engine.dispatch()
    play.end(play.executor.assignments[-1])
    over = user.page(answer.headers["Location"])
    assert "step 1, 'step 1', failed; 1 later step did not start" in over.text
    assert "An earlier step did not succeed." in over.text
    assert not [given for _, given in over.tags if given.get("hx-trigger") == "tick from:body"]
    step = services.runs.list(RunFilter(job_id=jobs[2].id))[0]
    assert f"/runs/{step.id}" in over.links()
    assert f"Step 3 of run {answer.headers['Location'].rpartition('/')[2]} of the queue “night”" in (
        user.page(f"/runs/{step.id}").text
    )
    assert "Not started" in user.page(f"/queues/{queue.uid}").text


def test_a_queue_runs_from_a_later_step(services: Services, user: Reader, queue: Job, play: Play) -> None:
    user.post(f"/queues/{queue.uid}/run", {"first_step": "2"})
    services.engine.dispatch()

    assert [assignment.job_name for assignment in play.executor.assignments] == ["step 3"]


def test_a_run_is_cancelled_and_run_again(services: Services, user: Reader, queue: Job) -> None:
    run = services.queues.start(queue.uid, "ada")

    user.post(f"/runs/{run.id}/cancel")
    assert "It was cancelled before its first step." in user.page(f"/runs/{run.id}").text
    again = user.post(f"/runs/{run.id}/again")

    assert again.status_code == 303
    assert len(services.runs.list(RunFilter(job_id=queue.id))) == 2


def test_a_queue_is_switched_off_and_on(services: Services, admin: Reader, queue: Job) -> None:
    for action, expected in (("disable", False), ("enable", True)):
        answer = admin.post(f"/queues/{queue.uid}/{action}", {"next": "/queues"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/queues")
        assert services.queues.get(queue.uid).enabled is expected


def test_a_queue_is_deleted_after_a_question(services: Services, admin: Reader, queue: Job) -> None:
    assert "Its 3 jobs stay and are switched off." in admin.page(f"/queues/{queue.uid}/delete").text

    assert admin.post(f"/queues/{queue.uid}/delete").headers["Location"] == "/queues"

    assert services.queues.list() == []
    admin.page(f"/queues/{queue.uid}", 404)


def test_a_queue_has_a_ledger_and_answers_why(admin: Reader, queue: Job) -> None:
    page = admin.page(f"/jobs/{queue.uid}/ledger?at=2026-03-03T01:00")

    assert f"/queues/{queue.uid}" in page.links()
    assert "it is due then" in page.text.lower()


# The form


def test_a_queue_is_made_without_scripts(services: Services, admin: Reader, jobs: list[Job]) -> None:
    """Choose, add, choose, add, move up, save: each button is a plain submit that answers with the whole form."""
    sent = form([])
    for name in ("step 1", "step 2"):
        page = Markup(admin.post("/queues/new", {**sent, "step_add": "1", "step_name": name}).text)
        sent["step"] = order(page)
    page = Markup(admin.post("/queues/new", {**sent, "step_up": jobs[1].uid}).text)
    assert order(page) == [jobs[1].uid, jobs[0].uid]
    assert services.queues.list() == []

    answer = admin.post("/queues/new", {**sent, "step": order(page), f"rule-{jobs[0].uid}": "always"})

    [queue] = services.queues.list()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/queues/{queue.uid}")
    assert [(step.job.name, step.on_failure) for step in queue.steps] == [
        ("step 2", OnFailure.STOP), ("step 1", OnFailure.ALWAYS),
    ]  # fmt: skip
    assert [row.expression for row in queue.triggers] == ["0 0 1 * * ?"]


MOVES = {
    "up": ({"step_up": 1}, [1, 0, 2]),
    "down": ({"step_down": 1}, [0, 2, 1]),
    "the first up": ({"step_up": 0}, [0, 1, 2]),
    "the last down": ({"step_down": 2}, [0, 1, 2]),
    "out": ({"step_drop": 1}, [0, 2]),
}


@pytest.mark.parametrize(("button", "expected"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("by_htmx", [False, True])
def test_steps_are_moved(
    by_htmx: bool, button: dict[str, int], expected: list[int], admin: Reader, jobs: list[Job], queue: Job
) -> None:
    sent = form(jobs, **{name: jobs[number].uid for name, number in button.items()})
    sent[f"rule-{jobs[2].uid}"] = "continue"

    path = "/queues/steps" if by_htmx else f"/queues/{queue.uid}/edit"
    answer = admin.post(path, sent, headers=HTMX if by_htmx else {})

    assert answer.status_code == 200
    assert order(Markup(answer.text)) == [jobs[number].uid for number in expected]
    assert answer.text.count('value="continue" selected') == 1
    assert ("<html" in answer.text) is not by_htmx


def test_the_form_shows_a_queue_and_changes_it(services: Services, admin: Reader, jobs: list[Job], queue: Job) -> None:
    page = admin.page(f"/queues/{queue.uid}/edit")
    assert order(page) == [job.uid for job in jobs]
    [trigger] = queue.triggers

    sent = form(jobs[:2], name="late", version="1", trigger=str(trigger.id), description="after the backup")
    answer = admin.post(f"/queues/{queue.uid}/edit", sent)

    assert answer.status_code == 303
    changed = services.queues.get(queue.uid)
    assert (changed.name, changed.description, len(changed.steps)) == ("late", "after the backup", 2)
    assert [row.id for row in changed.triggers] == [trigger.id]
    assert not services.jobs.get(jobs[2].uid).enabled


def test_only_free_jobs_are_offered(services: Services, admin: Reader, jobs: list[Job], make_job: MakeJob) -> None:
    make_job("free")
    services.queues.create(QueueSpec("other", [], [StepSpec(job.uid) for job in jobs[:2]]), "ada")

    page = admin.page("/queues/new")

    assert "free" in page.text
    assert "step 3" in page.text
    assert "step 1" not in page.text


def test_what_is_wrong_is_told_at_its_place(admin: Reader, jobs: list[Job], queue: Job) -> None:
    answer = admin.post("/queues/new", form(jobs[:1], expression="x y"))
    assert answer.status_code == 422
    page = Markup(answer.text)
    assert "A queue named 'night' already exists." in page.text
    assert "A queue must have at least two jobs." in page.text
    assert {"#name", "#expression", "#steps"} <= set(page.links())

    unknown = Markup(admin.post("/queues/new", form([], step_add="1", step_name="nothing")).text)
    assert "There is no job named “nothing”." in unknown.text
    nothing = Markup(admin.post("/queues/new", form([], step_add="1", step_name="")).text)
    assert "Choose a job first." in nothing.text


def test_a_step_that_is_gone_is_told(services: Services, admin: Reader, jobs: list[Job]) -> None:
    services.jobs.delete(jobs[2].uid, "ada")

    answer = admin.post("/queues/new", form(jobs))

    assert answer.status_code == 422
    assert "This job is gone." in answer.text


def test_two_who_edit_at_once_learn_of_it(services: Services, admin: Reader, jobs: list[Job], queue: Job) -> None:
    services.queues.update(queue.uid, QueueSpec.of(services.queues.get(queue.uid)), "bob")

    answer = admin.post(f"/queues/{queue.uid}/edit", form(jobs, name="mine", version="1"))

    assert answer.status_code == 409
    assert "bob changed this queue while you were editing it." in answer.text
    assert services.queues.get(queue.uid).name == "night"


def test_who_may_not_edit_sees_no_buttons_for_it(user: Reader, queue: Job) -> None:
    page = user.page(f"/queues/{queue.uid}")
    assert f"/queues/{queue.uid}/edit" not in page.links()
    for path in ("/queues/new", f"/queues/{queue.uid}/edit", f"/queues/{queue.uid}/delete"):
        assert user.get(path).status_code == 403
        assert user.post(path).status_code == 403
    for path in ("enable", "disable"):
        assert user.post(f"/queues/{queue.uid}/{path}").status_code == 403
