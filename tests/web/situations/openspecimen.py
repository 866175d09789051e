"""OpenSpecimen answers with an array of problems."""

import json
from typing import Any

from werkzeug.test import TestResponse

from tests.web.conftest import sql
from tests.web.situations import FORM, HUGE, Ask, Table

ROOT = "/rest/ng/scheduled-jobs"


def body(**members: Any) -> bytes:
    wanted = {"name": "new", "type": "QUERY", "repeatSchedule": "ONDEMAND", "jobParameters": sql()}
    return json.dumps(wanted | members).encode()


TABLE: Table = {
    "unknown id": (Ask("GET", f"{ROOT}/77"), 400, "SCHEDULED_JOB_NOT_FOUND"),
    "unknown id to run": (Ask("POST", f"{ROOT}/77/runs", b"{}"), 400, "SCHEDULED_JOB_NOT_FOUND"),
    "an id of another kind": (Ask("GET", f"{ROOT}/x"), 400, "INVALID_REQUEST"),
    "huge id": (Ask("GET", f"{ROOT}/{HUGE}"), 400, "SCHEDULED_JOB_NOT_FOUND"),
    "huge number in the address": (Ask("GET", f"{ROOT}/<id>/runs/{HUGE}"), 400, "SCHEDULED_JOB_JOB_RUN_NOT_FOUND"),
    "malformed JSON": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": '), 400, "INVALID_REQUEST"),
    "another kind of JSON": (Ask("POST", f"{ROOT}/<id>/runs", b'"args"'), 400, "the body must be a JSON object"),
    "deep JSON": (Ask("POST", f"{ROOT}/<id>/runs", b"[" * 5000), 400, "the JSON is nested too deeply"),
    "no UTF-8": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": "\xff"}'), 400, "INVALID_REQUEST"),
    "half a character": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": "\\ud800"}'), 400, "INVALID_REQUEST"),
    "NUL": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": "\\u0000"}'), 400, "a text holds a NUL character"),
    "no number": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": Infinity}'), 400, "Infinity is no JSON number"),
    "huge number": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": 1e999}'), 400, "the number 1e999 is too large"),
    "very huge number": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": ' + b"9" * 5000 + b"}"), 400, "INVALID_REQUEST"),
    "wrong type": (Ask("POST", ROOT, body(jobParameters=[])), 400, "jobParameters: Not a valid mapping type."),
    "wrong truth": (Ask("PUT", f"{ROOT}/<id>", body(savedQuery=True)), 400, "savedQuery: Invalid input type."),
    "list for a text": (Ask("PUT", f"{ROOT}/<id>", body(name=["x"])), 400, "name: Not a valid string."),
    "unknown enum": (Ask("POST", ROOT, body(type="NOPE")), 400, "SCHEDULED_JOB_INVALID_TYPE"),
    "another unknown enum": (Ask("GET", f"{ROOT}/<id>/runs?status=running"), 400, "INVALID_REQUEST"),
    "empty body": (Ask("POST", "/sessions", b""), 400, "the body is empty"),
    "wrong content type": (
        Ask("POST", f"{ROOT}/<id>/runs", b'{"args": ""}', "text/xml"),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "no content type": (Ask("POST", f"{ROOT}/<id>/runs", b'{"args": ""}', None), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "JSON that is sent as a form": (
        Ask("POST", f"{ROOT}/<id>/runs", b'{"args": ""}', FORM),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "large body": (Ask("POST", f"{ROOT}/<id>/runs", b" " * 1_100_000), 413, "REQUEST_ENTITY_TOO_LARGE"),
    "wrong method": (Ask("PATCH", f"{ROOT}/<id>", b"{}"), 405, "METHOD_NOT_ALLOWED"),
    "another wrong method": (Ask("DELETE", ROOT, b"{}"), 405, "METHOD_NOT_ALLOWED"),
    "unknown address": (Ask("GET", f"{ROOT}/<id>/nothing"), 400, "NOT_FOUND"),
    "no credentials": (Ask("GET", ROOT, user=None), 401, "UNAUTHORIZED"),
    "wrong credentials": (Ask("POST", f"{ROOT}/<id>/runs", user="nobody"), 401, "UNAUTHORIZED"),
    "a browser's page from elsewhere": (
        Ask("POST", f"{ROOT}/<id>/runs", headers={"Origin": "http://evil.test"}),
        400,
        "RBAC_ACCESS_DENIED",
    ),
    "NUL in the address": (Ask("GET", f"{ROOT}?query=%00"), 400, "the address holds a NUL character"),
    "no UTF-8 in the address": (Ask("GET", f"{ROOT}?query=%ff"), 200, "[]"),
    "unknown field": (Ask("POST", ROOT, body(name="", nonsense=1)), 400, "SCHEDULED_JOB_NAME_REQUIRED"),
    "duplicate name": (Ask("POST", ROOT, body(name="nightly visits")), 400, "SCHEDULED_JOB_DUP_JOB_NAME"),
    "wrong rights": (Ask("DELETE", f"{ROOT}/<id>", user="uma"), 400, "RBAC_ACCESS_DENIED"),
    "state conflict": (Ask("POST", f"{ROOT}/<id>/runs", b"{}", while_running=True), 200, '"name":"nightly visits"'),
}


def check(response: TestResponse) -> None:
    for problem in response.get_json():
        assert problem.keys() == {"code", "message"}
