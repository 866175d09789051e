"""A small server that answers as a test wants, and a run's context without a server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.core.job_types import JobType, RunCancelled

SCHEDULED_FOR = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """What was asked, and what is answered: (status, headers, body), or a function that gets the handler."""

    asked: list[Asked] = field(default_factory=list)
    answer: Any = (200, {}, b"{}")
    url: str = ""

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append(Asked(handler.command, handler.path, dict(handler.headers), body))
        if callable(self.answer):
            self.answer(handler)
            return
        status, headers, text = self.answer
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text)


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        def handle(self) -> None:
            with suppress(OSError):  # the client has gone
                super().handle()

        do_GET = do_POST = do_PUT = do_HEAD = lambda self: found.serve(self)  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


class FakeContext:
    """As much of ``JobContext`` as these job types use."""

    def __init__(self, job_type: JobType, settings: dict[str, str], **parameters: Any) -> None:
        defaults = {parameter.name: parameter.default for parameter in job_type.parameters}
        self.run_id, self.job_id, self.fire_id, self.attempt = 1, 12, 34, 2
        self.job_name = "nightly"
        self.parameters = {**defaults, **parameters}
        self.scheduled_for: datetime | None = SCHEDULED_FOR
        self.settings = settings
        self.logged: list[str] = []
        self._is_cancelled = False
        self._actions: list[Callable[[], None]] = []

    def setting(self, name: str) -> str:
        return self.settings.get(name, "")

    def log(self, message: str, level: str = "info") -> None:
        self.logged.append(message)

    def cancel(self) -> None:
        self._is_cancelled = True
        for action in self._actions:
            action()

    def check_cancelled(self) -> None:
        if self._is_cancelled:
            raise RunCancelled

    @contextmanager
    def on_cancel(self, action: Callable[[], None]) -> Iterator[None]:
        self.check_cancelled()
        self._actions.append(action)
        yield
        self._actions.remove(action)
