"""The id of a request, and a line for each where that is wanted"""

import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.web import attach
from config import Settings
from tests.web.conftest import MakeJob, Play, basic


def test_each_answer_carries_an_id(client: FlaskClient) -> None:
    first, second = (client.get("/healthz").headers["X-Request-Id"] for _ in range(2))

    assert re.fullmatch(r"[0-9a-f]{8}", first)
    assert first != second
    assert client.get("/healthz", headers={"Host": "evil.example"}).headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("given", "kept"), [("a.proxy-s_ID1", True), ("x" * 65, False), ("a b", False), ("{}", False), ("", False)]
)
def test_an_id_that_somebody_brings_is_kept_if_it_looks_like_one(given: str, kept: bool, client: FlaskClient) -> None:
    answered = client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]

    assert (answered == given) is kept


def test_an_unexpected_fault_is_logged_under_the_number_that_is_shown(
    admin_client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**given: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(services.jobs, "list", fail)
    answer = admin_client.get("/jobs", headers={"X-Request-Id": "the-id"})

    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "the-id")
    assert "Error number <code>the-id</code>" in answer.text


def test_a_request_is_a_line_with_who_asked_and_without_its_query(
    app: Flask, services: Services, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    object.__setattr__(services.settings, "access_log", True)
    attach(app, services)

    with caplog.at_level(logging.INFO, "carillon.access"):
        app.test_client().get("/jobs?text=secret", auth=basic("ada"))

    (record,) = [one for one in caplog.records if one.name == "carillon.access"]
    said = vars(record)
    assert (said["method"], said["path"], said["status"], said["user"]) == ("GET", "/jobs", 200, "ada")
    assert "secret" not in record.getMessage()


def test_usually_requests_are_no_lines(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "carillon.access"):
        client.get("/login")

    assert [one for one in caplog.records if one.name == "carillon.access"] == []


def test_the_end_of_a_run_is_a_line_with_its_ids(
    play: Play, make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    job: Job = make_job()

    with caplog.at_level(logging.INFO, "app.core.recording"):
        run_id = play.run(job)

    (record,) = [one for one in caplog.records if one.name == "app.core.recording"]
    said = vars(record)
    assert (said["run_id"], said["job_id"], said["status"]) == (run_id, job.id, "succeeded")
    assert said["fire_id"] > 0
