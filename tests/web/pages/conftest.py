"""A reader of pages: logs in by the form, follows no redirect, and sends the token that the page gave."""

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.conftest import PASSWORD

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HTMX = {"HX-Request": "true"}


class Markup(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def find(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            given
            for name, given in self.tags
            if name == tag and all(given.get(key.strip("_")) == value for key, value in wanted.items())
        ]

    def links(self) -> list[str]:
        return [given["href"] or "" for given in self.find("a") if "href" in given]


@dataclass
class Reader:
    client: FlaskClient
    _kept: str = ""  # the token that the session's forms carry

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def page(self, path: str, status: int = 200) -> Markup:
        answer = self.get(path)
        assert answer.status_code == status, answer.text
        return Markup(answer.text)

    def part(self, path: str) -> TestResponse:
        return self.get(path, headers=HTMX)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        self._kept = self._kept or self.token()
        return self.client.post(path, data={"csrf_token": self._kept, **(data or {})}, **options)

    def token(self) -> str:
        login = self.get("/login")  # leads on who is logged in already
        found = TOKEN.search(login.text if login.status_code == 200 else self.get("/connections").text)
        assert found
        return unescape(found[1])

    @property
    def is_logged_in(self) -> bool:
        with self.client.session_transaction() as session:
            return "login" in session

    def log_in(self, username: str, password: str = PASSWORD, **data: str) -> TestResponse:
        self._kept = ""
        answer = self.post("/login", {"username": username, "password": password, **data})
        self._kept = ""  # a login begins a session of its own
        return answer


@pytest.fixture
def nobody(app: Flask) -> Reader:
    return Reader(app.test_client())


@pytest.fixture
def admin(app: Flask) -> Reader:
    reader = Reader(app.test_client())
    reader.log_in("ada")
    return reader


@pytest.fixture
def user(app: Flask) -> Reader:
    reader = Reader(app.test_client())
    reader.log_in("uma")
    return reader
