"""Sunbird answers with its envelope. It takes no bodies: what is sent is not read."""

from werkzeug.test import TestResponse

from tests.web.situations import FORM, HUGE, Ask, Table

ROOT = "/api/v1/backgroundtasks"
NOT_FOUND = "Requested resource not found"
TABLE: Table = {
    "unknown id": (Ask("POST", f"{ROOT}/trigger/nothing"), 404, NOT_FOUND),
    "unknown id to run": (Ask("POST", f"/v1/backgroundtasks/trigger/{HUGE}"), 404, NOT_FOUND),
    "an id of another kind": (Ask("POST", f"{ROOT}/trigger/<uid>"), 404, NOT_FOUND),
    "huge id": (Ask("POST", f"{ROOT}/trigger/{HUGE}"), 404, NOT_FOUND),
    "huge number in the address": (Ask("GET", f"{ROOT}/{HUGE}"), 404, NOT_FOUND),
    "malformed JSON": (Ask("POST", f"{ROOT}/trigger/nothing", b"{"), 404, NOT_FOUND),
    "another kind of JSON": (Ask("POST", f"{ROOT}/trigger/nothing", b"[]"), 404, NOT_FOUND),
    "deep JSON": (Ask("POST", f"{ROOT}/trigger/nothing", b"[" * 5000), 404, NOT_FOUND),
    "no UTF-8": (Ask("POST", f"{ROOT}/trigger/nothing", b"\xff"), 404, NOT_FOUND),
    "half a character": None,
    "NUL": None,
    "no number": None,
    "huge number": None,
    "very huge number": None,
    "wrong type": None,
    "wrong truth": None,
    "list for a text": None,
    "unknown enum": None,
    "another unknown enum": None,
    "unknown field": (Ask("GET", f"{ROOT}?nonsense=1"), 200, '"taskName":"nightly visits"'),
    "duplicate name": None,
    "empty body": (Ask("POST", f"{ROOT}/trigger/nothing", b""), 404, NOT_FOUND),
    "wrong content type": (Ask("POST", f"{ROOT}/trigger/nothing", b"x", "text/xml"), 404, NOT_FOUND),
    "no content type": (Ask("POST", f"{ROOT}/trigger/nothing", b"x", None), 404, NOT_FOUND),
    "JSON that is sent as a form": (Ask("POST", f"{ROOT}/trigger/nothing", b"{}", FORM), 404, NOT_FOUND),
    "large body": (Ask("POST", f"{ROOT}/trigger/nothing", b" " * 1_100_000), 404, NOT_FOUND),
    "wrong method": (Ask("GET", f"{ROOT}/trigger/nightly visits"), 405, "METHOD_NOT_ALLOWED"),
    "another wrong method": (Ask("DELETE", ROOT), 405, "METHOD_NOT_ALLOWED"),
    "unknown address": (Ask("GET", f"{ROOT}/nothing"), 404, NOT_FOUND),
    "no credentials": (Ask("GET", ROOT, user=None), 401, "UNAUTHORIZED_USER"),
    "wrong credentials": (Ask("GET", ROOT, user="nobody"), 401, "UNAUTHORIZED_USER"),
    "wrong rights": (Ask("POST", f"{ROOT}/trigger/nightly visits", user="uma"), 401, "UNAUTHORIZED_USER"),
    "state conflict": (Ask("POST", f"{ROOT}/trigger/nightly visits", while_running=True), 400, "JOB_ALREADY_RUNNING"),
    "a browser's page from elsewhere": (
        Ask("POST", f"{ROOT}/trigger/nightly visits", headers={"Origin": "http://evil.test"}),
        401,
        "UNAUTHORIZED_USER",
    ),
    "NUL in the address": (Ask("POST", f"{ROOT}/trigger/%00"), 400, "the address holds a NUL character"),
    "no UTF-8 in the address": (Ask("POST", f"{ROOT}/trigger/%ff"), 404, NOT_FOUND),
}


def check(response: TestResponse) -> None:
    answer = response.get_json()
    assert (answer["params"]["status"], answer["result"]) == ("failure", {})
    assert answer.keys() == {"id", "ver", "ts", "params", "responseCode", "result"}
