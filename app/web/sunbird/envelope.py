"""The envelope around every answer of Sunbird."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from uuid import uuid4

from flask import Response, request

from app.web import bodies
from app.web.auth import services

READ, TRIGGER = "api.backgroundtasks.read", "api.backgroundtasks.trigger"
RESPONSE_CODES = {
    HTTPStatus.OK: "OK",
    HTTPStatus.UNAUTHORIZED: "UNAUTHORIZED",
    HTTPStatus.FORBIDDEN: "FORBIDDEN",
    HTTPStatus.NOT_FOUND: "RESOURCE_NOT_FOUND",
}


def success(result: object) -> Response:
    return bodies.write(_envelope(HTTPStatus.OK, {"response": result}))


def failure(status: int, code: str, message: str, headers: Mapping[str, str]) -> Response:
    return bodies.write(_envelope(status, {}, code, message), status, headers)


def _envelope(status: int, result: object, code: str | None = None, message: str | None = None) -> dict[str, object]:
    return {
        "id": TRIGGER if "/backgroundtasks/trigger" in request.path else READ,
        "ver": "v1",
        "ts": timestamp(services().clock()),
        "params": {
            "resmsgid": None,
            "msgid": request.headers.get("X-msgId") or str(uuid4()),
            "err": code,
            "status": "failure" if code else "success",
            "errmsg": message,
        },
        "responseCode": RESPONSE_CODES.get(HTTPStatus(status), "SERVER_ERROR" if status >= 500 else "CLIENT_ERROR"),
        "result": result,
    }


def timestamp(moment: datetime) -> str:
    """``yyyy-MM-dd HH:mm:ss:SSSZ`` on the server's clock, as ``2018-11-27 14:45:34:869+0530``."""
    local = moment.astimezone(services().settings.zone)
    return f"{local:%Y-%m-%d %H:%M:%S}:{local.microsecond // 1000:03}{local:%z}"
