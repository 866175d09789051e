"""A client of our own API, driven by its OpenAPI document: operations by name, as generated clients have them."""

import re
from typing import Any

import requests


class CarillonError(Exception):
    """The stable ``code`` of a problem."""


class CarillonClient:
    def __init__(self, base: str, login: str, password: str) -> None:
        self.http = requests.Session()
        self.http.auth = (login, password)
        document = self.http.get(f"{base}/api/v1/openapi.json", timeout=30).json()
        self.base = base + document["servers"][0]["url"]
        self.operations = {
            operation["operationId"]: (method, path)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def call(self, name: str, body: Any = None, headers: dict[str, str] | None = None, **given: Any) -> Any:
        """``given`` are the variables of the path, then those of the query. Raises ``CarillonError``."""
        method, path = self.operations[name]
        path = re.sub(r"{(\w+)}", lambda variable: str(given.pop(variable[1])), path)
        answer = self.http.request(
            method, self.base + path, params=given, json=body, headers=headers, timeout=30
        )  # fmt: skip
        if not answer.ok:
            raise CarillonError(answer.json()["code"])
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.json() if is_json else answer.content
