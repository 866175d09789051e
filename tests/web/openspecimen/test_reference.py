"""What the reference document of OpenSpecimen promises, read from top to bottom, and the addresses around it."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import CSV, MakeJob, Play
from tests.web.openspecimen.test_jobs import ROOTS

DOCUMENTED = {
    ("POST", "/scheduled-jobs/{jobId}/runs"),
    ("GET", "/scheduled-jobs/{jobId}/runs"),
    ("GET", "/scheduled-jobs/{jobId}/runs/{runId}/result-file"),
}
OF_A_REAL_SERVER = {
    ("POST", "/sessions"),
    ("DELETE", "/sessions"),
    ("GET", "/scheduled-jobs"),
    ("POST", "/scheduled-jobs"),
    ("GET", "/scheduled-jobs/count"),
    ("GET", "/scheduled-jobs/{jobId}"),
    ("PUT", "/scheduled-jobs/{jobId}"),
    ("DELETE", "/scheduled-jobs/{jobId}"),
    ("GET", "/scheduled-jobs/{jobId}/runs/{runId}"),
}


@pytest.mark.parametrize("root", ROOTS)
def test_every_address_is_served(root: str, app: Flask) -> None:
    served = {
        (method, re.sub(r"<(\w+)_id>", r"{\1Id}", rule.rule.removeprefix(root)))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("openspecimen.") and rule.rule.startswith((f"{root}/scheduled", f"{root}/sessions"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert served == DOCUMENTED | OF_A_REAL_SERVER


def test_executing_jobs_on_demand(user_client: FlaskClient, make_job: MakeJob) -> None:
    """A space separated list of arguments; the answer holds the details of the job."""
    job = make_job()

    answer = user_client.post(f"/scheduled-jobs/{job.id}/runs", json={"args": "south 2"})

    assert (answer.status_code, answer.get_json()["id"], answer.get_json()["name"]) == (200, job.id, job.name)
    [run] = user_client.get(f"/scheduled-jobs/{job.id}/runs").get_json()
    assert (run["rtArgs"], run["status"]) == ("south 2", "IN_PROGRESS")


@pytest.mark.parametrize("query", ["", "fromDate=20220221", "fromDate=20220221T061500", "toDate=20300221T061500"])
@pytest.mark.parametrize("status", ["", "IN_PROGRESS", "SUCCEEDED", "FAILED"])
def test_job_runs(query: str, status: str, user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    run_id = play.run(job)

    answer = user_client.get(f"/scheduled-jobs/{job.id}/runs?{query}&status={status}")

    assert answer.status_code == 200
    assert [run["id"] for run in answer.get_json()] == ([run_id] if status in ("", "SUCCEEDED") else [])


def test_download_the_job_run_output(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    run_id = play.run(job, content=CSV)

    answer = user_client.get(f"/scheduled-jobs/{job.id}/runs/{run_id}/result-file", buffered=True)

    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/csv", CSV)
