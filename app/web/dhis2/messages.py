"""The envelope of DHIS2: the WebMessage, and the ObjectReport inside it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response

from app.web import bodies

KLASS = "org.hisp.dhis.scheduling.JobConfiguration"

Report = dict[str, Any]


def web_message(
    status: int,
    message: str | None = None,
    *,
    response: Mapping[str, Any] | None = None,
    error_code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    failed = status >= 400
    members = {
        "httpStatus": HTTPStatus(status).phrase,
        "httpStatusCode": status,
        "status": "ERROR" if failed else "OK",
        "message": message,
        "response": response,
        "errorCode": error_code,
    }
    caching = {"Cache-Control": "no-cache, private"} if failed else {}
    body = {name: value for name, value in members.items() if value is not None}
    return bodies.write(body, status, {**(headers or {}), **caching})


def object_report(
    status: int,
    uid: str,
    *,
    message: str | None = None,
    reports: Sequence[Report] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    report = {"responseType": "ObjectReport", "klass": KLASS, "uid": uid, "errorReports": list(reports)}
    return web_message(status, message, response=report, headers=headers)


def execution_report() -> Response:
    """What ``execute`` answers: an ObjectReport without an envelope, kept so for old clients."""
    return bodies.write({"klass": KLASS, "index": 0, "errorReports": []})


def error_report(code: str, message: str, *arguments: object, field: str | None = None) -> Report:
    """One thing that is wrong. The scheduler app shows it at the form's ``field``, or in a box when there is none."""
    report: Report = {"message": message, "mainKlass": KLASS}
    if field:
        report["errorProperty"] = field
    texts = [str(argument) for argument in arguments]
    return report | {"errorProperties": texts, "errorCode": code, "args": texts}
