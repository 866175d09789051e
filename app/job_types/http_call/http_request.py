"""HTTP_REQUEST: ask any program over HTTP."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from app.core.errors import FieldError
from app.core.job_types import JobContext, JobError, JobType, Parameter
from app.core.statuses import FailureReason
from app.job_types.http_call.addresses import guard
from app.job_types.http_call.delivery import delivery_headers
from app.job_types.http_call.exchange import Answer, Limits, Question, ask, split

SHOWN = 1000  # characters of an answer that get into the log and into an error
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
REDIRECTS = (301, 302, 303, 307, 308)
OURS = ("host", "content-length", "transfer-encoding", "connection")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
STATUSES = re.compile(r"\s*(\d{3})\s*(?:-\s*(\d{3})\s*)?")


def run(context: JobContext) -> None:
    given = context.parameters
    headers = {**delivery_headers(context), **{name: str(value) for name, value in given["headers"].items()}}
    body = given["body"].encode() if given["body"] else None
    answer = _ask(context, Question(given["method"], given["url"], headers, body))
    if not any(low <= answer.status <= high for low, high in _ranges(given["expectedStatuses"])):
        raise JobError(f"the answer was {answer.status} {answer.reason}: {_text(answer)}".rstrip(": "))
    _keep(context, answer)


def _ask(context: JobContext, question: Question) -> Answer:
    """Ask, and go where an answer sends us, as often as the job allows; all in one time limit."""
    given, deadline = context.parameters, time.monotonic() + context.parameters["timeLimitSeconds"]
    for left in range(given["redirects"], -1, -1):
        context.log(f"{question.method} {question.url}")
        place = split(question.url)
        limits = Limits(max(0.001, deadline - time.monotonic()), given["maxBytes"])
        answer = ask(context, question, limits, guard(place.hostname or "", context.setting("http_allow")))
        assert answer is not None  # noqa: S101 - it was wanted
        context.log(f"{answer.status} {answer.reason}, {len(answer.body)} bytes")
        if not left or answer.status not in REDIRECTS or not answer.headers.get("location"):
            return answer
        question = redirected(question, answer)
    raise AssertionError("the last round gives its answer")


def redirected(question: Question, answer: Answer) -> Question:
    """The question that a redirect asks for. Headers stay with their host: one of them may be a secret."""
    url = urljoin(question.url, answer.headers["location"])
    old, new = split(question.url), split(url)
    if old.scheme == "https" and new.scheme == "http":
        raise JobError(f"the answer leads from https to {new.scheme}://{new.netloc}: not followed")
    headers = dict(question.headers) if old[:2] == new[:2] else {"User-Agent": "Carillon"}
    if answer.status == 303 or (answer.status in (301, 302) and question.method == "POST"):
        return Question("HEAD" if question.method == "HEAD" else "GET", url, headers)
    return replace(question, url=url, headers=headers)


def _keep(context: JobContext, answer: Answer) -> None:
    """Half an answer looks like a whole one: no file is made of it."""
    name = context.parameters["resultFile"].strip()
    if not name:
        context.log(_text(answer))
        return
    if answer.is_cut:
        most = context.parameters["maxBytes"]
        raise JobError(f"the answer has more than {most} bytes (maxBytes): no file is kept", FailureReason.OUTPUT_LIMIT)
    media_type = answer.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
    with context.result_file(name, media_type=media_type) as file:
        file.write(answer.body)


def _text(answer: Answer) -> str:
    return answer.body[: 4 * SHOWN].decode("utf-8", "replace")[:SHOWN].strip()


def _ranges(text: str) -> list[tuple[int, int]]:
    """Read ``200-299, 404``. Raises ``ValueError``."""
    found = []
    for word in text.split(","):
        match = STATUSES.fullmatch(word)
        if match is None:
            raise ValueError(f"{word.strip()!r} is no status and no range of them (an example: 200-299, 404)")
        found.append((int(match[1]), int(match[2] or match[1])))
    return found


def problems(parameters: Mapping[str, Any]) -> Iterable[FieldError]:
    try:
        split(parameters["url"])
    except JobError as error:
        yield FieldError("url", str(error))
    try:
        _ranges(parameters["expectedStatuses"])
    except ValueError as error:
        yield FieldError("expectedStatuses", str(error))
    yield from _header_problems(parameters["headers"])
    if parameters["body"] and parameters["method"] in ("GET", "HEAD"):
        yield FieldError("body", f"a {parameters['method']} has no body")


def _header_problems(headers: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or name.lower() in OURS:
            yield FieldError("headers", f"{name!r} cannot be set as a header")
        elif re.search(r"[^\t\x20-\x7e\x80-\xff]", str(value)):
            yield FieldError("headers", f"the value of {name!r} holds a character that no header can have")


HTTP_REQUEST = JobType(
    name="HTTP_REQUEST",
    label="HTTP request",
    description="Asks a URL, checks the status of the answer, and keeps it as a file if wanted.",
    function="app.job_types.http_call.http_request:run",
    settings=("http_allow",),
    problems=problems,
    makes_files=True,
    parameters=[
        Parameter("method", "choice", "Method", default="GET", choices=[(method, method) for method in METHODS]),
        Parameter(
            "url",
            "text",
            "URL",
            required=True,
            maximum=4000,
            help="http:// or https://. Addresses of this machine and of private networks only where an administrator"
            " allows them (CARILLON_HTTP_ALLOW).",
        ),
        Parameter(
            "headers",
            "object",
            "Headers",
            default={},
            help='{"Accept": "text/csv"}. Everybody who may see the job sees them: put no secret here.',
        ),
        Parameter("body", "text", "Body", default="", maximum=1_000_000, help="Sent as UTF-8; name its Content-Type."),
        Parameter(
            "expectedStatuses", "text", "Statuses that are success", default="200-299", help="200-299, 404", maximum=200
        ),
        Parameter(
            "timeLimitSeconds",
            "integer",
            "Time limit, in seconds",
            default=60,
            minimum=1,
            maximum=86400,
            help="For all, redirects included.",
        ),
        Parameter(
            "maxBytes",
            "integer",
            "Most bytes of an answer",
            default=1_048_576,
            minimum=0,
            maximum=104_857_600,
            help="The rest is not read. An answer that shall be a file fails the run instead.",
        ),
        Parameter("redirects", "integer", "Redirects to follow", default=0, minimum=0, maximum=10),
        Parameter(
            "resultFile", "text", "Result file", default="", maximum=200, help="A name keeps the answer as a file."
        ),
    ],
)
