"""Our own API answers with problem details."""

import json
from typing import Any

from werkzeug.test import TestResponse

from tests.web.conftest import sql
from tests.web.situations import FORM, HUGE, Ask, Table

ROOT = "/api/v1/jobs"


def body(**members: Any) -> bytes:
    return json.dumps({"name": "new", "job_type": "SQL_EXPORT", "parameters": sql(), **members}).encode()


TABLE: Table = {
    "unknown id": (Ask("GET", f"{ROOT}/KBcP6Qw37gT"), 404, "no job with uid 'KBcP6Qw37gT'"),
    "unknown id to run": (Ask("POST", f"{ROOT}/KBcP6Qw37gT/runs"), 404, "no job with uid 'KBcP6Qw37gT'"),
    "an id of another kind": (Ask("GET", "/api/v1/runs/x"), 404, "not_found"),
    "huge id": (Ask("GET", f"{ROOT}/{HUGE}"), 404, "not_found"),
    "huge number in the address": (Ask("GET", f"/api/v1/runs/{HUGE}"), 404, "not_found"),
    "malformed JSON": (Ask("POST", ROOT, b'{"name": "x",'), 400, "the body is no JSON"),
    "another kind of JSON": (Ask("PATCH", f"{ROOT}/<uid>", b"[]"), 400, "the body must be a JSON object"),
    "deep JSON": (Ask("POST", ROOT, b'{"a":' * 5000), 400, "the JSON is nested too deeply"),
    "no UTF-8": (Ask("POST", ROOT, b'{"name": "\xff"}'), 400, "the body is no JSON"),
    "half a character": (Ask("POST", ROOT, body(name="\ud800")), 400, "the body is no JSON"),
    "NUL": (Ask("PATCH", f"{ROOT}/<uid>", body(description="\x00")), 400, "a text holds a NUL character"),
    "no number": (Ask("POST", ROOT, b'{"timeout_seconds": NaN}'), 400, "NaN is no JSON number"),
    "huge number": (Ask("POST", ROOT, body(timeout_seconds=10**30)), 422, '"field":"timeout_seconds"'),
    "very huge number": (Ask("POST", ROOT, b'{"timeout_seconds": ' + b"9" * 5000 + b"}"), 400, "the body is no JSON"),
    "wrong type": (Ask("POST", ROOT, body(parameters=[])), 422, "Not a valid mapping type."),
    "wrong truth": (Ask("PATCH", f"{ROOT}/<uid>", b'{"enabled": "true"}'), 422, "Not a valid boolean."),
    "list for a text": (Ask("PATCH", f"{ROOT}/<uid>", b'{"name": ["x"]}'), 422, "Not a valid string."),
    "unknown enum": (Ask("POST", ROOT, body(job_type="NOPE")), 422, "no job type 'NOPE'"),
    "another unknown enum": (Ask("GET", "/api/v1/runs?status=nope"), 422, '"field":"?status"'),
    "unknown field": (Ask("POST", ROOT, body(nonsense=1)), 422, '"field":"nonsense","message":"Unknown field."'),
    "duplicate name": (Ask("POST", ROOT, body(name="nightly visits")), 422, "already exists (<uid>)"),
    "empty body": (Ask("POST", ROOT, b""), 400, "the body is empty"),
    "wrong content type": (Ask("POST", ROOT, body(), "text/plain"), 415, "the body must be application/json"),
    "no content type": (Ask("PATCH", f"{ROOT}/<uid>", body(), None), 415, "the body must be application/json"),
    "JSON that is sent as a form": (
        Ask("POST", f"{ROOT}/<uid>/runs", b"{}", FORM),
        415,
        "the header Content-Type must say so",
    ),
    "large body": (Ask("POST", ROOT, b" " * 1_100_000), 413, "too_large"),
    "wrong method": (Ask("POST", f"{ROOT}/<uid>", b"{}"), 405, "method_not_allowed"),
    "another wrong method": (Ask("GET", f"{ROOT}/<uid>/enable"), 405, "method_not_allowed"),
    "unknown address": (Ask("GET", f"{ROOT}/<uid>/nothing"), 404, "not_found"),
    "no credentials": (Ask("GET", ROOT, user=None), 401, "unauthenticated"),
    "wrong credentials": (Ask("GET", ROOT, user="nobody"), 401, "unauthenticated"),
    "wrong rights": (Ask("DELETE", f"{ROOT}/<uid>", user="uma"), 403, "an administrator can do it"),
    "state conflict": (Ask("POST", f"{ROOT}/<uid>/runs", while_running=True), 409, "already_running"),
    "a browser's page from elsewhere": (
        Ask("POST", f"{ROOT}/<uid>/runs", headers={"Origin": "http://evil.test"}),
        403,
        "cross_origin",
    ),
    "NUL in the address": (Ask("GET", f"{ROOT}?search=%00"), 400, "the address holds a NUL character"),
    "no UTF-8 in the address": (Ask("GET", f"{ROOT}?search=%ff"), 200, '"items":[]'),
}


def check(response: TestResponse) -> None:
    assert response.mimetype == "application/problem+json"
    answer = response.get_json()
    assert answer.keys() - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert answer["status"] == response.status_code
