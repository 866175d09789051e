"""The job type HTTP_REQUEST: what is asked, what is kept, and who is not spoken to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.core.errors import InvalidError
from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.http_call.addresses import guard
from app.job_types.http_call.exchange import Answer, Limits, Question, ask
from app.job_types.http_call.http_request import HTTP_REQUEST, redirected, run
from tests.http_call.conftest import FakeContext, Site

HERE = "127.0.0.1"


class Context(FakeContext):
    """Keeps result files, too."""

    def __init__(self, allow: str = HERE, **parameters: Any) -> None:
        super().__init__(HTTP_REQUEST, {"http_allow": allow}, **parameters)
        self.files: dict[str, tuple[str, bytes]] = {}

    @contextmanager
    def result_file(self, name: str, *, media_type: str = "text/csv") -> Iterator[Any]:
        parts: list[bytes] = []
        yield type("File", (), {"write": lambda self, data: parts.append(data)})()
        self.files[name] = (media_type, b"".join(parts))


def request(url: str, allow: str = HERE, **parameters: Any) -> Context:
    context = Context(allow, url=url, **parameters)
    run(context)
    return context


def failure(url: str, allow: str = HERE, **parameters: Any) -> tuple[str, FailureReason]:
    with pytest.raises(JobError) as error:
        request(url, allow, **parameters)
    return str(error.value), error.value.reason


def test_what_is_asked(site: Site) -> None:
    headers = {"Content-Type": "text/plain", "X-Mine": "1"}

    request(f"{site.url}/a%20b?q=ä&x=1#part", method="POST", headers=headers, body="grüß")

    [asked] = site.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a%20b?q=%C3%A4&x=1", "grüß".encode())
    assert headers.items() <= asked.headers.items()
    assert (asked.headers["Idempotency-Key"], asked.headers["X-Attempt"]) == ("34", "2")


@pytest.mark.parametrize("host", ["a..example", "n" * 64 + ".example", "ä" * 64])
def test_a_host_that_no_name_server_knows_how_to_ask_for(host: str) -> None:
    words, reason = failure(f"http://{host}/")

    assert words.endswith("is no host name")
    assert reason is FailureReason.CONFIG


def test_who_is_reached_after_the_time_is_not_spoken_to(site: Site) -> None:
    """Given an address reached too late, as the one before it did not answer: nobody would end the exchange."""

    def reach_slowly(address: str) -> None:
        threading.Event().wait(0.06)

    with pytest.raises(JobError) as error:
        ask(Context(), Question("GET", site.url), Limits(seconds=0.02), reach_slowly)

    assert error.value.reason is FailureReason.TIMEOUT
    assert site.asked == []


@pytest.mark.parametrize(
    ("expected", "status", "good"), [("200-299", 204, True), ("200-299", 404, False), ("200, 404", 404, True)]
)
def test_the_status_decides(expected: str, status: int, good: bool, site: Site) -> None:
    site.answer = (status, {}, b"")

    if good:
        request(site.url, expectedStatuses=expected)
    else:
        assert failure(site.url, expectedStatuses=expected)[0] == "the answer was 404 Not Found"


def test_an_answer_becomes_a_file(site: Site) -> None:
    site.answer = (200, {"Content-Type": "text/csv; charset=utf-8"}, b"a,b\n1,2\n")

    assert request(site.url, resultFile="data.csv").files == {"data.csv": ("text/csv", b"a,b\n1,2\n")}


def test_half_an_answer_becomes_none(site: Site) -> None:
    site.answer = (200, {}, b"x" * 11)

    words = failure(site.url, resultFile="data.csv", maxBytes=10)

    assert words == ("the answer has more than 10 bytes (maxBytes): no file is kept", FailureReason.OUTPUT_LIMIT)
    assert request(site.url, maxBytes=10).logged[-1] == "x" * 10


SPELLINGS = [
    "127.0.0.1", "127.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_this_machine_is_not_spoken_to_in_any_spelling(host: str, site: Site) -> None:
    port = site.url.rpartition(":")[2]

    words, reason = failure(f"http://{host}:{port}/", allow="")

    assert reason is FailureReason.CONFIG or "resolution" in words or "not known" in words
    assert site.asked == []


PRIVATE = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "224.0.0.1",
    "255.255.255.255", "192.0.0.192", "fe80::1%eth0", "fd00:ec2::254", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "ff02::1", "0.0.0.0",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    with pytest.raises(JobError, match="CARILLON_HTTP_ALLOW"):
        guard("rebound.example", "")(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses(address: str) -> None:
    guard("www.example", "")(address)


@pytest.mark.parametrize("allowed", ["intranet", "Intranet, x", "10.1.0.0/16", "10.1.2.3", "x,10.1.2.0/24"])
def test_what_an_administrator_allows(allowed: str) -> None:
    guard("intranet", allowed)("10.1.2.3")


def test_a_redirect_is_followed_only_where_the_job_says_so(site: Site) -> None:
    site.answer = (302, {"Location": "/there"}, b"")

    assert failure(site.url)[0] == "the answer was 302 Found"
    assert failure(site.url, redirects=2)[0] == "the answer was 302 Found"
    assert [asked.path for asked in site.asked] == ["/", "/", "/there", "/there"]


def test_a_redirect_is_looked_at_like_the_first_address(site: Site) -> None:
    site.answer = (302, {"Location": site.url.replace("127.0.0.1", "localhost")}, b"")

    words, reason = failure(site.url.replace("127.0.0.1", "localhost"), allow="", redirects=3)
    assert reason is FailureReason.CONFIG

    site.answer = (302, {"Location": "http://169.254.169.254/latest"}, b"")
    words, reason = failure(site.url, redirects=3)
    assert reason is FailureReason.CONFIG
    assert words.startswith("169.254.169.254 is 169.254.169.254")


ASKED = Question("POST", "https://a.example/x", {"Authorization": "secret"}, b"body")


def answer(status: int, location: str) -> Answer:
    return Answer(status, "", {"location": location}, b"")


@pytest.mark.parametrize(
    ("status", "location", "question"),
    [
        (307, "/y", Question("POST", "https://a.example/y", {"Authorization": "secret"}, b"body")),
        (302, "y", Question("GET", "https://a.example/y", {"Authorization": "secret"})),
        (303, "https://b.example/", Question("GET", "https://b.example/", {"User-Agent": "Carillon"})),
        (
            308,
            "https://a.example:8443/",
            Question("POST", "https://a.example:8443/", {"User-Agent": "Carillon"}, b"body"),
        ),
    ],
)
def test_headers_stay_with_their_host(status: int, location: str, question: Question) -> None:
    assert redirected(ASKED, answer(status, location)) == question


@pytest.mark.parametrize("location", ["http://a.example/", "file:///etc/passwd", "https://u:p@a.example/"])
def test_some_redirects_are_never_followed(location: str) -> None:
    with pytest.raises(JobError):
        redirected(ASKED, answer(302, location))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("url", {"url": "ftp://a.example"}),
        ("url", {"url": "http://"}),
        ("url", {"url": "http://u:p@a.example/"}),
        ("url", {"url": "http://a.example/\r\nX: y"}),
        ("expectedStatuses", {"expectedStatuses": "fine"}),
        ("headers", {"headers": {"Host": "b.example"}}),
        ("headers", {"headers": {"X": "a\r\nY: b"}}),
        ("headers", {"headers": {"a b": "c"}}),
        ("body", {"body": "x"}),
        ("method", {"method": "TRACE"}),
        ("maxBytes", {"maxBytes": 10**12}),
    ],
)
def test_wrong_parameters_are_told_when_a_job_is_made(field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as error:
        HTTP_REQUEST.coerce({"url": "https://a.example/", **wrong})

    assert [problem.field for problem in error.value.errors] == [f"parameters.{field}"]
