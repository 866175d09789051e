"""Bad situations that every dialect is asked. A dialect is a module here with a table of questions and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flask import Flask
from werkzeug.test import TestResponse

from app.core.models import Job
from tests.web.conftest import basic

HUGE = "9" * 400
SITUATIONS = (
    "unknown id",
    "unknown id to run",
    "an id of another kind",
    "huge id",
    "huge number in the address",
    "malformed JSON",
    "another kind of JSON",
    "deep JSON",
    "no UTF-8",
    "half a character",
    "NUL",
    "no number",
    "huge number",
    "very huge number",
    "wrong type",
    "wrong truth",
    "list for a text",
    "unknown enum",
    "another unknown enum",
    "unknown field",
    "duplicate name",
    "empty body",
    "wrong content type",
    "no content type",
    "JSON that is sent as a form",
    "large body",
    "wrong method",
    "another wrong method",
    "unknown address",
    "no credentials",
    "wrong credentials",
    "wrong rights",
    "state conflict",
    "a browser's page from elsewhere",
    "NUL in the address",
    "no UTF-8 in the address",
)


@dataclass(frozen=True)
class Ask:
    """A question; ``<uid>`` and ``<id>``, also in the words of the answer, are those of a job."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str | None = "application/json"
    user: str | None = "ada"
    headers: Mapping[str, str] = field(default_factory=dict)
    while_running: bool = False  # the job, when the question is asked


FORM = "application/x-www-form-urlencoded"
"""What curl says unless it is told otherwise."""

Table = dict[str, tuple[Ask, int, str] | None]
"""By situation: the question, its status, words of the answer; ``None`` where it cannot come about."""


def asked(app: Flask, question: Ask, job: Job) -> TestResponse:
    return ask(app, replace(question, path=with_ids(question.path, job)))


def with_ids(text: str, job: Job) -> str:
    return text.replace("<uid>", job.uid).replace("<id>", str(job.id))


def ask(app: Flask, question: Ask) -> TestResponse:
    return app.test_client().open(
        question.path,
        method=question.method,
        data=question.body,
        content_type=question.content_type if question.body is not None else None,
        headers=dict(question.headers),
        auth=basic(question.user) if question.user else None,
    )
