"""Which WSGI server carries Carillon: one process with threads, measured where it matters.

Speed of a JSON view and of a page with 50 rows, and how long a fresh request takes beside 200 clients that never finish
theirs, beside 12 clients that read a large file slowly (whole, by range, by range as a slice of the file), and beside
one that reads it as fast as it can. Servers that are not locked are fetched for the benchmark, or left out with a line.
Loopback only, under 5 minutes.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, jsonify, render_template, request, send_file
from jinja2 import DictLoader
from werkzeug.wsgi import wrap_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from app.cli import http_server  # noqa: E402
from app.web.downloads import FileSlice  # noqa: E402

HOST = "127.0.0.1"
THREADS = 8
LOAD_SECONDS = 2
PROBE_SECONDS = 2
PROBE_TIMEOUT_SECONDS = 1.5
TIME_LIMIT_SECONDS = 280
WIDTH = 17
SLOW_CLIENTS = 200
SLOW_READERS = 12  # more than there are threads
FILE_BYTES = 20_000_000_000  # sparse; more than the fast reader gets through

# ---------------------------------------------------------------------------------------------------- what is served

app = Flask(__name__)

PAGE = """<!doctype html><title>Jobs</title><table>{% for row in rows %}
<tr><td><a href="{{ url_for('page', id=row.id) }}">{{ row.name }}</a><td>{{ row.cron }}<td>{{ row.at }}</tr>{% endfor %}
</table>"""
app.jinja_loader = DictLoader({"page.html": PAGE})
ROWS = [{"id": n, "name": f"export <{n}>", "cron": "0 0 3 * * ?", "at": "2026-03-01T03:00:00Z"} for n in range(50)]


@app.route("/api", methods=["GET", "POST"])
def api():
    return jsonify(ROWS[0])


@app.get("/page")
def page():
    return render_template("page.html", rows=ROWS)


@app.get("/file")
def file():
    return send_file(os.environ["BENCHMARK_FILE"], mimetype="text/csv")


@app.get("/slice")
def slice_of_file():
    """Answer a range with a file, not with a generator: waitress sends a file from its loop and frees the thread."""
    path = Path(os.environ["BENCHMARK_FILE"])
    size = path.stat().st_size
    start, end = request.range.range_for_length(size)
    sliced = FileSlice(path.open("rb", buffering=0), start, end - start)
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": end - start}
    return Response(wrap_file(request.environ, sliced), 206, headers, mimetype="text/csv", direct_passthrough=True)


# ------------------------------------------------------------------------------------------------------- the servers


def serve_waitress_default(port: int) -> None:
    import waitress

    waitress.serve(app, host=HOST, port=port, threads=THREADS)


def serve_waitress_tuned(port: int) -> None:
    import waitress

    waitress.serve(app, host=HOST, port=port, **TUNED)


def serve_waitress_patient(port: int) -> None:
    http_server.REQUEST_SECONDS = REQUEST_SECONDS
    http_server.PatientServer(app, host=HOST, port=port, **TUNED, cleanup_interval=1).run()


def serve_cheroot(port: int) -> None:
    from cheroot.wsgi import Server

    Server((HOST, port), app, numthreads=THREADS, request_queue_size=128).start()


def serve_gunicorn(port: int) -> None:
    options = ["-k", "gthread", "-w", "1", "--threads", str(THREADS), "-b", f"{HOST}:{port}", "--log-level", "error"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *options, "server:app"])


def serve_granian(port: int) -> None:
    options = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", str(THREADS), "--no-log"]
    os.execv(
        sys.executable,
        [sys.executable, "-m", "granian", *options, "--host", HOST, "--port", str(port), "server:app"],
    )


REQUEST_SECONDS = 1  # short, so that the benchmark sees it
TUNED = {
    "threads": THREADS,
    "connection_limit": 1000,
    "channel_timeout": 60,
    "asyncore_use_poll": True,  # select() ends at file number 1023
    "backlog": 256,
}
SERVERS: dict[str, Callable[[int], None]] = {
    "waitress": serve_waitress_default,
    "waitress tuned": serve_waitress_tuned,
    "waitress patient": serve_waitress_patient,
    "cheroot": serve_cheroot,
    "gunicorn gthread": serve_gunicorn,
    "granian": serve_granian,
}
FETCHED = ["cheroot", "gunicorn", "granian"]


@contextlib.contextmanager
def running(name: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Run the server in a process group of its own; its process group and port."""
    port = free_port()
    command = [sys.executable, str(HERE / "server.py"), "serve", name, str(port)]
    process = subprocess.Popen(
        command, cwd=HERE, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answer_time(port, timeout=1) is not None, seconds=15)
        yield process.pid, port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fetched_servers(folder: Path) -> list[str]:
    """Install the servers that are not locked into the folder; those that can be had."""
    had = []
    for name in FETCHED:
        for installer in installers():
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run([*installer, "--target", str(folder), name], check=True, capture_output=True, timeout=90)
                had.append(name)
                break
    return had


def installers() -> list[list[str]]:
    base = getattr(sys, "_base_executable", sys.executable)
    uv = next(filter(None, (shutil.which("uv"), shutil.which("uv", path=HERE.parent / ".uv" / "bin"))), None)
    with_uv = [[uv, "pip", "install", "--quiet", "--python", sys.executable]] if uv else []
    return [*with_uv, [base, "-m", "pip", "install", "--quiet", "--upgrade"]]


# ------------------------------------------------------------------------------------------------------------- speed


@dataclass
class Speed:
    requests_per_second: float
    p99_ms: float


def speed(port: int, path: str, connections: int) -> Speed:
    return (speed_by_wrk if shutil.which("wrk") else speed_by_threads)(port, path, connections)


def speed_by_wrk(port: int, path: str, connections: int) -> Speed:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{LOAD_SECONDS}s", "--latency", f"http://{HOST}:{port}{path}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    scale = {"us": 0.001, "ms": 1, "s": 1000}
    return Speed(float(rate[1]) if rate else 0, float(p99[1]) * scale[p99[2]] if p99 else float("nan"))


def speed_by_threads(port: int, path: str, connections: int) -> Speed:
    """A plain client, slower than wrk: it finds differences between servers, not their limits."""
    times: list[float] = []
    ends_at = time.monotonic() + LOAD_SECONDS

    def ask() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=LOAD_SECONDS)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            while time.monotonic() < ends_at:
                asked_at = time.monotonic()
                connection.request("GET", path)
                connection.getresponse().read()
                times.append(time.monotonic() - asked_at)

    in_threads([ask] * connections)
    return Speed(len(times) / LOAD_SECONDS, 1000 * percentile(times, 0.99))


# ------------------------------------------------------------------------------------------------------ bad company


@dataclass
class Probe:
    """Fresh requests, one after another, each on a connection of its own."""

    asked: int = 0
    times: list[float] = field(default_factory=list)
    ended: int = 0  # of the clients beside it, by the server

    @property
    def answered(self) -> int:
        return len(self.times)

    def __str__(self) -> str:
        if not self.times:
            return f"0/{self.asked}"
        share = "" if self.answered == self.asked else f"{self.answered}/{self.asked} "
        ended = f" -{self.ended}" if self.ended else ""
        return f"{share}{1000 * statistics.median(self.times):.0f} {1000 * max(self.times):.0f} ms{ended}"

    def figures(self) -> dict[str, float | int | None]:
        median = round(1000 * statistics.median(self.times), 2) if self.times else None
        worst = round(1000 * max(self.times), 2) if self.times else None
        return {"asked": self.asked, "answered": self.answered, "p50_ms": median, "max_ms": worst, "ended": self.ended}


def probe(port: int) -> Probe:
    result = Probe()
    ends_at = time.monotonic() + PROBE_SECONDS
    while time.monotonic() < ends_at:
        result.asked += 1
        taken = answer_time(port, timeout=PROBE_TIMEOUT_SECONDS)
        if taken is not None:
            result.times.append(taken)
        time.sleep(0.01)
    return result


def answer_time(port: int, *, timeout: float) -> float | None:
    asked_at = time.monotonic()
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/api")
        if connection.getresponse().status == 200:
            return time.monotonic() - asked_at
    return None


@contextlib.contextmanager
def slow_requests(port: int, beginning: bytes) -> Iterator[list[socket.socket]]:
    """Clients that send the beginning of a request, then a byte each half second, and never the end."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(port)) for _ in range(SLOW_CLIENTS)]
        stop = threading.Event()

        def send(data: bytes) -> None:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(data)

        def drip() -> None:
            send(beginning)
            while not stop.wait(0.5):
                send(b"x")

        with in_background(drip, stop):
            yield clients


@contextlib.contextmanager
def downloads(
    port: int, *, readers: int, header: str = "", bytes_per_second: int | None = None, path: str = "/file"
) -> Iterator[list[socket.socket]]:
    """Clients that read the large file; ``bytes_per_second=None`` means as fast as they can."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(port, receive_buffer=65536)) for _ in range(readers)]
        stop = threading.Event()

        def read() -> None:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n".encode())
            while not stop.wait(0.1 if bytes_per_second else 0):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.recv(bytes_per_second // 10 if bytes_per_second else 1 << 20)

        with in_background(read, stop):
            yield clients


@contextlib.contextmanager
def in_background(work: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    time.sleep(0.5)  # let it do its worst first
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def connected(port: int, receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(2)
    with contextlib.suppress(OSError):  # a server that is full may leave it in the backlog, or refuse
        client.connect((HOST, port))
    return client


def ended(client: socket.socket) -> bool:
    """Whether the server has closed this connection."""
    client.settimeout(0)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


COMPANY: dict[str, Callable[[int], contextlib.AbstractContextManager[list[socket.socket]]]] = {
    "slow headers": lambda port: slow_requests(port, b"GET /api HTTP/1.1\r\nHost: x\r\nX-Slow: "),
    "slow bodies": lambda port: slow_requests(port, b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"),
    "slow readers": lambda port: downloads(port, readers=SLOW_READERS, bytes_per_second=200_000),
    "slow ranges": lambda port: downloads(port, readers=SLOW_READERS, header=RANGE, bytes_per_second=200_000),
    "slow slices": lambda port: downloads(
        port, readers=SLOW_READERS, header=RANGE, bytes_per_second=200_000, path="/slice"
    ),
    "fast reader": lambda port: downloads(port, readers=1),
    "fast slice": lambda port: downloads(port, readers=1, header=RANGE, path="/slice"),
}
RANGE = "Range: bytes=1-\r\n"

# --------------------------------------------------------------------------------------------------------- the tables


def measure(name: str, environment: dict[str, str]) -> dict[str, object]:
    figures: dict[str, object] = {}
    cells = []
    with running(name, environment) as (group, port):
        for path in ("/api", "/page"):
            for connections in (8, 64):
                result = speed(port, path, connections)
                figures[f"{path} {connections}"] = vars(result)
                cells.append(f"{result.requests_per_second:.0f} {result.p99_ms:.0f} ms")
        figures["rss_mb"] = peak_rss_mb(group)
        cells.append(f"{figures['rss_mb']} MB")
    for company, keep in COMPANY.items():
        with running(name, environment) as (group, port), keep(port) as clients:
            result = probe(port)
            result.ended = sum(map(ended, clients)) if company.startswith(("slow h", "slow b")) else 0
            figures[company] = {**result.figures(), "rss_mb": peak_rss_mb(group)}
            cells.append(str(result))
    say(f"{name:<{WIDTH}}" + "".join(f"{cell:>{WIDTH}}" for cell in cells))
    return figures


def main() -> None:
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="carillon-benchmark-") as folder:
        packages = Path(folder) / "packages"
        had = fetched_servers(packages)
        for missing in sorted(set(FETCHED) - set(had)):
            say(f"left out: {missing} (not locked, and not to be had here)")
        served = Path(folder) / "flights.csv"
        with served.open("wb") as sparse:
            sparse.truncate(FILE_BYTES)
        environment = os.environ | {"PYTHONPATH": f"{packages}:{HERE}", "BENCHMARK_FILE": str(served)}
        head()
        results = {}
        for name in SERVERS:
            if name.split()[0] not in {"waitress", *had}:
                continue
            if time.monotonic() - started_at > TIME_LIMIT_SECONDS - 45:
                say(f"left out: {name} (the time is up)")
                continue
            results[name] = measure(name, environment)
    print(json.dumps({"benchmark": "server", "threads": THREADS, "client": load_client(), "servers": results}))


def head() -> None:
    say(f"{THREADS} threads, 1 process, load by {load_client()}. Speed: requests/s and p99 at 8 and 64 connections.")
    say("Then the median and worst time of a fresh request in bad company:")
    say(f"{SLOW_CLIENTS} clients that never finish theirs, {SLOW_READERS} slow readers of a large file, one fast one.")
    say("n/m: n of m were answered within 1.5 s; -n: the server ended n of the slow clients.")
    say("")
    columns = ["/api 8", "/api 64", "/page 8", "/page 64", "memory", *COMPANY]
    say(" " * WIDTH + "".join(f"{column:>{WIDTH}}" for column in columns))


def load_client() -> str:
    return "wrk" if shutil.which("wrk") else "a threaded client"


def peak_rss_mb(group: int) -> int:
    """Of all processes in the group; 0 where there is no /proc."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(status.parent.name)) == group:
                found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
                total += int(found[1]) if found else 0
    return total // 1024


def in_threads(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def until(true: Callable[[], bool], *, seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"not so after {seconds} s")
        time.sleep(0.05)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else float("nan")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        SERVERS[sys.argv[2]](int(sys.argv[3]))
    else:
        main()
