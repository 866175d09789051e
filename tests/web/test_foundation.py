"""What holds for every address: rights, headers, hosts, origins, health, unknown addresses."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.web.auth import Right
from app.web.security import CSP
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, basic

ENDPOINTS_OF_FLASK = {"static"}


def test_every_view_declares_its_right(app: Flask) -> None:
    undeclared = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if not isinstance(getattr(app.view_functions[rule.endpoint], "right", None), Right)
    }

    assert undeclared == ENDPOINTS_OF_FLASK


def test_only_these_need_no_login(app: Flask) -> None:
    public = {
        name for name, view in app.view_functions.items() if getattr(view, "right", Right.SEE) is Right.NONE
    }  # fmt: skip

    assert {name.rpartition(".")[2] for name in public} <= {
        "healthz", "readyz", "livez", "metrics", "package", "login", "log_in", "log_out", "create", "create_session",
        "open_session", "delete", "log_in_again", "close_session", "favicon", "login_config",
    }  # fmt: skip


def test_nobody_may_change_anything(app: Flask, client: FlaskClient) -> None:
    """Every address that changes something answers who is not logged in with 401, or sends to the login page."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "right", Right.NONE) is Right.NONE:
            continue
        path = re.sub(r"<(?:int:)?\w+>", "1", re.sub(r"<\w+:(\w+)>", r"<\1>", rule.rule))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method, environ_base={"REMOTE_ADDR": "192.0.2.1"})
            assert answer.status_code in (303, 400, 401, 403), (method, path, answer.status_code)


def test_the_scheduler_api_is_off(app: Flask) -> None:
    """Flask-APScheduler's own API runs any function that a caller names."""
    assert app.config["SCHEDULER_API_ENABLED"] is False
    assert app.config["SCHEDULER_VIEWS_ENABLED"] is False
    assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/scheduler")]


@pytest.mark.parametrize(
    "path", ["/healthz", "/login", "/", "/nowhere", "/api/jobConfigurations", "/api/nowhere", "/scheduled-jobs"]
)
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == CSP
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"].startswith("no-")
    assert "Access-Control-Allow-Origin" not in headers
    assert "unsafe" not in CSP


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"])
def test_our_own_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code != 421


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.nip.io",
        "localhost.evil",
        "localhost.",
        "user@localhost",
        "192.0.2.1",
        "",
        "[::1]evil.com",
        "[::1",
        "localhost:evil",
        "localhost:80@evil.com",
        "127.0.0.1:80, evil.com",
    ],
)
def test_other_names_are_refused(client: FlaskClient, host: str) -> None:
    answer = client.get("/healthz", headers={"Host": host}, environ_overrides={"HTTP_HOST": host or "evil.example"})

    assert answer.status_code == 421


class TestChangesFromABrowser:
    @pytest.fixture
    def path(self, make_job: MakeJob) -> str:
        return f"/api/jobConfigurations/{make_job().uid}/execute"

    @pytest.fixture
    def logged_in(self, app: Flask, services: Services) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session["login"] = services.users.open_session(services.users.get("ada"))
        return client

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 403),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site"}, 403),
            ({"Origin": "http://localhost"}, 200),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ],
    )
    def test_a_session_proves_that_our_own_page_asks(
        self, logged_in: FlaskClient, path: str, headers: dict[str, str], status: int
    ) -> None:
        assert logged_in.post(path, headers=headers).status_code == status

    def test_a_remembered_password_is_no_proof(self, client: FlaskClient, path: str) -> None:
        assert client.post(path, auth=basic("ada"), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.post(path, auth=basic("ada")).status_code == 200

    def test_a_token_is_proof_enough(self, services: Services, client: FlaskClient, path: str) -> None:
        _, secret = services.users.add_token("ada", "script")

        assert client.post(path, headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_a_wrong_token_is_nobody(client: FlaskClient) -> None:
    answer = client.get("/api/jobConfigurations", headers={"Authorization": "Bearer crl_guess"})

    assert answer.status_code == 401


def test_a_standby_answers_reads_and_refuses_changes(
    services: Services, admin_client: FlaskClient, make_job: MakeJob
) -> None:
    job = make_job()
    services.keeper.active = False

    assert admin_client.get("/api/jobConfigurations").status_code == 200
    for path in (f"/api/jobConfigurations/{job.uid}/execute", f"/scheduled-jobs/{job.id}/runs"):
        answer = admin_client.post(path, json={})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def shape(answer: Any) -> object:
    return sorted(answer.get_json()) if answer.is_json and isinstance(answer.get_json(), dict) else answer.mimetype


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/api/jobConfigurations/a/b/c", 404, ["errorCode", "httpStatus", "httpStatusCode", "message", "status"]),
        ("/api/42/nowhere", 404, ["errorCode", "httpStatus", "httpStatusCode", "message", "status"]),
        ("/api/nowhere", 404, ["error"]),
        ("/scheduled-jobs/1/2/3", 400, "application/json"),
        ("/nowhere", 404, "text/html"),
    ],
)
def test_unknown_addresses_are_answered_in_the_manner_of_their_dialect(
    admin_client: FlaskClient, path: str, status: int, expected: object
) -> None:
    answer = admin_client.get(path)

    assert answer.status_code == status
    assert shape(answer) == expected or set(answer.get_json()) <= set(expected)  # type: ignore[call-overload]


def test_a_large_body_is_refused(admin_client: FlaskClient) -> None:
    answer = admin_client.post(
        "/api/jobConfigurations", data=b"x" * 2_000_000, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (409, 413)


def test_htmx_comes_from_an_installed_package(client: FlaskClient) -> None:
    page = client.get("/login").get_data(as_text=True)
    [path] = re.findall(r'src="(/assets/[^"]+/htmx\.js)"', page)

    with client.get(path) as answer:
        assert b"htmx" in answer.data[:2000]
        assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/assets/x/other.js").status_code == 404


def test_an_old_session_is_over(app: Flask, services: Services, clock: FakeClock) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["login"] = services.users.open_session(services.users.get("ada"))
    assert client.get("/api/jobConfigurations").status_code == 200

    clock.advance(days=8)

    assert client.get("/api/jobConfigurations").status_code == 401


@pytest.mark.parametrize("name", ["Origin", "Referer", "HX-Current-URL"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/nope"), ("POST", "/login"), ("POST", "/sessions")])
def test_an_address_that_is_none_is_no_fault_of_ours(client: FlaskClient, name: str, method: str, path: str) -> None:
    answer = client.open(path, method=method, headers={name: "http://[x", "HX-Request": "true"}, json={})

    assert answer.status_code < 500
    assert answer.headers["Content-Security-Policy"] == CSP


@pytest.mark.parametrize("place", ["path", "query", "form"])
def test_a_nul_character_is_refused(app: Flask, services: Services, place: str) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["login"] = services.users.open_session(services.users.get("ada"))
    path = {"path": "/jobs/a%00b", "query": "/jobs?text=a%00b", "form": "/jobs/new"}[place]
    form = {"description": "a\0b"} if place == "form" else None

    answer = client.open(path, method="POST" if form else "GET", data=form)

    assert answer.status_code == 400
