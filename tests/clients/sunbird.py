"""A console for Sunbird's background tasks, written from the proposal and nothing else."""

import uuid
from typing import Any

import requests


class SunbirdError(Exception):
    """``err`` of the envelope."""


class SunbirdConsole:
    def __init__(self, base: str, login: str, password: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.auth = (login, password)

    def tasks(self) -> list[dict[str, str]]:
        """Each with ``taskGroup``, ``taskName`` and ``description``."""
        found: list[dict[str, str]] = self._ask("GET", "/api/v1/backgroundtasks")
        return found

    def trigger(self, name: str) -> None:
        """Raises ``SunbirdError``, for example JOB_ALREADY_RUNNING."""
        assert self._ask("POST", f"/api/v1/backgroundtasks/trigger/{name}") == "SUCCESS"

    def _ask(self, method: str, path: str) -> Any:
        message = str(uuid.uuid4())
        answer = self.http.request(method, self.base + path, headers={"X-msgId": message}, timeout=30)
        envelope = answer.json()
        assert envelope["params"]["msgid"] == message
        if envelope["params"]["status"] != "success":
            raise SunbirdError(envelope["params"]["err"])
        assert envelope["responseCode"] == "OK"
        return envelope["result"]["response"]
