"""/api/jobConfigurations: one job at a time."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.runs import RunFilter
from app.core.statuses import RunStatus
from app.core.triggers import TriggerSpec, cron
from app.web.dhis2.documents import duration
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, Play, after, every, sql

KLASS = "org.hisp.dhis.scheduling.JobConfiguration"
URL = "/api/jobConfigurations"
SPELLINGS = [URL, "/api/jobConfiguration", "/api/42/jobConfigurations", "/api/42/jobConfiguration"]


def wanted(**members: Any) -> dict[str, Any]:
    body = {"name": "weekly", "jobType": "SQL_EXPORT", "cronExpression": "0 0 3 ? * MON", "jobParameters": sql()}
    return body | members


def envelope(status: int, phrase: str, uid: str, *reports: dict[str, Any]) -> dict[str, Any]:
    body = {"httpStatus": phrase, "httpStatusCode": status, "status": "ERROR" if reports else "OK"}
    if reports:
        body["message"] = "One or more errors occurred, please see full details in import report."
    response = {"responseType": "ObjectReport", "klass": KLASS, "uid": uid, "errorReports": list(reports)}
    return body | {"response": response}


def plain(status: int, phrase: str, message: str, code: str | None = None) -> dict[str, Any]:
    body = {"httpStatus": phrase, "httpStatusCode": status, "status": "ERROR", "message": message}
    return body | ({"errorCode": code} if code else {})


def reported(body: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    reports = body["response"]["errorReports"]
    return [(report["errorCode"], report["message"], report.get("errorProperty")) for report in reports]


# Get


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_job_is_shown_whole(url: str, admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(description="for the ministry")

    response = admin_client.get(f"{url}/{job.uid}")

    parameters = services.types.get("SQL_EXPORT").coerce(sql())
    ada = {"id": services.users.get("ada").uid}
    assert response.status_code == 200
    assert response.get_json() == {
        "lastUpdated": "2026-03-02T13:00:00.000",
        "id": job.uid,
        "href": f"http://localhost/api/jobConfigurations/{job.uid}",
        "created": "2026-03-02T13:00:00.000",
        "name": "nightly visits",
        "jobStatus": "SCHEDULED",
        "displayName": "nightly visits",
        "enabled": True,
        "externalAccess": False,
        "jobType": "SQL_EXPORT",
        "nextExecutionTime": "2026-03-03T03:00:00.000",
        "schedulingType": "CRON",
        "cronExpression": "0 0 3 * * ?",
        "continuousExecution": False,
        "jobParameters": {name: value for name, value in parameters.items() if value is not None},
        "favorite": False,
        "configurable": True,
        "access": {
            "read": True, "update": True, "externalize": True, "delete": True, "write": True, "manage": True
        },
        "lastUpdatedBy": ada,
        "createdBy": ada,
        "favorites": [],
        "translations": [],
        "userGroupAccesses": [],
        "attributeValues": [],
        "userAccesses": [],
        "lastExecutedStatus": "NOT_STARTED",
        "jobId": job.id,
        "group": "DEFAULT",
        "description": "for the ministry",
        "triggers": [
            {
                "id": job.triggers[0].id,
                "kind": "cron",
                "timezone": ZONE,
                "expression": "0 0 3 * * ?",
                "dialect": "quartz",
                "gap": "next",
                "overlap": "interval",
                "misfire": "smart",
                "misfire_threshold_seconds": 60,
                "next_fire_at": "2026-03-03T02:00:00Z",
            }
        ],
    }  # fmt: skip


def shown(client: FlaskClient, job: Job, fields: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"{URL}/{job.uid}?fields={fields}").get_json()
    return answer


EXECUTION = "jobStatus,lastExecuted,lastExecutedStatus,lastFinished,lastRuntimeExecution"


def test_a_running_job_shows_the_status_of_the_run_before(
    admin_client: FlaskClient, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    play.run(job, RunStatus.FAILED)
    play.clock.advance(minutes=1)
    play.begin(job)

    assert shown(admin_client, job, EXECUTION) == {
        "jobStatus": "RUNNING",
        "lastExecuted": "2026-03-02T13:01:21.780",
        "lastExecutedStatus": "FAILED",
        "lastFinished": "2026-03-02T13:00:21.780",
    }


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (RunStatus.SUCCEEDED, "COMPLETED"),
        (RunStatus.FAILED, "FAILED"),
        (RunStatus.CANCELLED, "STOPPED"),
        (RunStatus.INTERRUPTED, "FAILED"),
    ],
)
def test_a_run_that_is_over_shows_how_it_ended(
    status: RunStatus, name: str, admin_client: FlaskClient, make_job: MakeJob, play: Play
) -> None:
    job = make_job(enabled=False)
    play.run(job, status)

    assert shown(admin_client, job, EXECUTION) == {
        "jobStatus": "DISABLED",
        "lastExecuted": "2026-03-02T13:00:00.000",
        "lastExecutedStatus": name,
        "lastFinished": "2026-03-02T13:00:21.780",
        "lastRuntimeExecution": "00:00:21.780",
    }


def test_durations_go_on_past_a_day() -> None:
    assert duration(90_061.5) == "25:01:01.500"


SCHEDULE = "schedulingType,cronExpression,delay,continuousExecution"


@pytest.mark.parametrize(
    ("triggers", "schedule"),
    [
        ([after(120)], {"schedulingType": "FIXED_DELAY", "delay": 120, "continuousExecution": False}),
        ([after(0)], {"schedulingType": "FIXED_DELAY", "delay": 0, "continuousExecution": True}),
        ([every(60)], {"schedulingType": "ONCE_ASAP", "continuousExecution": False}),
        ([], {"schedulingType": "ONCE_ASAP", "continuousExecution": False}),
        (
            [every(60), cron("0 0 3 * * ?", ZONE)],
            {"schedulingType": "CRON", "cronExpression": "0 0 3 * * ?", "continuousExecution": False},
        ),
    ],
    ids=["fixed delay", "continuous", "fixed rate", "nothing", "cron beside another"],
)
def test_the_first_schedule_that_dhis2_knows_is_shown(
    triggers: list[TriggerSpec], schedule: dict[str, Any], admin_client: FlaskClient, make_job: MakeJob
) -> None:
    assert shown(admin_client, make_job(triggers=triggers), SCHEDULE) == schedule


def test_a_user_sees_that_he_may_only_read(user_client: FlaskClient, make_job: MakeJob) -> None:
    access = shown(user_client, make_job(), "access")["access"]

    assert [name for name, allowed in access.items() if allowed] == ["read"]


# Create


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_job_is_created(url: str, admin_client: FlaskClient, services: Services) -> None:
    response = admin_client.post(url, json=wanted(enabled=False, nextExecutionTime="2020-01-01", nonsense=1))

    [job] = services.jobs.list()
    assert response.status_code == 201
    assert response.headers["Location"] == f"http://localhost/api/jobConfigurations/{job.uid}"
    assert response.get_json() == envelope(201, "Created", job.uid)
    assert (job.name, job.enabled, job.created_by, job.triggers[0].timezone) == ("weekly", False, "ada", ZONE)


def created(client: FlaskClient, services: Services, **members: Any) -> Job:
    response = client.post(URL, json=wanted(**members))
    assert response.status_code == 201, response.get_json()
    [job] = services.jobs.list()
    return job


def test_a_client_may_bring_its_own_id(admin_client: FlaskClient, services: Services) -> None:
    assert created(admin_client, services, id="KBcP6Qw37gT").uid == "KBcP6Qw37gT"

    again = admin_client.post(URL, json=wanted(id="KBcP6Qw37gT", name="other"))
    message = "a job with uid 'KBcP6Qw37gT' already exists"
    assert again.get_json() == plain(409, "Conflict", message, "E1004")


def test_texts_are_read_as_what_they_stand_for(admin_client: FlaskClient, services: Services) -> None:
    members = {"cronExpression": "", "delay": "120", "enabled": "false", "jobParameters": sql(maxRows="250")}
    job = created(admin_client, services, **members)

    assert (job.triggers[0].delay_seconds, job.enabled, job.parameters["maxRows"]) == (120, False, 250)


@pytest.mark.parametrize(
    ("members", "kind", "value"),
    [
        ({}, "cron", "0 0 3 ? * MON"),
        ({"delay": 60}, "cron", "0 0 3 ? * MON"),
        ({"delay": 60, "schedulingType": "FIXED_DELAY"}, "fixed_delay", 60),
        ({"cronExpression": None, "delay": 60}, "fixed_delay", 60),
        ({"cronExpression": None, "delay": 0}, "fixed_delay", 0),
        ({"continuousExecution": True}, "fixed_delay", 0),
        ({"cronExpression": "0 0 3 * * *"}, "cron", "0 0 3 * * *"),
        ({"cronExpression": "@daily"}, "cron", "@daily"),
    ],
    ids=["cron", "both", "both, said", "delay", "zero", "continuous", "spring", "macro"],
)
def test_the_kind_of_schedule_follows_from_what_is_given(
    members: dict[str, Any], kind: str, value: object, admin_client: FlaskClient, services: Services
) -> None:
    [row] = created(admin_client, services, **members).triggers

    assert (row.kind, row.expression if kind == "cron" else row.delay_seconds) == (kind, value)


def test_a_job_without_a_schedule_must_be_disabled(admin_client: FlaskClient, services: Services) -> None:
    body = wanted(id="KBcP6Qw37gT", cronExpression=None)
    message = "Cron expression must be not null for job with scheduling type CRON: `KBcP6Qw37gT`"
    report = {
        "message": message,
        "mainKlass": KLASS,
        "errorProperty": "cronExpression",
        "errorProperties": ["KBcP6Qw37gT"],
        "errorCode": "E7004",
        "args": ["KBcP6Qw37gT"],
    }

    assert admin_client.post(URL, json=body).get_json() == envelope(409, "Conflict", "KBcP6Qw37gT", report)
    assert services.jobs.count() == 0
    assert admin_client.post(URL, json=body | {"enabled": False}).status_code == 201


UID = "KBcP6Qw37gT"
REFUSED = {
    "no name": ({"name": " "}, [("E4000", "Missing required property `name`.", "name")]),
    "empty name": ({"name": ""}, [("E4000", "Missing required property `name`.", "name")]),
    "long name": (
        {"name": "x" * 231},
        [("E4001", "Maximum length of property `name` is 230, but given length was 231.", "name")],
    ),
    "no type": ({"jobType": None}, [("E4000", "Missing required property `jobType`.", "jobType")]),
    "no delay": (
        {"schedulingType": "FIXED_DELAY"},
        [("E7007", f"Delay must be not null for job with scheduling type FIXED_DELAY: `{UID}`", "delay")],
    ),
    "negative delay": (
        {"cronExpression": None, "delay": -5},
        [
            (
                "E4008",
                "Allowed range for numeric property `delay` is [0 to 316224000], but number given was -5.",
                "delay",
            )
        ],
    ),
    "bad cron": (
        {"cronExpression": "0 0 25 * * *"},
        [
            (
                "E7005",
                "Cron expression is invalid: `0 0 25 * * *`: hour: 25 is not between 0 and 23 (at character 5)",
                "cronExpression",
            )
        ],
    ),
    "missing parameters": (
        {"jobParameters": None},
        [
            ("E4000", "Missing required property `connection`.", None),
            ("E4000", "Missing required property `query`.", None),
        ],
    ),
    "number out of range": (
        {"jobParameters": sql(maxRows=0)},
        [
            (
                "E4008",
                "Allowed range for numeric property `maxRows` is [1 to 2147483647], but number given was 0.",
                None,
            )
        ],
    ),
    "no number": (
        {"jobParameters": sql(maxRows="many")},
        [("E7010", "Failed to validate job runtime: `Most rows allowed must be a whole number`", None)],
    ),
    "no query": (
        {"jobParameters": sql(query="DROP TABLE visit")},
        [("E7010", "Failed to validate job runtime: `a query begins with SELECT, WITH, VALUES or TABLE`", None)],
    ),
    "several at once": (
        {"name": None, "cronExpression": "x"},
        [
            ("E4000", "Missing required property `name`.", "name"),
            (
                "E7005",
                "Cron expression is invalid: `x`: the quartz dialect has 6 or 7 fields, here are 1 (at character 2)",
                "cronExpression",
            ),
        ],
    ),
}


@pytest.mark.parametrize(("members", "reports"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_reported_by_its_code(
    members: dict[str, Any], reports: list[Any], admin_client: FlaskClient, services: Services
) -> None:
    response = admin_client.post(URL, json=wanted(id=UID, **members))

    assert response.status_code == 409
    assert reported(response.get_json()) == reports
    assert services.jobs.count() == 0


def test_a_bad_id_is_reported(admin_client: FlaskClient) -> None:
    response = admin_client.post(URL, json=wanted(id="abc"))

    assert reported(response.get_json()) == [("E4014", "Invalid UID `abc` for property `id`", "id")]


def test_a_name_that_is_taken_names_its_holder(admin_client: FlaskClient, make_job: MakeJob) -> None:
    holder = make_job("weekly")

    response = admin_client.post(URL, json=wanted(id=UID))

    message = (
        f"Property `name` with value `weekly` on object weekly [{UID}] (JobConfiguration) "
        f"already exists on object {holder.uid}."
    )
    assert reported(response.get_json()) == [("E5003", message, "name")]


def test_exports_may_share_a_cron_expression(admin_client: FlaskClient) -> None:
    answers = [admin_client.post(URL, json=wanted(name=name)).status_code for name in ("one", "two")]

    assert answers == [201, 201]


# Update


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_job_is_replaced(url: str, admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(description="kept", group="HEALTH", timeout_seconds=60)

    response = admin_client.put(f"{url}/{job.uid}", json=wanted(jobType=None, jobParameters=sql(delimiter=";")))

    changed = services.jobs.get(job.uid)
    assert (response.status_code, response.get_json()) == (200, envelope(200, "OK", job.uid))
    assert (changed.name, changed.parameters["delimiter"], changed.triggers[0].expression) == (
        "weekly", ";", "0 0 3 ? * MON"
    )  # fmt: skip
    assert (changed.description, changed.group, changed.timeout_seconds) == ("kept", "HEALTH", 60)


def test_a_job_that_is_sent_back_as_it_was_read_stays_the_same(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(triggers=[every(90), cron("0 0 3 * * ?", "Asia/Tokyo")], enabled=False)
    before = admin_client.get(f"{URL}/{job.uid}").get_json()

    assert admin_client.put(f"{URL}/{job.uid}", json=before).status_code == 200

    assert admin_client.get(f"{URL}/{job.uid}").get_json() == before


@pytest.mark.parametrize("enabled", [True, False])
def test_enabled_stays_as_it_is_unless_it_is_said(
    enabled: bool, admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(enabled=enabled)

    admin_client.put(f"{URL}/{job.uid}", json=wanted())
    assert services.jobs.get(job.uid).enabled is enabled

    admin_client.put(f"{URL}/{job.uid}", json=wanted(enabled=not enabled))
    assert services.jobs.get(job.uid).enabled is not enabled


def test_triggers_that_dhis2_does_not_know_stay(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(triggers=[cron("0 0 3 * * ?", "Asia/Tokyo"), every(90)])

    admin_client.put(f"{URL}/{job.uid}", json=wanted())

    rows = services.jobs.get(job.uid).triggers
    assert {(row.kind.value, row.expression, row.every_seconds, row.timezone) for row in rows} == {
        ("cron", "0 0 3 ? * MON", None, "Asia/Tokyo"),
        ("simple", None, 90, ZONE),
    }


def test_a_refused_update_changes_nothing(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    make_job("weekly")

    response = admin_client.put(f"{URL}/{job.uid}", json=wanted(cronExpression="nonsense"))

    assert [code for code, _, _ in reported(response.get_json())] == ["E5003", "E7005"]
    assert services.jobs.get(job.uid).name == "nightly visits"


# Delete, execute, enable, disable


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_job_is_deleted(url: str, admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    response = admin_client.delete(f"{url}/{job.uid}")

    assert (response.status_code, response.get_json()) == (200, envelope(200, "OK", job.uid))
    assert services.jobs.count() == 0


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_user_may_execute(url: str, user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    response = user_client.post(f"{url}/{job.uid}/execute")

    [run] = services.runs.list(RunFilter())
    assert (response.status_code, response.get_json()) == (200, {"klass": KLASS, "index": 0, "errorReports": []})
    assert (run.job_id, run.requested_by) == (job.id, "uma")


def test_a_running_job_is_not_executed_again(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    play.begin(job)

    response = user_client.post(f"{URL}/{job.uid}/execute")

    assert response.status_code == 409
    assert response.get_json() == plain(409, "Conflict", "Job is already running.", "E1004")


def test_a_disabled_job_is_not_executed(user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    response = user_client.post(f"{URL}/{make_job(enabled=False).uid}/execute")

    assert response.status_code == 409
    assert response.get_json() == plain(409, "Conflict", "Job is disabled.", "E1004")
    assert services.runs.list(RunFilter()) == []


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_job_is_switched_off_and_on(
    url: str, admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()
    for path, enabled in (("disable", False), ("disable", False), ("enable", True), ("enable", True)):
        response = admin_client.post(f"{url}/{job.uid}/{path}")

        assert (response.status_code, response.data) == (204, b"")
        assert services.jobs.get(job.uid).enabled is enabled


def test_a_job_without_a_schedule_is_not_enabled(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(triggers=[], enabled=False)

    response = admin_client.post(f"{URL}/{job.uid}/enable")

    message = "Job requires schedule setup before it can be enabled."
    assert response.get_json() == plain(409, "Conflict", message, "E1004")
    assert services.jobs.get(job.uid).enabled is False


def test_a_new_job_waits_for_its_next_turn(admin_client: FlaskClient, services: Services, clock: FakeClock) -> None:
    created(admin_client, services, cronExpression="0 0 3 * * ?")

    services.engine.tick()

    assert services.runs.list(RunFilter()) == []
