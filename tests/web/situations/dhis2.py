"""DHIS2 answers with a WebMessage."""

import json
from typing import Any

from werkzeug.test import TestResponse

from tests.web.conftest import sql
from tests.web.situations import FORM, HUGE, Ask, Table

ROOT = "/api/jobConfigurations"


def body(**members: Any) -> bytes:
    wanted = {"name": "new", "jobType": "SQL_EXPORT", "cronExpression": "0 0 3 * * ?", "jobParameters": sql()}
    return json.dumps(wanted | members).encode()


TABLE: Table = {
    "unknown id": (Ask("GET", f"{ROOT}/KBcP6Qw37gT"), 404, "JobConfiguration with id KBcP6Qw37gT could not be found."),
    "unknown id to run": (
        Ask("POST", f"{ROOT}/KBcP6Qw37gT/execute"),
        404,
        "JobConfiguration with id KBcP6Qw37gT could not be found.",
    ),
    "an id of another kind": (Ask("GET", f"{ROOT}/1"), 404, "could not be found"),
    "huge id": (Ask("GET", f"{ROOT}/{HUGE}"), 404, "could not be found"),
    "huge number in the address": (Ask("GET", f"/api/{HUGE}/jobConfigurations/x"), 404, "could not be found"),
    "malformed JSON": (Ask("POST", ROOT, b'{"name": "x",'), 409, "the body is no JSON"),
    "another kind of JSON": (Ask("PUT", f"{ROOT}/<uid>", b"[]"), 409, "the body must be a JSON object"),
    "deep JSON": (Ask("POST", ROOT, b'{"a":' * 5000), 409, "the JSON is nested too deeply"),
    "no UTF-8": (Ask("POST", ROOT, b'{"name": "\xff"}'), 409, "the body is no JSON"),
    "half a character": (Ask("POST", ROOT, body(name="\ud800")), 409, "the body is no JSON"),
    "NUL": (Ask("POST", ROOT, body(description="\x00")), 409, "a text holds a NUL character"),
    "no number": (Ask("POST", ROOT, b'{"delay": NaN}'), 409, "NaN is no JSON number"),
    "huge number": (Ask("POST", ROOT, body(delay=10**30)), 409, "delay: Not a valid integer."),
    "very huge number": (Ask("POST", ROOT, b'{"delay": ' + b"9" * 5000 + b"}"), 409, "the body is no JSON"),
    "wrong type": (Ask("POST", ROOT, body(jobParameters=[])), 409, "jobParameters: Not a valid mapping type."),
    "wrong truth": (Ask("PUT", f"{ROOT}/<uid>", body(enabled="maybe")), 409, "enabled: Not a valid boolean."),
    "list for a text": (Ask("PUT", f"{ROOT}/<uid>", body(name=["x"])), 409, "name: Not a valid string."),
    "unknown enum": (
        Ask("POST", ROOT, body(jobType="NOPE")),
        409,
        'Cannot deserialize value of type `org.hisp.dhis.scheduling.JobType` from String "NOPE": '
        "not one of the values accepted for Enum class: [SQL_EXPORT]",
    ),
    "another unknown enum": (Ask("POST", ROOT, body(schedulingType="NOPE")), 409, "schedulingType: Must be one of"),
    "empty body": (Ask("POST", ROOT, b""), 409, "the body is empty"),
    "wrong content type": (Ask("POST", ROOT, body(), "text/plain"), 415, "the body must be application/json"),
    "no content type": (Ask("PUT", f"{ROOT}/<uid>", body(), None), 415, "the body must be application/json"),
    "JSON that is sent as a form": (Ask("POST", ROOT, body(), FORM), 415, "the header Content-Type must say so"),
    "large body": (Ask("POST", ROOT, b" " * 1_100_000), 413, "exceeds the capacity limit"),
    "wrong method": (Ask("PUT", ROOT, b"{}"), 405, "The method is not allowed"),
    "another wrong method": (Ask("GET", f"{ROOT}/<uid>/execute"), 405, "The method is not allowed"),
    "unknown address": (Ask("GET", f"{ROOT}/<uid>/nothing"), 404, "The requested URL was not found"),
    "no credentials": (Ask("GET", ROOT, user=None), 401, "log in first"),
    "wrong credentials": (Ask("GET", ROOT, user="nobody"), 401, "log in first"),
    "a browser's page from elsewhere": (
        Ask("POST", f"{ROOT}/<uid>/execute", headers={"Origin": "http://evil.test"}),
        403,
        "Carillon's own pages",
    ),
    "NUL in the address": (Ask("GET", f"{ROOT}/1%00"), 400, "the address holds a NUL character"),
    "no UTF-8 in the address": (Ask("GET", f"{ROOT}?filter=name:eq:%ff&fields=%ff[%5d"), 200, "jobConfigurations"),
    "unknown field": (Ask("POST", ROOT, body(name="", nonsense=1)), 409, "Missing required property `name`."),
    "duplicate name": (Ask("POST", ROOT, body(name="nightly visits")), 409, "already exists on object <uid>"),
    "wrong rights": (Ask("DELETE", f"{ROOT}/<uid>", user="uma"), 403, "an administrator can do it"),
    "state conflict": (Ask("POST", f"{ROOT}/<uid>/execute", while_running=True), 409, "Job is already running."),
}


def check(response: TestResponse) -> None:
    answer = response.get_json()
    assert (answer["httpStatusCode"], answer["status"]) == (response.status_code, "ERROR")
    assert answer.keys() >= {"httpStatus", "message"}
