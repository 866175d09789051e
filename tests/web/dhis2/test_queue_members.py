"""/api/jobConfigurations: jobs that are in a queue, or have left one."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.runs import RunFilter
from app.core.statuses import RunStatus
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play
from tests.web.dhis2.test_job_configurations import URL, plain, reported
from tests.web.dhis2.test_queues import CRON, body

FIELDS = "cronExpression,nextExecutionTime,enabled,jobStatus,schedulingType,queueName,queuePosition"
OWN = "0 0 3 * * ?"


@pytest.fixture
def jobs(make_job: MakeJob, admin_client: FlaskClient) -> list[Job]:
    """Three that would run daily at 03:00, in a queue that does at 01:00."""
    made = [make_job(f"step {number}") for number in (1, 2, 3)]
    assert admin_client.post("/api/scheduler/queues/myQ", json=body(made)).status_code == 201
    return made


def shown(client: FlaskClient, job: Job, fields: str = FIELDS) -> Any:
    return client.get(f"{URL}/{job.uid}?fields={fields}").get_json()


def leave(client: FlaskClient, jobs: list[Job]) -> Job:
    """The last one leaves."""
    assert client.put("/api/scheduler/queues/myQ", json=body(jobs[:2])).status_code == 204
    return jobs[2]


def test_only_the_first_has_a_schedule(admin_client: FlaskClient, jobs: list[Job]) -> None:
    common = {"enabled": True, "jobStatus": "SCHEDULED", "schedulingType": "CRON", "queueName": "myQ"}

    assert [shown(admin_client, job) for job in jobs] == [
        {"cronExpression": CRON, "nextExecutionTime": "2026-03-03T01:00:00.000", **common, "queuePosition": 0},
        {**common, "queuePosition": 1},
        {**common, "queuePosition": 2},
    ]
    found = admin_client.get(f"{URL}?filter=queueName:eq:myQ&fields=id&paging=false").get_json()
    assert len(found["jobConfigurations"]) == 3


def test_who_left_is_off_and_has_no_schedule_until_it_is_switched_on(
    admin_client: FlaskClient, jobs: list[Job]
) -> None:
    left = leave(admin_client, jobs)
    assert shown(admin_client, left) == {"enabled": False, "jobStatus": "DISABLED", "schedulingType": "CRON"}

    assert admin_client.post(f"{URL}/{left.uid}/enable").status_code == 204

    assert shown(admin_client, left) == {
        "cronExpression": OWN, "nextExecutionTime": "2026-03-03T03:00:00.000", "enabled": True,
        "jobStatus": "SCHEDULED", "schedulingType": "CRON",
    }  # fmt: skip


@pytest.mark.parametrize("expression", ["0 0 5 * * ?", OWN])
def test_who_left_can_be_given_a_schedule_and_then_be_switched_on(
    expression: str, admin_client: FlaskClient, jobs: list[Job]
) -> None:
    """As the reference says it."""
    left = leave(admin_client, jobs)
    sent = {"name": left.name, "jobType": left.job_type, "jobParameters": left.parameters}

    assert admin_client.put(f"{URL}/{left.uid}", json={**sent, "cronExpression": expression}).status_code == 200
    told = shown(admin_client, left, "cronExpression,enabled")
    assert told == {"cronExpression": expression, "enabled": False}

    assert admin_client.post(f"{URL}/{left.uid}/enable").status_code == 204
    assert shown(admin_client, left, "cronExpression,enabled") == {"cronExpression": expression, "enabled": True}


@pytest.mark.parametrize("number", [0, 1])
def test_what_get_shows_put_takes_and_nothing_changes(
    number: int, services: Services, admin_client: FlaskClient, jobs: list[Job]
) -> None:
    before = admin_client.get(f"{URL}/{jobs[number].uid}").get_json()

    answer = admin_client.put(f"{URL}/{jobs[number].uid}", json=before)

    assert answer.status_code == 200, answer.get_json()
    assert admin_client.get(f"{URL}/{jobs[number].uid}").get_json() == before
    assert [row.expression for row in services.jobs.get(jobs[number].uid).triggers] == [OWN]


def test_what_get_shows_of_one_that_left_put_takes_too(admin_client: FlaskClient, jobs: list[Job]) -> None:
    left = leave(admin_client, jobs)
    before = admin_client.get(f"{URL}/{left.uid}").get_json()

    assert admin_client.put(f"{URL}/{left.uid}", json=before).status_code == 200
    assert admin_client.get(f"{URL}/{left.uid}").get_json() == before

    assert admin_client.put(f"{URL}/{left.uid}", json={**before, "enabled": True}).status_code == 200
    assert shown(admin_client, left, "cronExpression,enabled") == {"cronExpression": OWN, "enabled": True}


def test_a_schedule_that_a_member_is_given_is_kept_for_later(admin_client: FlaskClient, jobs: list[Job]) -> None:
    before = admin_client.get(f"{URL}/{jobs[2].uid}").get_json()
    del before["triggers"]

    assert admin_client.put(f"{URL}/{jobs[2].uid}", json={**before, "cronExpression": "0 0 7 * * ?"}).status_code == 200
    assert "cronExpression" not in shown(admin_client, jobs[2])

    left = leave(admin_client, jobs)
    admin_client.post(f"{URL}/{left.uid}/enable")
    assert shown(admin_client, left, "cronExpression") == {"cronExpression": "0 0 7 * * ?"}


def test_the_schedule_of_the_first_is_that_of_the_queue(admin_client: FlaskClient, jobs: list[Job]) -> None:
    before = admin_client.get(f"{URL}/{jobs[0].uid}").get_json()
    del before["triggers"]

    answer = admin_client.put(f"{URL}/{jobs[0].uid}", json={**before, "cronExpression": "0 0 7 * * ?"})

    message = "the schedule of this job is that of its queue `myQ`: change it there"
    assert answer.status_code == 409
    assert reported(answer.get_json()) == [
        ("E7010", f"Failed to validate job runtime: `{message}`", "cronExpression"),
    ]  # fmt: skip


def test_switching_the_first_switches_the_queue(services: Services, admin_client: FlaskClient, jobs: list[Job]) -> None:
    assert admin_client.post(f"{URL}/{jobs[0].uid}/disable").status_code == 204
    assert not services.queues.named("myQ").enabled
    assert shown(admin_client, jobs[0], "enabled,jobStatus") == {"enabled": False, "jobStatus": "DISABLED"}
    assert shown(admin_client, jobs[1], "enabled,jobStatus") == {"enabled": True, "jobStatus": "SCHEDULED"}

    assert admin_client.post(f"{URL}/{jobs[0].uid}/enable").status_code == 204
    assert services.queues.named("myQ").enabled


def test_so_does_an_update_of_it(services: Services, admin_client: FlaskClient, jobs: list[Job]) -> None:
    before = admin_client.get(f"{URL}/{jobs[0].uid}").get_json()

    for enabled in (False, True):
        admin_client.put(f"{URL}/{jobs[0].uid}", json={**before, "enabled": enabled})
        assert services.queues.named("myQ").enabled is enabled


def test_a_queue_of_a_job_that_is_off_is_off(services: Services, admin_client: FlaskClient, make_job: MakeJob) -> None:
    off, on = make_job("off", enabled=False), make_job("on")
    admin_client.post("/api/scheduler/queues/other", json=body([off, on]))
    assert shown(admin_client, off, "enabled") == {"enabled": False}

    admin_client.post(f"{URL}/{off.uid}/enable")

    assert services.queues.named("other").enabled
    assert services.jobs.get(off.uid).enabled


def executed(client: FlaskClient, job: Job) -> tuple[int, Any]:
    answer = client.post(f"{URL}/{job.uid}/execute")
    return answer.status_code, answer.get_json()


def test_executing_the_first_runs_the_queue(
    services: Services, user_client: FlaskClient, jobs: list[Job], play: Play
) -> None:
    assert executed(user_client, jobs[0])[0] == 200
    for _ in jobs:
        services.engine.dispatch()
        play.end(play.executor.assignments[-1])

    assert [assignment.job_name for assignment in play.executor.assignments] == ["step 1", "step 2", "step 3"]
    assert executed(user_client, jobs[0])[0] == 200
    assert executed(user_client, jobs[0]) == (409, plain(409, "Conflict", "Job is already running.", "E1004"))


def test_executing_a_later_one_runs_it_and_those_after_it(
    services: Services, admin_client: FlaskClient, jobs: list[Job], play: Play
) -> None:
    assert executed(admin_client, jobs[1])[0] == 200
    for _ in jobs[1:]:
        services.engine.dispatch()
        play.end(play.executor.assignments[-1])

    assert [assignment.job_name for assignment in play.executor.assignments] == ["step 2", "step 3"]


def test_a_queue_that_is_off_is_not_executed(services: Services, admin_client: FlaskClient, jobs: list[Job]) -> None:
    admin_client.post(f"{URL}/{jobs[0].uid}/disable")

    assert executed(admin_client, jobs[0]) == (409, plain(409, "Conflict", "Job is disabled.", "E1004"))
    assert services.runs.list(RunFilter()) == []


def test_later_steps_of_a_failed_queue_were_not_started(
    services: Services, admin_client: FlaskClient, jobs: list[Job], play: Play, clock: FakeClock
) -> None:
    for job in jobs:
        play.run(job)  # each has succeeded by itself before
    clock.advance(seconds=60)
    executed(admin_client, jobs[0])
    services.engine.dispatch()
    clock.advance(seconds=5)
    play.end(play.executor.assignments[-1], RunStatus.FAILED)

    fields = "lastExecuted,lastExecutedStatus,lastFinished,jobStatus"
    at = "2026-03-02T13:02:10.340"
    assert shown(admin_client, jobs[0], fields)["lastExecutedStatus"] == "FAILED"
    for job in jobs[1:]:
        assert shown(admin_client, job, fields) == {
            "lastExecuted": at, "lastExecutedStatus": "NOT_STARTED", "lastFinished": at, "jobStatus": "SCHEDULED",
        }  # fmt: skip
    clock.advance(seconds=5)
    executed(admin_client, jobs[1])
    services.engine.dispatch()
    play.end(play.executor.assignments[-1])
    assert shown(admin_client, jobs[1], "lastExecutedStatus") == {"lastExecutedStatus": "COMPLETED"}


def test_a_deleted_member_leaves_the_others_in_their_queue(admin_client: FlaskClient, jobs: list[Job]) -> None:
    assert admin_client.delete(f"{URL}/{jobs[0].uid}").status_code == 200

    assert admin_client.get("/api/scheduler/queues/myQ").get_json() == body(jobs[1:]) | {"name": "myQ"}
    assert shown(admin_client, jobs[1], "queuePosition,cronExpression") == {
        "cronExpression": CRON, "queuePosition": 0,
    }  # fmt: skip


def test_a_queue_is_no_job_configuration(services: Services, admin_client: FlaskClient, jobs: list[Job]) -> None:
    uid = services.queues.named("myQ").uid

    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/execute"), ("POST", "/enable")):
        answer = admin_client.open(f"{URL}/{uid}{path}", method=method, json={"name": "x"})
        assert answer.status_code == 404, method
    assert admin_client.get(f"{URL}?fields=name").get_json()["pager"]["total"] == 3
