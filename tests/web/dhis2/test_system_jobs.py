"""/api/jobConfigurations: the jobs that the system made."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.runs import RunFilter
from tests.web.dhis2.test_job_configurations import envelope, plain

URL = "/api/jobConfigurations"
ALERT = f"{URL}/fUWM1At1TUx"
JOBS = {
    "DHIS2rocks1": ("Housekeeping", "HOUSEKEEPING", None),
    "D2datatrim8": ("Data value trim", "DATA_VALUE_TRIM", "0 0 1 ? * *"),
    "YvAwAmrqAtN": ("Dataset notification", "DATA_SET_NOTIFICATION", "0 0 2 ? * *"),
    "sHMedQF7VYa": ("Credentials expiry alert", "CREDENTIALS_EXPIRY_ALERT", "0 0 2 ? * *"),
    "BFa3jDsbtdO": ("Data statistics", "DATA_STATISTICS", "0 0 2 ? * *"),
    "pd6O228pqr0": ("File resource clean up", "FILE_RESOURCE_CLEANUP", "0 0 2 ? * *"),
    "fUWM1At1TUx": ("User account expiry alert", "ACCOUNT_EXPIRY_ALERT", "0 0 2 ? * *"),
    "Js3vHn2AVuG": ("Validation result notification", "VALIDATION_RESULTS_NOTIFICATION", "0 0 7 ? * *"),
    "uwWCT2BMmlq": (
        "Remove expired or used reserved values", "REMOVE_USED_OR_EXPIRED_RESERVED_VALUES", "0 0 2 ? * *"
    ),
}  # fmt: skip
"""Those whose schedule is not drawn."""


@pytest.fixture(autouse=True)
def _system_jobs(services: Services) -> None:
    services.system_jobs.ensure()


def test_they_have_their_documented_ids(admin_client: FlaskClient) -> None:
    body = admin_client.get(f"{URL}?paging=false&filter=configurable:eq:false&fields=*").get_json()

    shown = {job["id"]: (job["name"], job["jobType"], job.get("cronExpression")) for job in body["jobConfigurations"]}
    assert shown.pop("vt21671bgno")[:2] == ("System version update check notification", "SYSTEM_VERSION_UPDATE_CHECK")
    assert shown == JOBS
    assert all(job["enabled"] for job in body["jobConfigurations"])


def test_their_types_are_not_offered(admin_client: FlaskClient) -> None:
    offered = [row["jobType"] for row in admin_client.get(f"{URL}/jobTypes").get_json()["jobTypes"]]

    assert not {job_type for _, job_type, _ in JOBS.values()} & {*offered}
    assert "HOUSEKEEPING" not in admin_client.get(f"{URL}/jobTypesExtended").get_json()


def test_nobody_makes_one(admin_client: FlaskClient) -> None:
    body = {"name": "mine", "jobType": "DATA_STATISTICS", "cronExpression": "0 0 4 ? * *"}

    answer = admin_client.post(URL, json=body)

    assert answer.get_json() == plain(409, "Conflict", "Job mine must be configurable but was not.", "E1004")


@pytest.mark.parametrize("whole", [True, False], ids=["as it was read", "the schedule alone"])
def test_their_schedule_can_be_changed(whole: bool, admin_client: FlaskClient) -> None:
    body: dict[str, Any] = admin_client.get(ALERT).get_json() if whole else {}

    answer = admin_client.put(ALERT, json=body | {"cronExpression": "0 0 4 ? * *"})

    assert (answer.status_code, answer.get_json()) == (200, envelope(200, "OK", "fUWM1At1TUx"))
    assert admin_client.get(f"{ALERT}?fields=name,cronExpression,nextExecutionTime").get_json() == {
        "name": "User account expiry alert",
        "nextExecutionTime": "2026-03-03T04:00:00.000",
        "cronExpression": "0 0 4 ? * *",
    }


@pytest.mark.parametrize("change", [{"name": "mine"}, {"enabled": False}, {"description": "x"}])
def test_nothing_else_can(change: dict[str, Any], admin_client: FlaskClient) -> None:
    before = admin_client.get(ALERT).get_json()

    answer = admin_client.put(ALERT, json=before | change)

    message = "Job fUWM1At1TUx is a system job that cannot be modified."
    assert answer.get_json() == plain(409, "Conflict", message, "E1004")
    assert admin_client.get(ALERT).get_json() == before


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [("POST", "/enable", "modified"), ("POST", "/disable", "modified"), ("DELETE", "", "deleted")],
)
def test_they_are_always_there_and_always_on(method: str, path: str, what: str, admin_client: FlaskClient) -> None:
    answer = admin_client.open(ALERT + path, method=method)

    message = f"Job fUWM1At1TUx is a system job that cannot be {what}."
    assert answer.get_json() == plain(409, "Conflict", message, "E1004")


def test_no_other_job_becomes_one(admin_client: FlaskClient) -> None:
    made = admin_client.post(URL, json={"name": "a", "jobType": "RESOURCE_TABLE", "cronExpression": "0 0 4 ? * *"})
    uid = made.get_json()["response"]["uid"]

    answer = admin_client.put(f"{URL}/{uid}", json={"name": "a", "jobType": "DATA_STATISTICS"})

    message = f"Job {uid} can not be changed into a system job."
    assert answer.get_json() == plain(409, "Conflict", message, "E1004")


def test_they_can_be_executed(user_client: FlaskClient, services: Services) -> None:
    assert user_client.post(f"{ALERT}/execute").status_code == 200

    [run] = services.runs.list(RunFilter())
    assert (run.job_type, run.requested_by) == ("ACCOUNT_EXPIRY_ALERT", "uma")
