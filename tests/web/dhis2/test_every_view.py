"""Every view of the dialect, asked badly: a WebMessage with the right status, never a fault of ours."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.bootstrap import Services
from app.core.runs import RunFilter
from app.web.auth import Right
from tests.web.conftest import MakeJob

VALUES = {"uid": "KBcP6Qw37gT", "name": "ANALYTICS_TABLE"}
JUNK = "fields=[a,b[&filter=x&filter=name:eq&order=name:up&page=x&pageSize=-1&seconds=x&from=x&type=x&paging=x"
BODIES = {
    "nothing": b"",
    "no JSON": b'{"name": ',
    "a list": b"[]",
    "a number": b"7",
    "a deep one": b'{"a":' * 5000,
    "other types": b'{"name": [], "cronExpression": {}, "sequence": 7, "jobParameters": "x"}',
    "a huge number": b'{"delay": ' + b"9" * 400 + b"}",
}


def rules(app: Flask) -> dict[str, Rule]:
    """One address of each view: the plain one."""
    found: dict[str, Rule] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("dhis2.") and "version" not in rule.arguments:
            found.setdefault(rule.endpoint, rule)
    return found


def questions(app: Flask, *methods: str) -> list[tuple[str, str, Right]]:
    asked = []
    for endpoint, rule in rules(app).items():
        right: Right = app.view_functions[endpoint].right  # type: ignore[attr-defined]
        with app.test_request_context():
            path = rule.build({name: VALUES[name] for name in rule.arguments})[1]  # type: ignore[index]
        asked += [(method, path, right) for method in methods if method in (rule.methods or ())]
    return asked


def is_web_message(answer: Any, status: int) -> bool:
    body = answer.get_json()
    return body["httpStatusCode"] == status and body["status"] == "ERROR" and bool(body["message"])


ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")


def test_nobody_gets_an_answer(app: Flask, client: FlaskClient) -> None:
    asked = [(method, path) for method, path, right in questions(app, *ALL) if right > Right.NONE]
    assert len(asked) > 40
    for method, path in asked:
        answer = client.open(path, method=method)

        assert (method, path, answer.status_code) == (method, path, 401)
        assert is_web_message(answer, 401)


def test_a_user_changes_nothing(app: Flask, user_client: FlaskClient) -> None:
    asked = [(method, path) for method, path, right in questions(app, *ALL) if right is Right.EDIT]
    assert len(asked) > 10
    for method, path in asked:
        answer = user_client.open(path, method=method)

        assert (method, path, answer.status_code) == (method, path, 403)
        assert is_web_message(answer, 403)


def test_an_unknown_job_is_not_found(app: Flask, admin_client: FlaskClient) -> None:
    asked = [(method, path) for method, path, _ in questions(app, *ALL) if VALUES["uid"] in path]
    assert len(asked) > 10
    for method, path in asked:
        answer = admin_client.open(path, method=method, data=b"{}", content_type="application/json")

        assert (method, path, answer.status_code) == (method, path, 404)
        assert answer.get_json() == {
            "httpStatus": "Not Found",
            "httpStatusCode": 404,
            "status": "ERROR",
            "message": "JobConfiguration with id KBcP6Qw37gT could not be found.",
            "errorCode": "E1005",
        }


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("content_type", ["application/json", "application/json-patch+json", "text/plain"])
def test_a_bad_body_is_the_clients_fault(
    body: bytes, content_type: str, app: Flask, admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(uid=VALUES["uid"])
    for method, path, _ in questions(app, "POST", "PUT", "PATCH"):
        if path.endswith(("/execute", "/enable", "/disable", "/cancel", "/revert", "/clean")) or "/scheduling/" in path:
            continue  # they read no body
        answer = admin_client.open(path, method=method, data=body, content_type=content_type)

        assert 200 <= answer.status_code < 500, (method, path, answer.status_code)
        assert answer.status_code == 200 or is_web_message(answer, answer.status_code), (method, path)
    after = services.jobs.get(job.uid)
    assert (after.name, after.parameters) == (job.name, job.parameters)
    assert services.jobs.count() == 1
    assert services.runs.list(RunFilter()) == []


def test_a_strange_question_is_answered(app: Flask, user_client: FlaskClient, make_job: MakeJob) -> None:
    make_job(uid=VALUES["uid"])
    for _, path, _ in questions(app, "GET"):
        answer = user_client.get(f"{path}?{JUNK}")

        assert answer.status_code in (200, 400, 404), (path, answer.status_code)
        assert answer.mimetype == "application/json"
        assert answer.status_code == 200 or is_web_message(answer, answer.status_code)
