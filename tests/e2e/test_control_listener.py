"""The control API on a listener of its own: a second port, or a Unix socket."""

import http.client
import json
import socket
import stat
from pathlib import Path
from typing import Any

import requests

from tests.e2e.conftest import StartServer
from tests.e2e.server import free_port

CONTROL = ["/api", "/api/jobs", "/api/delete", "/api/kill", "/api/run/1"]
OTHERS = [
    "/",
    "/login",
    "/api/jobConfigurations",
    "/api/v1/runs",
    "/scheduled-jobs",
    "/healthz",
    "/static/carillon.css",
]


def test_a_second_port_has_the_control_api_alone(start_server: StartServer) -> None:
    port = free_port()
    server = start_server(CARILLON_CONTROL_BIND=f"127.0.0.1:{port}")
    control = f"http://127.0.0.1:{port}"

    assert requests.get(control + "/api", timeout=5).json() == {"status": "alive"}
    for path in CONTROL:
        answer = server.get(path)
        assert (answer.status_code, answer.json().keys()) == (404, {"error"}), path
    for path in OTHERS:
        status = requests.get(control + path, timeout=5).status_code
        assert status == (400 if path == "/scheduled-jobs" else 404), path  # so OpenSpecimen calls what is not found
    assert server.get("/healthz").status_code == 200


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def ask(path: Path, address: str, **headers: str) -> tuple[int, Any]:
    connection = UnixConnection(path)
    connection.request("GET", address, headers=headers)
    with connection.getresponse() as answer:
        body = json.loads(answer.read())
    connection.close()
    return answer.status, body


def test_a_unix_socket_is_for_the_account_and_its_group(start_server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    server = start_server(CARILLON_CONTROL_BIND=f"unix:{path}", CARILLON_CONTROL_TOKEN="a-token-of-some-length")
    bearer = {"Authorization": "Bearer a-token-of-some-length"}

    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert ask(path, "/api", **bearer) == (200, {"status": "alive"})
    assert ask(path, "/api")[0] == 403
    assert ask(path, "/api", Referer="http://localhost/", **bearer)[0] == 403
    assert ask(path, "/api", Host="evil.example", **bearer)[0] == 403
    assert server.get("/api").status_code == 404
