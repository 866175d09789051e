"""Who may use the control API: programs on this machine, and nobody else."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import UnavailableError
from config import Settings
from tests.web.conftest import MakeJob, basic

PATHS = ["/api", "/api/", "/api/jobs", "/api/add/1", "/api/run/1/delay/5/", "/api/delete"]
HERE = ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"]
ELSEWHERE = ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "fe80::1", "0.0.0.0", "", "localhost.evil"]
HEADERS = {
    "origin": {"Origin": "http://localhost:8080"},
    "no origin": {"Origin": "null"},
    "referer": {"Referer": "http://localhost/"},
    "cookie": {"Cookie": "a=b"},
    "fetch metadata": {"Sec-Fetch-Site": "none"},
    "any fetch metadata": {"Sec-Fetch-New": "x"},
    "forwarded for": {"X-Forwarded-For": "127.0.0.1"},
    "forwarded host": {"X-Forwarded-Host": "localhost"},
    "forwarded": {"Forwarded": "for=127.0.0.1"},
    "real ip": {"X-Real-IP": "127.0.0.1"},
    "via": {"Via": "1.1 proxy"},
}


@pytest.mark.parametrize("peer", HERE)
def test_programs_on_this_machine_are_answered(peer: str, client: FlaskClient) -> None:
    assert client.get("/api", environ_base={"REMOTE_ADDR": peer}).get_json() == {"status": "alive"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("peer", ELSEWHERE)
def test_nobody_else_is(peer: str, path: str, client: FlaskClient) -> None:
    answer = client.get(path, environ_base={"REMOTE_ADDR": peer}, auth=basic("ada"))

    assert (answer.status_code, answer.get_json().keys()) == (403, {"error"})


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_browser_and_no_proxy_is_behind_it(
    method: str, headers: dict[str, str], app: Flask, services: Services, make_job: MakeJob
) -> None:
    job = make_job()

    answer = app.test_client(use_cookies=False).open(f"/api/delete/{job.id}", method=method, headers=headers)

    assert (answer.status_code, answer.get_json().keys()) == (403, {"error"})
    assert services.jobs.get(job.uid).enabled


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080"])
def test_the_names_of_this_machine(host: str, client: FlaskClient) -> None:
    assert client.get("/api", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.nip.io", "localhost.", "user@localhost", "clinic.example", "[::1", "0"]
)
@pytest.mark.parametrize("path", PATHS)
def test_another_name_is_refused_like_everything(host: str, path: str, client: FlaskClient) -> None:
    answer = client.get(path, headers={"Host": host})

    assert (answer.status_code, answer.get_json().keys()) == (403, {"error"})


class TestTrustedName:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, trusted_hosts=("clinic.example",))

    def test_a_name_that_pages_answer_to_is_none_of_them(self, client: FlaskClient) -> None:
        assert client.get("/healthz", headers={"Host": "clinic.example"}).status_code != 421
        assert client.get("/api", headers={"Host": "clinic.example"}).status_code == 403


class TestToken:
    @pytest.fixture
    def services(self, services: Services) -> Services:
        services.settings = replace(services.settings, control_token="a token of some length")
        return services

    @pytest.mark.parametrize("token", [None, "", "wrong", "a token of some lengt", "a token of some length "])
    def test_who_does_not_know_it_is_refused(self, token: str | None, client: FlaskClient) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}

        answer = client.get("/api", headers=headers)

        if token == "a token of some length ":  # the blank goes with the header
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.get_json().keys()) == (403, {"error"})

    def test_a_password_is_no_token(self, client: FlaskClient) -> None:
        assert client.get("/api", auth=basic("ada", "a token of some length")).status_code == 403


class TestAddresses:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("path", ["/api", "/api/", "/api/jobs", "/api/jobs/", "/api/details/", "/api/delete/"])
    def test_with_and_without_a_slash(self, method: str, path: str, client: FlaskClient) -> None:
        assert client.open(path, method=method).status_code == 200

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/nothing"),
            ("GET", "/api/add"),
            ("GET", "/api/add/1/2"),
            ("GET", "/api/run/1/delay"),
            ("GET", "/apis"),
            ("PUT", "/api/add/1"),
            ("DELETE", "/api/delete"),
            ("PATCH", "/api"),
        ],
    )
    def test_unknown_addresses_and_methods(self, method: str, path: str, client: FlaskClient) -> None:
        answer = client.open(path, method=method)

        assert answer.status_code == 404
        if path.startswith("/api/") or path == "/api":
            assert answer.get_json().keys() == {"error"}
        if path == "/api/nothing":
            assert answer.get_json() == {
                "error": "404 Not Found: The requested URL was not found on the server. If you entered the URL manually"
                " please check your spelling and try again."
            }

    def test_looking_at_the_headers_changes_nothing(
        self, client: FlaskClient, services: Services, make_job: MakeJob
    ) -> None:
        job = make_job()

        for method in ("HEAD", "OPTIONS"):
            client.open(f"/api/delete/{job.id}", method=method)
            client.open("/api/delete", method=method)

        assert services.jobs.get(job.uid).enabled


def test_a_crash_is_told_as_one(client: FlaskClient, services: Services, caplog: pytest.LogCaptureFixture) -> None:
    services.entries = None  # type: ignore[assignment]

    answer = client.get("/api/jobs")

    assert answer.status_code == 500
    assert answer.get_json() == {
        "error": "500 Internal Server Error: The server encountered an internal error and was unable to complete your"
        " request. Either the server is overloaded or there is an error in the application."
    }
    assert "NoneType" in caplog.text


def test_a_database_that_is_away(client: FlaskClient, services: Services) -> None:
    class Away:
        def __getattr__(self, name: str) -> object:
            raise UnavailableError("the database does not answer in time; try again")

    services.entries = Away()  # type: ignore[assignment]

    answer = client.get("/api/jobs")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.get_json() == {"error": "the database does not answer in time; try again"}


def test_a_standby_answers_reads_only(client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    services.keeper.active = False

    assert client.get("/api/jobs").get_json() == [job.id]
    for path in (f"/api/delete/{job.id}", f"/api/run/{job.id}", "/api/delete"):
        for method in ("GET", "POST"):
            answer = client.open(path, method=method)
            assert (answer.status_code, answer.get_json().keys()) == (503, {"error"})
    assert services.jobs.get(job.uid).enabled
