"""The job type RUNNER_CALL."""

import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from app.core.job_types import JobError, JobTypes, RunCancelled
from app.core.statuses import FailureReason
from app.job_types.http_call.runner_call import RUNNER_CALL, run
from tests.e2e.server import free_port
from tests.http_call.conftest import FakeContext, Site


def call(url: str, **parameters: Any) -> FakeContext:
    context = FakeContext(RUNNER_CALL, {"runner_url": url}, **parameters)
    run(context)
    return context


def failure(url: str, **parameters: Any) -> tuple[str, FailureReason]:
    with pytest.raises(JobError) as error:
        call(url, **parameters)
    return str(error.value), error.value.reason


def test_it_is_installed() -> None:
    assert JobTypes.installed().get("RUNNER_CALL") is RUNNER_CALL
    assert RUNNER_CALL.coerce({}) == {"task": None, "answer": "status", "timeLimitSeconds": 60}


def test_what_is_asked(site: Site) -> None:
    context = call(f"{site.url}/api")

    [asked] = site.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/api/12", b"")
    assert asked.headers == {
        "Host": site.url.removeprefix("http://"),
        "Accept-Encoding": "identity",
        "Accept": "application/json",
        "User-Agent": "Carillon",
        "Idempotency-Key": "34",
        "X-Scheduled-At": "2026-03-02T03:00:00Z",
        "X-Attempt": "2",
    }
    assert context.logged == [f"GET {site.url}/api/12", "200 OK\n{}"]


def test_a_task_of_another_number(site: Site) -> None:
    call(site.url, task=7)

    assert [asked.path for asked in site.asked] == ["/7"]


GOOD, BAD = b'{"message": "runner completed."}', b'{"error": "Task 999 not found."}'


@pytest.mark.parametrize(
    ("answer", "status", "body", "error"),
    [
        ("status", 200, BAD, None),
        ("status", 204, b"", None),
        ("status", 500, b"oh", "the runner answered 500 Internal Server Error: oh"),
        ("status", 302, b"", "the runner answered 302 Found"),
        ("error", 200, GOOD, None),
        ("error", 200, b"[]", None),
        ("error", 200, b'{"error": null}', None),
        ("error", 200, BAD, "the runner answered with an error: Task 999 not found."),
        ("error", 200, b"<html>", "the runner's answer is no JSON: <html>"),
        ("error", 404, GOOD, 'the runner answered 404 Not Found: {"message": "runner completed."}'),
        ("sent", 500, b"", None),
    ],
)
def test_what_an_answer_means(answer: str, status: int, body: bytes, error: str | None, site: Site) -> None:
    site.answer = (status, {"Location": f"{site.url}/elsewhere"} if status == 302 else {}, body)

    if error is None:
        call(site.url, answer=answer)
    else:
        assert failure(site.url, answer=answer) == (error, FailureReason.EXCEPTION)

    if answer != "sent":
        assert [asked.path for asked in site.asked] == ["/12"]  # a redirect is not followed


def test_nobody_is_there() -> None:
    port = free_port()

    words, _ = failure(f"http://127.0.0.1:{port}/api")

    assert words == f"GET 127.0.0.1:{port}: [Errno 111] Connection refused"


def test_no_address_is_set() -> None:
    assert failure("") == ("CARILLON_RUNNER_URL is not set", FailureReason.CONFIG)


def test_a_proxy_of_the_environment_is_not_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    call(site.url)

    assert len(site.asked) == 1


class Slow:
    """Answers nothing, or a byte now and then, until the client has gone."""

    def __init__(self, drips: bool = False) -> None:
        self.drips, self.begun, self.over = drips, threading.Event(), threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.begun.set()
        while not self.over.wait(0.02):
            if self.drips:
                handler.wfile.write(b"H")


@pytest.mark.parametrize("drips", [False, True])
def test_the_time_limit_is_for_the_whole(drips: bool, site: Site) -> None:
    site.answer = slow = Slow(drips)
    began = time.monotonic()

    words = failure(site.url, timeLimitSeconds=0.3)

    slow.over.set()
    assert words == (f"no answer from {site.url[7:]} in 0.3 s", FailureReason.TIMEOUT)
    assert time.monotonic() - began < 3


def test_a_cancelled_run_ends_at_once(site: Site) -> None:
    site.answer = slow = Slow()
    context = FakeContext(RUNNER_CALL, {"runner_url": site.url})
    other = threading.Thread(target=lambda: (slow.begun.wait(5), context.cancel()))
    other.start()

    with pytest.raises(RunCancelled):
        run(context)

    slow.over.set()
    other.join()


def test_fire_and_forget_waits_for_nothing(site: Site) -> None:
    site.answer = slow = Slow()

    call(site.url, answer="sent", timeLimitSeconds=30)

    assert slow.begun.wait(5)
    slow.over.set()


def test_a_long_answer_is_cut(site: Site) -> None:
    site.answer = (200, {}, b"x" * 3_000_000)

    context = call(site.url)

    assert len(context.logged[1]) < 1100
