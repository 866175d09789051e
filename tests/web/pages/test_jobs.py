"""The list of jobs, one job, and the buttons."""

import re
from datetime import timedelta
from types import SimpleNamespace

from app.bootstrap import Services
from app.core.models import Fire
from app.core.statuses import FireOutcome, FireReason, RunStatus
from app.core.triggers import cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, Play, after, every
from tests.web.pages.conftest import HTMX, Markup, Reader


def test_the_list_tells_next_start_last_run_and_last_file(
    admin: Reader, make_job: MakeJob, play: Play, clock: FakeClock
) -> None:
    job = make_job("nightly")
    play.run(job, content=b"id,name\n1,Ada\n", name="visits.csv")
    clock.advance(minutes=5)

    page = admin.page("/jobs")

    assert "At 03:00, every day" in page.text
    assert "in 13 h" in page.text
    assert "2026-03-03 03:00 CET" in page.text
    assert "Succeeded" in page.text
    assert "5 min ago" in page.text
    assert "1 row" in page.text
    assert "/results/1/download" in page.links()


def test_the_list_is_searched_and_filtered(admin: Reader, make_job: MakeJob) -> None:
    make_job("Alpha")
    make_job("beta", enabled=False)
    assert "beta" not in admin.page("/jobs?text=ALPH").text
    assert "Alpha" not in admin.page("/jobs?state=off").text
    assert "No job fits" in admin.page("/jobs?text=gamma").text


def test_fifty_jobs_to_a_page(admin: Reader, make_job: MakeJob) -> None:
    for number in range(51):
        make_job(f"job {number:02}")
    first = admin.page("/jobs?text=job")
    assert "job 49" in first.text
    assert "job 50" not in first.text
    assert "Page 1 of 2" in first.text
    assert "/jobs?page=2&text=job" in first.links()
    second = admin.page("/jobs?page=2&text=job")
    assert "job 50" in second.text
    assert "/jobs?page=1&text=job" in second.links()


def test_an_idle_list_is_not_sent_again(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    polled = Markup(admin.get("/jobs").text).find("section", id="jobs")[0]["hx-get"] or ""
    assert admin.part(polled).status_code == 204

    play.begin(job)

    answer = admin.part(polled)
    assert answer.status_code == 200
    assert "Running" in answer.text
    assert "HX-Replace-Url" not in answer.headers


def test_filtering_puts_the_filters_in_use_into_the_address(admin: Reader) -> None:
    assert admin.part("/jobs?text=a%20b&state=").headers["HX-Replace-Url"] == "/jobs?text=a+b"


def test_an_empty_list_offers_two_ways_to_begin(admin: Reader, user: Reader, services: Services) -> None:
    loaded: list[str] = []
    services.sample = SimpleNamespace(load=loaded.append)
    page = admin.page("/jobs")
    assert "No jobs yet" in page.text
    assert "/jobs/new" in page.links()
    assert page.find("form", action="/jobs/sample")
    assert not user.page("/jobs").find("form", action="/jobs/sample")

    assert admin.post("/jobs/sample").location == "/jobs"
    assert loaded == ["ada"]


def test_run_now_leads_to_the_run(user: Reader, make_job: MakeJob, services: Services) -> None:
    job = make_job()
    answer = user.post(f"/jobs/{job.uid}/run")
    assert answer.location == "/runs/1"
    assert services.runs.get(1).requested_by == "uma"

    answer = user.post(f"/jobs/{job.uid}/run")
    assert answer.status_code == 409
    assert "Job is already running." in answer.text


def test_a_job_is_switched_off_and_on(admin: Reader, make_job: MakeJob, services: Services) -> None:
    job = make_job()
    answer = admin.post(f"/jobs/{job.uid}/disable", {"next": "/jobs?text=n"})
    assert answer.location == "/jobs?text=n"
    assert not services.jobs.get(job.uid).enabled
    assert "is off" in admin.page("/jobs").text

    row = admin.post(f"/jobs/{job.uid}/enable", headers=HTMX)
    assert row.status_code == 200
    assert Markup(row.text).find("button", role="switch")[0]["aria-checked"] == "true"
    assert services.jobs.get(job.uid).enabled


def test_a_switch_sends_nobody_to_another_server(admin: Reader, make_job: MakeJob) -> None:
    job = make_job()
    assert admin.post(f"/jobs/{job.uid}/disable", {"next": "//evil.example"}).location == "/"


def test_deleting_asks_first_and_says_what_stays(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    run_id = play.begin(job).run_id
    assert "A run is going on: it is cancelled." in admin.page(f"/jobs/{job.uid}/delete").text

    assert admin.post(f"/jobs/{job.uid}/delete").location == "/jobs"

    assert admin.get(f"/jobs/{job.uid}").status_code == 404
    run = admin.page(f"/runs/{run_id}")
    assert "Cancelling" in run.text
    assert f"/jobs/{job.uid}" not in run.links()


def test_a_job_shows_its_next_starts_in_its_own_zone(admin: Reader, make_job: MakeJob) -> None:
    page = admin.page(f"/jobs/{make_job().uid}")
    for day in range(3, 8):
        assert f"2026-03-0{day} 03:00 CET" in page.text


def test_the_ledger_tells_why_nothing_started(
    admin: Reader, make_job: MakeJob, play: Play, services: Services, clock: FakeClock
) -> None:
    job = make_job(triggers=[every(60)])
    run_id = play.begin(job).run_id
    moment = clock() - timedelta(hours=9)
    with services.db.transaction() as session:
        for number, (outcome, reason, count) in enumerate(
            [(FireOutcome.SKIPPED, FireReason.OVERLAP, 1), (FireOutcome.MISSED, FireReason.LATE, 214)]
        ):
            session.add(
                Fire(
                    job_id=job.id,
                    trigger_id=1,
                    scheduled_for=moment + timedelta(minutes=number),
                    decided_at=moment,
                    outcome=outcome,
                    reason=reason,
                    count=count,
                    blocking_run_id=run_id if number == 0 else None,
                )
            )
    page = admin.page(f"/jobs/{job.uid}")
    assert "the run before was still going on" in page.text
    assert f"/runs/{run_id}" in page.links()
    assert "214 times" in page.text


def test_schedules_of_every_kind_have_words(admin: Reader, make_job: MakeJob) -> None:
    for name, triggers, words in (
        ("rate", [every(900)], "Every 15 min"),
        ("delay", [after(600)], "10 min after each run"),
        ("continuous", [after(0)], "Continuously"),
        ("hand", [], "By hand only"),
    ):
        assert words in admin.page(f"/jobs/{make_job(name, triggers=triggers).uid}").text


def test_a_job_of_a_type_that_is_gone_still_has_a_page(admin: Reader, make_job: MakeJob, services: Services) -> None:
    job = make_job()
    with services.db.transaction() as session:
        session.get_one(type(job), job.id).job_type = "GONE"
    assert "is not installed here" in admin.page(f"/jobs/{job.uid}").text
    assert "GONE" in admin.page(f"/jobs/{job.uid}/edit", 404).text


def test_the_newest_run_counts_whatever_its_status(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    play.run(job)
    play.run(job, RunStatus.FAILED)
    assert "Failed" in admin.page("/jobs").text
    assert "Succeeded" not in Markup(admin.part("/jobs").text).text


def test_runs_asked_for_later_are_shown_and_taken_back(user: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    assert "Asked for later" not in user.page(f"/jobs/{job.uid}").text
    services.entries.delay(job.id, 5)
    polled = Markup(user.get(f"/jobs/{job.uid}").text).find("div", id="job")[0]["hx-get"] or ""
    assert "Asked for later 2026-03-02 13:05 CET" in " ".join(user.page(f"/jobs/{job.uid}").text.split())

    answer = user.post(f"/jobs/{job.uid}/delayed/2/take-back")

    assert (answer.status_code, answer.location) == (303, f"/jobs/{job.uid}")
    page = user.page(f"/jobs/{job.uid}")
    assert "The run that was asked for later was taken back." in page.text
    assert "Asked for later" not in page.text
    assert user.part(polled).status_code == 200  # what the page showed has changed
    assert user.post(f"/jobs/{job.uid}/delayed/2/take-back").status_code == 404


def test_the_list_is_sorted_by_what_its_head_says(admin: Reader, make_job: MakeJob) -> None:
    make_job("b", triggers=[cron("0 0 1 * * ?", ZONE)])
    make_job("a", triggers=[cron("0 0 2 * * ?", ZONE)])

    def names(query: str) -> tuple[list[str], list[str | None]]:
        page = admin.page(f"/jobs{query}")
        return re.findall(r'id="open-[^>]*>([ab])<', admin.get(f"/jobs{query}").text), [
            given.get("aria-sort") for given in page.find("th", scope="col")
        ][:3]

    assert names("") == (["a", "b"], ["ascending", None, None])
    assert names("?sort=-name") == (["b", "a"], ["descending", None, None])
    assert names("?sort=next") == (["b", "a"], [None, None, "ascending"])
    assert names("?sort=nonsense") == names("")
