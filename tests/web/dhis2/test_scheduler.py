"""/api/scheduler and /api/scheduler/queueable"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.triggers import cron
from tests.web.conftest import ZONE, MakeJob, Play, after
from tests.web.dhis2.test_job_configurations import plain
from tests.web.dhis2.test_queues import CRON, body

URL = "/api/scheduler"


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    """Daily at 03:00; it is 13:00 on 2 March."""
    return [make_job(f"step {number}") for number in (1, 2, 3)]


@pytest.fixture
def queue(admin_client: FlaskClient, jobs: list[Job]) -> str:
    """The first two of them, daily at 01:00."""
    assert admin_client.post("/api/scheduler/queues/myQ", json=body(jobs[:2])).status_code == 201
    return "myQ"


def single(job: Job, status: str = "SCHEDULED", **members: Any) -> dict[str, Any]:
    schedule = {"cronExpression": "0 0 3 * * ?", "nextExecutionTime": "2026-03-03T03:00:00.000", **members}
    schedule = {name: value for name, value in schedule.items() if value is not None}
    step = {"id": job.uid, "name": job.name, "type": "SQL_EXPORT", **schedule, "status": status}
    same = {name: value for name, value in step.items() if name != "id"}
    return {**same, "enabled": status != "DISABLED", "configurable": True, "sequence": [step]}


def the_queue(jobs: list[Job], *statuses: str, status: str = "SCHEDULED", enabled: bool = True) -> dict[str, Any]:
    schedule = {"cronExpression": CRON} | ({"nextExecutionTime": "2026-03-03T01:00:00.000"} if enabled else {})
    steps = [
        {"id": job.uid, "name": job.name, "type": "SQL_EXPORT", **(schedule if job is jobs[0] else {}), "status": word}
        for job, word in zip(jobs, statuses, strict=True)
    ]
    entry = {"name": "myQ", "type": "Sequence", **schedule, "status": status, "enabled": enabled}
    return {**entry, "configurable": True, "sequence": steps}


def listed(client: FlaskClient, query: str = "") -> Any:
    return client.get(URL + query).get_json()


@pytest.mark.parametrize("url", [URL, "/api/41/scheduler"])
def test_jobs_and_queues_are_in_one_list(url: str, admin_client: FlaskClient, jobs: list[Job], queue: str) -> None:
    answer = admin_client.get(url)

    assert answer.status_code == 200
    entries = answer.get_json()
    assert entries == [the_queue(jobs[:2], "SCHEDULED", "SCHEDULED"), single(jobs[2])]
    assert list(entries[0]) == [
        "name", "type", "cronExpression", "nextExecutionTime", "status", "enabled", "configurable", "sequence",
    ]  # fmt: skip


def test_the_next_one_comes_first_and_who_never_fires_last(
    services: Services, admin_client: FlaskClient, make_job: MakeJob
) -> None:
    names = {"never": [], "b late": [cron("0 0 20 * * ?", ZONE)], "a early": [cron("0 0 14 * * ?", ZONE)]}
    for name, triggers in names.items():
        make_job(name, triggers=triggers)

    assert [entry["name"] for entry in listed(admin_client)] == ["a early", "b late", "never"]
    assert [entry["name"] for entry in listed(admin_client, "?order=name")] == ["a early", "b late", "never"]
    services.jobs.disable(services.jobs.list(text="a early")[0].uid, "ada")
    assert [entry["name"] for entry in listed(admin_client)] == ["b late", "a early", "never"]
    assert [entry["name"] for entry in listed(admin_client, "?order=name")] == ["a early", "b late", "never"]


def test_a_fixed_delay_is_told_as_one(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job("again", triggers=[after(120)])

    expected = single(job, cronExpression=None, delay=120, nextExecutionTime="2026-03-02T13:00:00.000")
    assert listed(admin_client) == [expected]


def test_a_job_that_is_off_has_no_next_time(services: Services, admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job("off", enabled=False)

    assert listed(admin_client) == [single(job, "DISABLED", nextExecutionTime=None)]


def test_a_queue_runs_while_one_of_its_jobs_does(
    services: Services, admin_client: FlaskClient, jobs: list[Job], queue: str, play: Play
) -> None:
    services.queues.start(services.queues.named("myQ").uid, "ada")
    services.engine.dispatch()
    assert listed(admin_client)[0] == the_queue(jobs[:2], "RUNNING", "SCHEDULED", status="RUNNING")

    play.end(play.executor.assignments[-1])
    services.engine.dispatch()
    assert listed(admin_client)[0] == the_queue(jobs[:2], "SCHEDULED", "RUNNING", status="RUNNING")

    play.end(play.executor.assignments[-1])
    assert listed(admin_client)[0] == the_queue(jobs[:2], "SCHEDULED", "SCHEDULED")


def test_a_queue_that_is_off(services: Services, admin_client: FlaskClient, jobs: list[Job], queue: str) -> None:
    services.queues.disable(services.queues.named("myQ").uid, "ada")

    expected = the_queue(jobs[:2], "DISABLED", "DISABLED", status="DISABLED", enabled=False)
    assert expected in listed(admin_client)


def test_jobs_of_a_deleted_queue_are_there_again_one_by_one(
    admin_client: FlaskClient, jobs: list[Job], queue: str
) -> None:
    admin_client.delete("/api/scheduler/queues/myQ")

    gone = {"cronExpression": None, "nextExecutionTime": None}
    assert listed(admin_client, "?order=name") == [
        single(jobs[0], "DISABLED", **gone), single(jobs[1], "DISABLED", **gone), single(jobs[2]),
    ]  # fmt: skip


@pytest.mark.parametrize("query", ["", "?name=myQ", "?name=other"])
def test_what_can_be_put_into_a_queue(
    query: str, admin_client: FlaskClient, jobs: list[Job], queue: str, make_job: MakeJob
) -> None:
    make_job("delayed", triggers=[after(60)])
    unscheduled = make_job("by hand", triggers=[])

    answer = admin_client.get(f"{URL}/queueable{query}")

    assert answer.status_code == 200
    assert answer.get_json() == [
        single(unscheduled, cronExpression=None, nextExecutionTime=None), single(jobs[2]),
    ]  # fmt: skip


def test_who_may_only_run_sees_it(user_client: FlaskClient, jobs: list[Job]) -> None:
    assert len(listed(user_client)) == 3


def test_system_jobs_are_listed_and_cannot_be_put_into_a_queue(
    services: Services, admin_client: FlaskClient, jobs: list[Job]
) -> None:
    services.system_jobs.ensure()

    alert = {"name": "User account expiry alert", "type": "ACCOUNT_EXPIRY_ALERT", "cronExpression": "0 0 2 ? * *"}
    alert |= {"nextExecutionTime": "2026-03-03T02:00:00.000", "status": "SCHEDULED"}
    assert {
        **alert, "enabled": True, "configurable": False, "sequence": [{"id": "fUWM1At1TUx", **alert}],
    } in listed(admin_client)  # fmt: skip
    offered = listed(admin_client, "/queueable")
    assert [entry["name"] for entry in offered] == ["step 1", "step 2", "step 3"]


def test_a_system_job_is_refused_before_a_job_that_is_missing(
    services: Services, admin_client: FlaskClient, jobs: list[Job]
) -> None:
    services.system_jobs.ensure()
    sequence = [jobs[0].uid, "KBcP6Qw37gT", "fUWM1At1TUx"]

    answer = admin_client.post("/api/scheduler/queues/Q", json={"cronExpression": CRON, "sequence": sequence})

    message = "Job `fUWM1At1TUx` is a system job and as such cannot be added to a queue.`"
    assert (answer.status_code, answer.get_json()) == (409, plain(409, "Conflict", message, "E7023"))
