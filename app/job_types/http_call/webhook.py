"""Tells a program of what has happened: a POST of JSON, signed as standardwebhooks.com has it.

It lives beside the job types that ask over HTTP, as it speaks to the same addresses under the same guard.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urlsplit

from app.job_types.http_call.addresses import guard
from app.job_types.http_call.exchange import Limits, Question, ask, split

SECONDS = 10.0
PREFIX = "whsec_"


class _NoRun:
    """What an exchange asks of the run that it belongs to: this one belongs to none, and nobody cancels it."""

    def on_cancel(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()

    def check_cancelled(self) -> None: ...


def post(
    url: str, uid: str, body: Mapping[str, Any], timestamp: int, secret: str | None, allowed: str,
    seconds: float = SECONDS,
) -> int:  # fmt: skip
    """Give the status of the answer. ``uid`` is the same in all tries; ``allowed`` as in CARILLON_HTTP_ALLOW.

    Raises ``JobError``: nobody there, no answer in time, or an address that is not to be asked.
    """
    data = json.dumps(body, ensure_ascii=False).encode()
    question = Question("POST", url, _headers(uid, timestamp, data, secret), data)
    host = split(url).hostname or ""
    answer = ask(_NoRun(), question, Limits(seconds, 4096), guard(host, allowed))
    assert answer is not None  # noqa: S101 - it was wanted
    return answer.status


def ping(url: str, seconds: float = SECONDS) -> int:
    """GET an address that an administrator of this machine has set. Gives the status. Raises ``JobError``."""
    answer = ask(_NoRun(), Question("GET", url, {"User-Agent": "Carillon"}), Limits(seconds, 4096))
    assert answer is not None  # noqa: S101 - it was wanted
    return answer.status


def place(url: str) -> str:
    return urlsplit(url).netloc


def signature(secret: str, uid: str, timestamp: int, data: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64."""
    mac = hmac.digest(_key(secret), f"{uid}.{timestamp}.".encode() + data, "sha256")
    return f"v1,{base64.b64encode(mac).decode()}"


def _key(secret: str) -> bytes:
    """``whsec_`` and base64, as the standard writes secrets; every other text stands for itself."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _headers(uid: str, timestamp: int, data: bytes, secret: str | None) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Carillon",
        "Idempotency-Key": uid,
        "Webhook-Id": uid,
        "Webhook-Timestamp": str(timestamp),
    }
    return headers | {"Webhook-Signature": signature(secret, uid, timestamp, data)} if secret else headers
