"""The real server as a subprocess, on a data directory of its own, spoken to over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for tests"


def until(look: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """Look again and again until there is something to see."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        found = look()
        if found:
            return found
        pause.wait(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.session.auth = ("admin", PASSWORD)
        self.environment = {
            "PATH": os.environ["PATH"],
            "CARILLON_DATA_DIR": str(data_dir),
            "CARILLON_PORT": str(self.port),
            "CARILLON_ADMIN_PASSWORD": PASSWORD,
            "CARILLON_TIMEZONE": "UTC",
            "CARILLON_WORKERS": "2",
            **settings,
        }
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    def start(self, patience: float = 30) -> "Server":
        self.process = subprocess.Popen(
            [sys.executable, "wsgi.py"], cwd=ROOT, env=self.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        until(self._is_up, "the server to be up", patience)
        return self

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            self.output += lines

    def _is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError("the server ended:\n" + "".join(self.output))
        try:
            return requests.get(self.url + "/healthz", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):  # it listens a while before it answers
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the server and give its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=30, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.session.post(self.url + path, timeout=30, **options)

    def json(self, path: str, **options: Any) -> Any:
        answer = self.get(path, **options)
        assert answer.ok, answer.text
        return answer.json()

    def make_export(self, name: str, query: str, connection: str, **fields: Any) -> dict[str, Any]:
        """Create a SQL export over the API; gives the job as the API shows it."""
        parameters = {"connection": connection, "query": query, **fields.pop("parameters", {})}
        body = {"name": name, "jobType": "SQL_EXPORT", "jobParameters": parameters, **fields}
        answer = self.post("/api/jobConfigurations", json=body)
        assert answer.status_code == 201, answer.text
        uid = answer.json()["response"]["uid"]
        job: dict[str, Any] = self.json(f"/api/jobConfigurations/{uid}")
        return job

    def runs(self, job_id: int, status: str = "SUCCEEDED") -> list[dict[str, Any]]:
        """A job's runs of one status, newest first."""
        runs: list[dict[str, Any]] = self.json(f"/scheduled-jobs/{job_id}/runs", params={"status": status})
        return runs

    def result(self, job_id: int, run_id: int) -> bytes:
        answer = self.get(f"/scheduled-jobs/{job_id}/runs/{run_id}/result-file")
        assert answer.ok, answer.text
        return answer.content
