"""One table of bad situations that every dialect is asked; each answers in its own manner, and nothing changes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.bootstrap import Services
from app.core.errors import UnavailableError
from app.core.models import Job
from app.core.runs import RunFilter
from tests.web.conftest import MakeJob, basic, sql

HUGE = "9" * 400


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    body: bytes | None = None
    content_type: str | None = "application/json"
    user: str | None = "ada"
    headers: dict[str, str] = field(default_factory=dict)


def ask(app: Flask, question: Ask) -> TestResponse:
    auth = basic(question.user) if question.user else None
    return app.test_client().open(
        question.path,
        method=question.method,
        data=question.body,
        content_type=question.content_type if question.body is not None else None,
        headers=question.headers,
        auth=auth,
    )


def body(**members: Any) -> bytes:
    wanted = {"name": "new", "jobType": "SQL_EXPORT", "cronExpression": "0 0 3 * * ?", "jobParameters": sql()}
    return json.dumps(wanted | members).encode()


DHIS2, OPENSPECIMEN = "/api/jobConfigurations", "/rest/ng/scheduled-jobs"

# name: (question to DHIS2, its status, its words), the same for OpenSpecimen. <uid> and <id> are those of a job.
TABLE: dict[str, tuple[tuple[Ask, int, str], tuple[Ask, int, str]]] = {
    "unknown id": (
        (Ask("GET", f"{DHIS2}/KBcP6Qw37gT"), 404, "JobConfiguration with id KBcP6Qw37gT could not be found."),
        (Ask("GET", f"{OPENSPECIMEN}/77"), 400, "SCHEDULED_JOB_NOT_FOUND"),
    ),
    "unknown id to run": (
        (Ask("POST", f"{DHIS2}/KBcP6Qw37gT/execute"), 404, "JobConfiguration with id KBcP6Qw37gT could not be found."),
        (Ask("POST", f"{OPENSPECIMEN}/77/runs", b"{}"), 400, "SCHEDULED_JOB_NOT_FOUND"),
    ),
    "an id of another kind": (
        (Ask("GET", f"{DHIS2}/1"), 404, "could not be found"),
        (Ask("GET", f"{OPENSPECIMEN}/x"), 400, "INVALID_REQUEST"),
    ),
    "huge id": (
        (Ask("GET", f"{DHIS2}/{HUGE}"), 404, "could not be found"),
        (Ask("GET", f"{OPENSPECIMEN}/{HUGE}"), 400, "SCHEDULED_JOB_NOT_FOUND"),
    ),
    "huge number in the address": (
        (Ask("GET", f"/api/{HUGE}/jobConfigurations/x"), 404, "could not be found"),
        (Ask("GET", f"{OPENSPECIMEN}/<id>/runs/{HUGE}"), 400, "SCHEDULED_JOB_JOB_RUN_NOT_FOUND"),
    ),
    "malformed JSON": (
        (Ask("POST", DHIS2, b'{"name": "x",'), 409, "the body is no JSON"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": '), 400, "INVALID_REQUEST"),
    ),
    "another kind of JSON": (
        (Ask("PUT", f"{DHIS2}/<uid>", b"[]"), 409, "the body must be a JSON object"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'"args"'), 400, "the body must be a JSON object"),
    ),
    "deep JSON": (
        (Ask("POST", DHIS2, b'{"a":' * 5000), 409, "the JSON is nested too deeply"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b"[" * 5000), 400, "the JSON is nested too deeply"),
    ),
    "no UTF-8": (
        (Ask("POST", DHIS2, b'{"name": "\xff"}'), 409, "the body is no JSON"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": "\xff"}'), 400, "INVALID_REQUEST"),
    ),
    "half a character": (
        (Ask("POST", DHIS2, body(name="\ud800")), 409, "the body is no JSON"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": "\\ud800"}'), 400, "INVALID_REQUEST"),
    ),
    "NUL": (
        (Ask("POST", DHIS2, body(description="\x00")), 409, "a text holds a NUL character"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": "\\u0000"}'), 400, "a text holds a NUL character"),
    ),
    "no number": (
        (Ask("POST", DHIS2, b'{"delay": NaN}'), 409, "NaN is no JSON number"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": Infinity}'), 400, "Infinity is no JSON number"),
    ),
    "huge number": (
        (Ask("POST", DHIS2, body(delay=10**30)), 409, "delay: Not a valid integer."),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": 1e999}'), 400, "the number 1e999 is too large"),
    ),
    "very huge number": (
        (Ask("POST", DHIS2, b'{"delay": ' + b"9" * 5000 + b"}"), 409, "the body is no JSON"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": ' + b"9" * 5000 + b"}"), 400, "INVALID_REQUEST"),
    ),
    "wrong type": (
        (Ask("POST", DHIS2, body(jobParameters=[])), 409, "jobParameters: Not a valid mapping type."),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": {}}'), 400, "INVALID_REQUEST"),
    ),
    "wrong truth": (
        (Ask("PUT", f"{DHIS2}/<uid>", body(enabled="maybe")), 409, "enabled: Not a valid boolean."),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": true}'), 400, "INVALID_REQUEST"),
    ),
    "list for a text": (
        (Ask("PUT", f"{DHIS2}/<uid>", body(name=["x"])), 409, "name: Not a valid string."),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": []}'), 400, "INVALID_REQUEST"),
    ),
    "unknown enum": (
        (
            Ask("POST", DHIS2, body(jobType="NOPE")),
            409,
            'Cannot deserialize value of type `org.hisp.dhis.scheduling.JobType` from String "NOPE": '
            "not one of the values accepted for Enum class: [SQL_EXPORT]",
        ),
        (Ask("GET", f"{OPENSPECIMEN}?type=NOPE"), 400, "INVALID_REQUEST"),
    ),
    "another unknown enum": (
        (Ask("POST", DHIS2, body(schedulingType="NOPE")), 409, "schedulingType: Must be one of"),
        (Ask("GET", f"{OPENSPECIMEN}/<id>/runs?status=running"), 400, "INVALID_REQUEST"),
    ),
    "empty body": (
        (Ask("POST", DHIS2, b""), 409, "the body is empty"),
        (Ask("POST", "/sessions", b""), 400, "the body is empty"),
    ),
    "wrong content type": (
        (Ask("POST", DHIS2, body(), "text/plain"), 415, "the body must be application/json"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": ""}', "text/xml"), 415, "UNSUPPORTED_MEDIA_TYPE"),
    ),
    "no content type": (
        (Ask("PUT", f"{DHIS2}/<uid>", body(), None), 415, "the body must be application/json"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b'{"args": ""}', None), 415, "UNSUPPORTED_MEDIA_TYPE"),
    ),
    "large body": (
        (Ask("POST", DHIS2, b" " * 1_100_000), 413, "exceeds the capacity limit"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", b" " * 1_100_000), 413, "REQUEST_ENTITY_TOO_LARGE"),
    ),
    "wrong method": (
        (Ask("PATCH", f"{DHIS2}/<uid>", b"[]"), 405, "The method is not allowed"),
        (Ask("PATCH", f"{OPENSPECIMEN}/<id>", b"{}"), 405, "METHOD_NOT_ALLOWED"),
    ),
    "not yet": (
        (Ask("GET", f"{DHIS2}/<uid>/execute"), 405, "The method is not allowed"),
        (Ask("DELETE", OPENSPECIMEN, b"{}"), 405, "METHOD_NOT_ALLOWED"),
    ),
    "unknown address": (
        (Ask("GET", f"{DHIS2}/<uid>/nothing"), 404, "The requested URL was not found"),
        (Ask("GET", f"{OPENSPECIMEN}/<id>/nothing"), 400, "NOT_FOUND"),
    ),
    "no credentials": (
        (Ask("GET", DHIS2, user=None), 401, "log in first"),
        (Ask("GET", OPENSPECIMEN, user=None), 401, "UNAUTHORIZED"),
    ),
    "wrong credentials": (
        (Ask("GET", DHIS2, user="nobody"), 401, "log in first"),
        (Ask("POST", f"{OPENSPECIMEN}/<id>/runs", user="nobody"), 401, "UNAUTHORIZED"),
    ),
    "a browser's page from elsewhere": (
        (Ask("POST", f"{DHIS2}/<uid>/execute", headers={"Origin": "http://evil.test"}), 403, "Carillon's own pages"),
        (
            Ask("POST", f"{OPENSPECIMEN}/<id>/runs", headers={"Origin": "http://evil.test"}),
            400,
            "RBAC_ACCESS_DENIED",
        ),
    ),
    "NUL in the address": (
        (Ask("GET", f"{DHIS2}/1%00"), 400, "the address holds a NUL character"),
        (Ask("GET", f"{OPENSPECIMEN}?query=%00"), 400, "the address holds a NUL character"),
    ),
    "no UTF-8 in the address": (
        (Ask("GET", f"{DHIS2}?filter=name:eq:%ff&fields=%ff[%5d"), 200, "jobConfigurations"),
        (Ask("GET", f"{OPENSPECIMEN}?query=%ff"), 200, "[]"),
    ),
}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job()


@pytest.fixture
def nothing_changes(job: Job, services: Services) -> Iterator[None]:
    before = services.jobs.get(job.uid)
    yield
    after = services.jobs.get(job.uid)
    assert (after.name, after.parameters, after.version, after.enabled) == (
        before.name, before.parameters, before.version, before.enabled
    )  # fmt: skip
    assert services.jobs.count() == 1
    assert services.runs.list(RunFilter()) == []


def asked(app: Flask, question: Ask, job: Job) -> TestResponse:
    path = question.path.replace("<uid>", job.uid).replace("<id>", str(job.id))
    return ask(app, Ask(**{**question.__dict__, "path": path}))


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("question", "status", "words"), [row[0] for row in TABLE.values()], ids=TABLE.keys())
def test_dhis2_answers_with_a_web_message(question: Ask, status: int, words: str, app: Flask, job: Job) -> None:
    response = asked(app, question, job)

    assert response.status_code == status, response.get_data(as_text=True)
    assert words in response.get_data(as_text=True).replace('\\"', '"')
    if status >= 400:
        answer = response.get_json()
        assert (answer["httpStatusCode"], answer["status"]) == (status, "ERROR")
        assert answer.keys() >= {"httpStatus", "message"}


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("question", "status", "words"), [row[1] for row in TABLE.values()], ids=TABLE.keys())
def test_openspecimen_answers_with_an_array(question: Ask, status: int, words: str, app: Flask, job: Job) -> None:
    response = asked(app, question, job)

    assert response.status_code == status, response.get_data(as_text=True)
    assert words in response.get_data(as_text=True)
    if status >= 400:
        [problem] = response.get_json()
        assert problem.keys() == {"code", "message"}


CHANGES = {
    "create": Ask("POST", DHIS2, body(), user="uma"),
    "update": Ask("PUT", f"{DHIS2}/<uid>", body(), user="uma"),
    "delete": Ask("DELETE", f"{DHIS2}/<uid>", user="uma"),
    "enable": Ask("POST", f"{DHIS2}/<uid>/enable", user="uma"),
    "disable": Ask("POST", f"{DHIS2}/<uid>/disable", user="uma"),
}


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("question", CHANGES.values(), ids=CHANGES.keys())
def test_a_user_changes_nothing(question: Ask, app: Flask, job: Job) -> None:
    response = asked(app, question, job)

    assert response.status_code == 403
    assert response.headers["Cache-Control"] == "no-cache, private"
    assert response.get_json() == {
        "httpStatus": "Forbidden",
        "httpStatusCode": 403,
        "status": "ERROR",
        "message": "your role does not allow this; an administrator can do it",
        "errorCode": "E1006",
    }


@pytest.mark.parametrize("path", [DHIS2, OPENSPECIMEN])
def test_nobody_is_challenged_unless_a_script_asks(path: str, client: FlaskClient) -> None:
    assert client.get(path).headers["WWW-Authenticate"] == 'Basic realm="Carillon"'
    for script in ({"X-Requested-With": "XMLHttpRequest"}, {"X-OS-API-CLIENT": "webui"}):
        assert "WWW-Authenticate" not in client.get(path, headers=script).headers


@pytest.mark.parametrize("path", [f"{DHIS2}/x/execute", OPENSPECIMEN])
def test_a_wrong_method_says_which_are_right(path: str, admin_client: FlaskClient) -> None:
    assert set(admin_client.patch(path).headers["Allow"].split(", ")) & {"GET", "POST"}


@pytest.mark.parametrize("path", [DHIS2, OPENSPECIMEN])
def test_a_fault_of_ours_tells_nothing(
    path: str, admin_client: FlaskClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    services.jobs = None  # type: ignore[assignment]

    response = admin_client.get(path)

    assert response.status_code == 500
    assert "NoneType" not in response.get_data(as_text=True)
    assert "NoneType" in caplog.text


@pytest.mark.parametrize("path", [DHIS2, OPENSPECIMEN])
def test_a_database_that_is_away_is_no_fault_of_ours(path: str, admin_client: FlaskClient, services: Services) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            raise UnavailableError("the database does not answer in time; try again")

    services.jobs = Away()  # type: ignore[assignment]

    response = admin_client.get(path)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "the database does not answer in time; try again" in response.get_data(as_text=True)
