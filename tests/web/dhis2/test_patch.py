"""PATCH /api/jobConfigurations/{id}: a job configuration changed by a JSON patch."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.bootstrap import Services
from app.core.triggers import cron
from tests.web.conftest import ZONE, MakeJob, every
from tests.web.dhis2.test_job_configurations import SPELLINGS, URL, envelope, plain, reported

TYPE = "application/json-patch+json"


def patch(client: FlaskClient, url: str, *operations: Any, content_type: str = TYPE) -> TestResponse:
    return client.patch(url, data=json.dumps(operations), content_type=content_type)


def put(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


@pytest.mark.parametrize("url", SPELLINGS)
def test_a_job_is_patched(url: str, admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(description="kept", group="HEALTH", timeout_seconds=60)

    answer = patch(
        admin_client, f"{url}/{job.uid}", put("/name", "renamed"), put("/enabled", False),
        put("/jobParameters/delimiter", ";"), {"op": "add", "path": "/jobParameters/maxRows", "value": "9"},
    )  # fmt: skip

    changed = services.jobs.get(job.uid)
    assert (answer.status_code, answer.get_json()) == (200, envelope(200, "OK", job.uid))
    assert (changed.name, changed.enabled, changed.description, changed.group, changed.timeout_seconds) == (
        "renamed", False, "kept", "HEALTH", 60
    )  # fmt: skip
    assert (changed.parameters["delimiter"], changed.parameters["maxRows"]) == (";", 9)
    assert [row.id for row in changed.triggers] == [row.id for row in job.triggers]


def test_the_schedule_is_patched_and_other_triggers_stay(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(triggers=[cron("0 0 3 * * ?", "Asia/Tokyo"), every(90)])

    patch(admin_client, f"{URL}/{job.uid}", put("/cronExpression", "0 0 4 * * ?"))

    rows = services.jobs.get(job.uid).triggers
    assert {(row.kind.value, row.expression, row.every_seconds, row.timezone) for row in rows} == {
        ("cron", "0 0 4 * * ?", None, "Asia/Tokyo"), ("simple", None, 90, ZONE)
    }  # fmt: skip


def test_a_cron_expression_gives_way_to_a_delay(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()
    delay = {"op": "add", "path": "/delay", "value": 60}

    assert (
        patch(admin_client, f"{URL}/{job.uid}", {"op": "remove", "path": "/cronExpression"}, delay).status_code == 200
    )

    assert [row.delay_seconds for row in services.jobs.get(job.uid).triggers] == [60]


def test_our_own_triggers_are_patched(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    patch(admin_client, f"{URL}/{job.uid}", put("/triggers/0/expression", "0 0 5 * * ?"))

    assert services.jobs.get(job.uid).triggers[0].expression == "0 0 5 * * ?"


def test_a_patched_job_is_checked_whole(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    answer = patch(admin_client, f"{URL}/{job.uid}", put("/name", ""), {"op": "remove", "path": "/cronExpression"})

    message = f"Cron expression must be not null for job with scheduling type CRON: `{job.uid}`"
    assert answer.status_code == 409
    assert reported(answer.get_json()) == [
        ("E4000", "Missing required property `name`.", "name"), ("E7004", message, "cronExpression")
    ]  # fmt: skip
    assert services.jobs.get(job.uid).version == 1


def test_what_cannot_be_set_is_ignored(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    answer = patch(admin_client, f"{URL}/{job.uid}", put("/id", "KBcP6Qw37gT"), put("/jobStatus", "RUNNING"))

    assert answer.status_code == 200
    assert admin_client.get(f"{URL}/{job.uid}?fields=id,jobStatus").get_json() == {
        "id": job.uid, "jobStatus": "SCHEDULED"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([{"op": "remove", "path": "/x/y"}], "Property does not exist: x"),
        ([put("/delay", 3)], "operation 1 of the patch: there is no /delay"),
        ([put("/name", "x"), {"op": "test", "path": "/enabled", "value": 1}], "operation 2 of the patch: the value"),
        ([put("", [])], "a job configuration is a JSON object"),
        (["x"], "operation 1 of the patch: is no object"),
    ],
)
def test_a_patch_that_cannot_be_applied_changes_nothing(
    operations: list[Any], message: str, admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()

    answer = patch(admin_client, f"{URL}/{job.uid}", *operations)

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(message)
    assert services.jobs.get(job.uid).version == 1


def test_only_a_json_patch_is_taken(admin_client: FlaskClient, make_job: MakeJob) -> None:
    answer = patch(admin_client, f"{URL}/{make_job().uid}", put("/name", "x"), content_type="application/json")

    message = "the body must be application/json-patch+json"
    assert answer.get_json() == plain(415, "Unsupported Media Type", message)
