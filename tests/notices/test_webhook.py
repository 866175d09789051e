"""Webhooks over a real socket: what is sent, how it is signed, whom it may reach, and what becomes of bad answers"""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.adapters.postman import NobodyThereError, NotTakenError, RefusedError
from app.adapters.webhooks import Webhooks
from app.core.postroom import Due
from app.core.statuses import Channel
from app.job_types.http_call import webhook
from tests.fakes import FakeClock

SECRET = "whsec_" + base64.b64encode(b"a key for tests").decode()
BODY = {"id": "u-1", "text": "Carillon: “nightly” failed", "notices": [{"kind": "failure"}]}
HERE = "127.0.0.1"


class Listener(ThreadingHTTPServer):
    def __init__(self, status: int, hangs: threading.Event | None) -> None:
        self.status, self.hangs = status, hangs
        self.asked: list[tuple[dict[str, str], bytes]] = []
        super().__init__((HERE, 0), Handler)

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.server_port}/hooks/s3cr3t"


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((dict(self.headers), body))
        if self.server.hangs:
            self.server.hangs.wait(30)
        if self.server.status:
            self.send_response(self.server.status)
            self.end_headers()

    def do_GET(self) -> None:
        self.server.asked.append((dict(self.headers), b""))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *words: Any) -> None: ...


@contextmanager
def listening(status: int = 204, hangs: threading.Event | None = None) -> Iterator[Listener]:
    with Listener(status, hangs) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            if hangs:
                hangs.set()
            server.shutdown()


def webhooks(secret: str | None = SECRET, allowed: str = HERE, seconds: float = 5.0) -> Webhooks:
    def post(url: str, uid: str, body: Any, timestamp: int) -> int:
        return webhook.post(url, uid, body, timestamp, secret, allowed, seconds)

    return Webhooks(post, webhook.place, FakeClock())


def due(url: str) -> Due:
    return Due(1, "u-1", Channel.WEBHOOK, url, "Carillon: “nightly” failed", BODY)


def test_the_body_arrives_with_an_id_that_stays_and_a_signature_that_holds() -> None:
    with listening() as server:
        for _ in range(2):
            webhooks().send(due(server.url))

    (headers, body), (again, _) = server.asked
    assert json.loads(body) == BODY
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == headers["Webhook-Id"] == again["Idempotency-Key"] == "u-1"
    signed = f"u-1.{headers['Webhook-Timestamp']}.".encode() + body
    mac = hmac.new(b"a key for tests", signed, hashlib.sha256).digest()
    assert headers["Webhook-Signature"] == f"v1,{base64.b64encode(mac).decode()}"


def test_a_secret_of_another_form_stands_for_itself() -> None:
    mac = hmac.new(b"sixteen letters!", b"u.1.{}", hashlib.sha256).digest()

    assert webhook.signature("sixteen letters!", "u", 1, b"{}") == f"v1,{base64.b64encode(mac).decode()}"
    assert webhook.signature("whsec_%%%", "u", 1, b"{}").startswith("v1,")


def test_without_a_secret_there_is_no_signature() -> None:
    with listening() as server:
        webhooks(secret=None).send(due(server.url))

    assert "Webhook-Signature" not in server.asked[0][0]


def test_a_private_address_is_reached_only_where_an_administrator_allows_it() -> None:
    with listening() as server, pytest.raises(NobodyThereError, match="CARILLON_HTTP_ALLOW"):
        webhooks(allowed="").send(due(server.url))

    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "kind"), [(302, NotTakenError), (404, NotTakenError), (410, RefusedError), (503, NotTakenError)]
)
def test_an_answer_that_is_no_success(status: int, kind: type[Exception]) -> None:
    with listening(status) as server, pytest.raises(NotTakenError, match=str(status)) as refused:
        webhooks().send(due(server.url))

    assert type(refused.value) is kind
    assert "s3cr3t" not in str(refused.value)


def test_a_listener_that_hangs_is_left_after_a_time() -> None:
    hangs = threading.Event()

    with listening(hangs=hangs) as server, pytest.raises(NobodyThereError, match=r"no answer .* in 0\.1 s"):
        webhooks(seconds=0.1).send(due(server.url))


def test_a_listener_that_drops_the_connection() -> None:
    with listening(status=0) as server, pytest.raises(NobodyThereError) as refused:
        webhooks().send(due(server.url))

    assert "s3cr3t" not in str(refused.value)


def test_nobody_there(free_port: Callable[[], int]) -> None:
    with pytest.raises(NobodyThereError, match="refused"):
        webhooks().send(due(f"http://{HERE}:{free_port()}/"))
