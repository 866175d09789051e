"""How fast are the pages while an export takes what the machine has?

A real server; a client that stays connected and asks for the page of a run and for the list of runs in turn, one after
the other, with pauses as short as no person makes. First beside nothing, then while exports of five million rows
(`--rows` for fewer) flow to CSV one after the other, each watched on its own page. Both in the same minutes, in turns;
the last line is one JSON object: the 99th percentiles of both and their ratio.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import export  # noqa: E402

ROWS = 5_000_000
SECONDS = 20.0  # of asking, idle and busy each
TURNS = 4
PAUSE = 0.02
SLICE = 0.25
PASSWORD = "benchmark-password"
START_SECONDS = 60


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--seconds", type=float, default=SECONDS)
    options.add_argument("--source", choices=["postgresql", "sqlite"], default="postgresql")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="carillon-pages-"))
    try:
        with export.database(given.rows) as url:
            source = url if given.source == "postgresql" else f"sqlite:///{export.twin(url, folder)}"
            with serving(folder, source) as port:
                report(given.rows, *measure(Client(port), given.seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------------------ the server


@contextlib.contextmanager
def serving(folder: Path, source: str) -> Iterator[int]:
    port = free_port()
    environment = os.environ | {
        "CARILLON_DATA_DIR": str(folder / "data"),
        "CARILLON_PORT": str(port),
        "CARILLON_ADMIN_PASSWORD": PASSWORD,
        "CARILLON_CONNECTION_SRC": source,
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "wsgi.py"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(lambda: answers(port))
        yield port
    finally:
        server.terminate()
        server.wait(60)


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        found: int = any_port.getsockname()[1]
        return found


def answers(port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit("it did not come about in time")
        time.sleep(0.1)


# ------------------------------------------------------------------------------------------------------ the client


class Client:
    """A browser that stays connected and is logged in, and an API client beside it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookie = ""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self._ask("GET", "/login"))
        body = {"username": "admin", "password": PASSWORD, "csrf_token": token[1] if token else ""}
        self._ask("POST", "/login", urlencode(body), "application/x-www-form-urlencoded", expected=303)
        self._basic = "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()

    def page(self, path: str) -> float:
        """Ask for a page; give the milliseconds until all of it was there."""
        asked_at = time.perf_counter()
        self._ask("GET", path)
        return 1000 * (time.perf_counter() - asked_at)

    def api(self, method: str, path: str, body: Any = None, expected: int = 200) -> Any:
        said = self._ask(method, f"/api/v1{path}", json.dumps(body) if body else None, expected=expected, api=True)
        return json.loads(said)

    def _ask(
        self, method: str, path: str, body: str | None = None, kind: str = "application/json", *, expected: int = 200,
        api: bool = False,
    ) -> str:  # fmt: skip
        headers = {"Authorization": self._basic} if api else {"Cookie": self._cookie}
        self._connection.request(method, path, body, headers | ({"Content-Type": kind} if body else {}))
        answer = self._connection.getresponse()
        said = answer.read().decode()
        if answer.status != expected:
            raise SystemExit(f"{method} {path}: {answer.status} {said[:300]}")
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        return said


class Exports:
    """A job that exports everything; one run of it after the other."""

    def __init__(self, client: Client) -> None:
        self._client = client
        parameters = {"connection": "src", "query": export.QUERY}
        job = {"name": "everything", "job_type": "SQL_EXPORT", "parameters": parameters}
        self._uid = client.api("POST", "/jobs", job, expected=201)["uid"]
        self.ended = 0

    def start(self) -> int:
        run: int = self._client.api("POST", f"/jobs/{self._uid}/runs", expected=201)["id"]
        wait_for(lambda: self._state(run)["status"] != "queued")
        return run

    def is_going_on(self, run: int) -> bool:
        state = self._state(run)
        if state["status"] == "failed":
            raise SystemExit(f"an export failed: {state}")
        return bool(state["status"] == "running")

    def finish(self, run: int) -> None:
        wait_for(lambda: not self.is_going_on(run))
        self.ended += 1

    def _state(self, run: int) -> Any:
        return self._client.api("GET", f"/runs/{run}")


# ------------------------------------------------------------------------------------------------------- measuring


def measure(client: Client, seconds: float) -> tuple[list[float], list[float], int]:
    """The milliseconds of idle and of busy requests, in turns; and how many exports were made meanwhile."""
    exports = Exports(client)
    last = exports.start()
    exports.finish(last)
    idle: list[float] = []
    busy: list[float] = []
    for _ in range(TURNS):
        idle += asked(client, last, seconds / TURNS)
        last = ask_while_busy(client, exports, busy, seconds / TURNS)
    return idle, busy, exports.ended


def ask_while_busy(client: Client, exports: Exports, found: list[float], seconds: float) -> int:
    until = time.monotonic() + seconds
    while True:
        run = exports.start()
        while exports.is_going_on(run):
            times = asked(client, run, SLICE)
            if exports.is_going_on(run):  # until the last of them
                found += times
        exports.finish(run)
        if time.monotonic() > until:
            return run


def asked(client: Client, run: int, seconds: float) -> list[float]:
    until, times = time.monotonic() + seconds, []
    while time.monotonic() < until:
        for path in (f"/runs/{run}", "/runs"):
            times.append(client.page(path))
            time.sleep(PAUSE)
    return times


def report(rows: int, idle: list[float], busy: list[float], exports: int) -> None:
    print(f"{exports} exports of {rows:,} rows; milliseconds of the page of a run and of the list of runs")
    for name, times in (("idle", idle), ("while rows flow", busy)):
        print(
            f"  {name:<18} {len(times):6} requests  p50 {statistics.median(times):7.1f}  p99 {p99(times):7.1f}"
            f"  max {max(times):7.1f}"
        )
    figures = {
        "p99_idle_ms": round(p99(idle), 2),
        "p99_busy_ms": round(p99(busy), 2),
        "ratio": round(p99(busy) / p99(idle), 2),
    }
    print(json.dumps(figures))


def p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


if __name__ == "__main__":
    main()
