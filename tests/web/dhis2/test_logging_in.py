"""What DHIS2's apps call when somebody has to log in."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.fakes import FakeClock
from tests.web.conftest import PASSWORD

LOGIN = "/api/auth/login"
ADA = {"username": "ada", "password": PASSWORD}
APP = {"X-Requested-With": "XMLHttpRequest", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("path", ["/api/loginConfig", "/api/41/loginConfig"])
def test_a_login_form_is_told_what_to_show(path: str, client: FlaskClient) -> None:
    assert client.get(path).get_json() == {
        "apiVersion": "2.40.4",
        "applicationTitle": "Carillon",
        "uiLocale": "en",
        "emailConfigured": False,
        "selfRegistrationEnabled": False,
        "selfRegistrationNoRecaptcha": False,
        "oidcProviders": [],
    }


def test_an_app_logs_in_and_goes_on_under_the_session(client: FlaskClient) -> None:
    assert client.get("/api/system/info", headers=APP).status_code == 401

    answer = client.post(LOGIN, json=ADA, headers=APP)

    assert (answer.status_code, answer.get_json()) == (200, {"loginStatus": "SUCCESS", "redirectUrl": "/"})
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert client.get("/api/me?fields=username").get_json() == {"username": "ada"}
    assert client.get("/jobs").status_code == 200
    assert client.post("/api/jobConfigurations/clean", headers=APP).status_code == 204
    assert client.post("/api/jobConfigurations/clean").status_code == 403  # who knows which page sent that


def test_a_login_ends_the_session_before_it(client: FlaskClient, services: Services) -> None:
    client.post(LOGIN, json=ADA, headers=APP)
    with client.session_transaction() as session:
        first = session["login"]

    client.post(LOGIN, json=ADA | {"username": "uma"}, headers=APP)

    assert services.users.of_session(first) is None
    assert client.get("/api/me?fields=username").get_json() == {"username": "uma"}


@pytest.mark.parametrize(
    "body", [ADA | {"password": "wrong"}, ADA | {"username": "nobody"}, {"username": "ada"}, {"username": None}, {}]
)
def test_wrong_credentials_are_all_told_the_same(body: dict[str, Any], client: FlaskClient) -> None:
    answer = client.post(LOGIN, json=body, headers=APP)

    assert "Set-Cookie" not in answer.headers
    if body.get("username", "") is None:
        assert answer.status_code == 400
        return
    assert (answer.status_code, answer.get_json()) == (
        401,
        {"httpStatus": "Unauthorized", "httpStatusCode": 401, "status": "ERROR", "message": "Bad credentials"},
    )


def test_guessing_is_slowed_down(client: FlaskClient, clock: FakeClock) -> None:
    for _ in range(10):
        client.post(LOGIN, json=ADA | {"password": "wrong"}, headers=APP)

    assert client.post(LOGIN, json=ADA, headers=APP).status_code == 401
    clock.advance(seconds=61)
    assert client.post(LOGIN, json=ADA, headers=APP).status_code == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": "username=ada", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"json": {"username": ["ada"], "password": {}}}, 400),
        ({"json": ADA, "headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ({"json": ADA, "headers": {"Origin": "http://evil.test"}}, 403),
    ],
)
def test_what_is_no_login_is_refused(options: dict[str, Any], status: int, client: FlaskClient) -> None:
    answer = client.post(LOGIN, **options)

    assert (answer.status_code, answer.get_json()["status"]) == (status, "ERROR")
    assert "Set-Cookie" not in answer.headers


def test_a_login_leads_to_the_app_where_there_is_one(client: FlaskClient, services: Services, tmp_path: Any) -> None:
    services.settings = replace(services.settings, dhis2_app_dir=tmp_path)

    assert client.post(LOGIN, json=ADA, headers=APP).get_json()["redirectUrl"] == "/apps/scheduler/"
