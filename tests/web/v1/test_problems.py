"""Every error of /api/v1 is a problem (RFC 9457)."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import UnavailableError
from tests.web.conftest import basic

PREVIEW = "/api/v1/preview"
WEEKEND = {"kind": "weekly", "content": {"weekdays": ["SAT", "SUN"]}}


def problem(answer: Any) -> tuple[int, str, str]:
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert body["type"].startswith("http://localhost/api/docs#")
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"], body["detail"]


@pytest.mark.parametrize(
    ("method", "path", "asked", "expected"),
    [
        ("GET", "/api/v1/nowhere", {}, (404, "not_found")),
        ("GET", "/api/v1", {}, (404, "not_found")),
        ("GET", PREVIEW, {}, (405, "method_not_allowed")),
        ("GET", "/api/v1/calendars/none", {}, (404, "not_found")),
        ("POST", PREVIEW, {}, (400, "malformed")),
        ("POST", PREVIEW, {"data": "{", "content_type": "application/json"}, (400, "malformed")),
        ("POST", PREVIEW, {"json": []}, (400, "malformed")),
        ("POST", PREVIEW, {"data": "{}"}, (415, "unsupported_media_type")),
        ("POST", PREVIEW, {"data": b"x" * 2_000_000, "content_type": "application/json"}, (413, "too_large")),
        ("POST", PREVIEW, {"json": {}}, (422, "invalid")),
        ("GET", "/api/v1/calendars?x=%00", {}, (400, "malformed")),
    ],
)
def test_each_status_has_its_code(
    admin_client: FlaskClient, method: str, path: str, asked: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert problem(admin_client.open(path, method=method, **asked))[:2] == expected


def test_a_wrong_method_names_the_right_ones(admin_client: FlaskClient) -> None:
    allowed = admin_client.get(PREVIEW).headers["Allow"]

    assert set(allowed.split(", ")) == {"OPTIONS", "POST"}


def test_nobody_is_challenged_but_not_by_a_script(client: FlaskClient) -> None:
    asked = client.post(PREVIEW, json={})
    script = client.post(PREVIEW, json={}, headers={"X-Requested-With": "XMLHttpRequest"})

    assert problem(asked) == problem(script) == (401, "unauthenticated", "log in first")
    assert asked.headers["WWW-Authenticate"] == 'Basic realm="Carillon"'
    assert "WWW-Authenticate" not in script.headers


def test_a_user_may_not_edit(user_client: FlaskClient) -> None:
    assert problem(user_client.put("/api/v1/calendars/x", json=WEEKEND))[:2] == (403, "forbidden")


def test_a_session_must_prove_that_our_own_page_asks(app: Flask, services: Services) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["login"] = services.users.open_session(services.users.get("ada"))

    assert problem(client.put("/api/v1/calendars/x", json=WEEKEND))[:2] == (403, "cross_origin")
    own = client.put("/api/v1/calendars/x", json=WEEKEND, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 201


def test_a_standby_says_when_to_ask_again(services: Services, admin_client: FlaskClient) -> None:
    services.keeper.active = False

    answer = admin_client.put("/api/v1/calendars/x", json=WEEKEND)

    assert problem(answer)[:2] == (503, "standby")
    assert answer.headers["Retry-After"] == "2"
    assert admin_client.get("/api/v1/calendars").status_code == 200


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(UnavailableError("busy"), (503, "unavailable", "busy")), (RuntimeError("secret"), (500, "internal"))],
)
def test_faults_of_ours_tell_nothing(
    services: Services, admin_client: FlaskClient, raised: Exception, expected: tuple[Any, ...]
) -> None:
    def fail() -> None:
        raise raised

    services.calendars.by_id = fail  # type: ignore[method-assign, assignment]

    answer = admin_client.get("/api/v1/calendars")

    assert problem(answer)[: len(expected)] == expected
    assert b"secret" not in answer.data


def test_a_wrong_password_is_nobody(client: FlaskClient) -> None:
    assert problem(client.get("/api/v1/calendars", auth=basic("ada", "wrong")))[0] == 401
