"""The control API takes no body and knows no users; whatever its callers send along is not looked at.

An error of the application is answered with status 200, as the real server does.
"""

from werkzeug.test import TestResponse

from tests.web.situations import FORM, HUGE, Ask, Table

ROOT = "/api/jobs"
NOT_FOUND = "404 Not Found: The requested URL was not found on the server."
INVALID = '{"error":"Invalid job."}\n'
DELAY = '{"error":"Scheduler (run task with delay):\\nminutes: '


def get(path: str) -> Ask:
    return Ask("GET", path, user=None)


def post(path: str, body: bytes, content_type: str | None = "application/json") -> Ask:
    return Ask("POST", path, body, content_type, user=None)


TABLE: Table = {
    "unknown id": (get("/api/add/987654"), 200, INVALID),
    "unknown id to run": (get("/api/run/987654"), 200, INVALID),
    "an id of another kind": (get("/api/delete/<uid>"), 200, INVALID),
    "huge id": (get(f"/api/add/{HUGE}"), 200, INVALID),
    "huge number in the address": (get(f"/api/run/<id>/delay/{HUGE}"), 200, DELAY),
    "malformed JSON": (post("/api/add/987654", b"{"), 200, INVALID),
    "another kind of JSON": (post("/api/delete/987654", b"[]"), 200, INVALID),
    "deep JSON": (post("/api/run/987654", b"[" * 5000), 200, INVALID),
    "no UTF-8": (post("/api/run/987654", b"\xff"), 200, INVALID),
    "half a character": (get("/api/run/%ED%A0%80"), 200, INVALID),
    "NUL": (get("/api/run/1%00"), 400, "the address holds a NUL character"),
    "no number": (get("/api/run/<id>/delay/abc"), 200, f"{DELAY}'abc' is no whole number of minutes"),
    "huge number": (get(f"/api/run/<id>/delay/{10**17}"), 200, f"{DELAY}must be from 0 to "),
    "very huge number": (get(f"/api/run/<id>/delay/-{HUGE}"), 200, DELAY),
    "wrong type": (get("/api/run/<id>/delay/1.5"), 200, f"{DELAY}'1.5' is no whole number of minutes"),
    "wrong truth": (get("/api/run/<id>/delay/true"), 200, f"{DELAY}'true' is no whole number of minutes"),
    "list for a text": (get("/api/add/[1]"), 200, INVALID),
    "unknown enum": None,
    "another unknown enum": None,
    "unknown field": (get("/api/details?nonsense=1"), 200, '"name":"(cron) DEFAULT: nightly visits"'),
    "duplicate name": None,
    "empty body": (post("/api/add/987654", b""), 200, INVALID),
    "wrong content type": (post("/api/add/987654", b"x", "text/xml"), 200, INVALID),
    "no content type": (post("/api/add/987654", b"x", None), 200, INVALID),
    "JSON that is sent as a form": (post("/api/run/987654", b"{}", FORM), 200, INVALID),
    "large body": (post("/api/run/987654", b" " * 1_100_000), 200, INVALID),
    "wrong method": (Ask("DELETE", "/api/delete/<id>", user=None), 404, "405 Method Not Allowed"),
    "another wrong method": (Ask("PUT", "/api/add/<id>", b"{}", user=None), 404, "405 Method Not Allowed"),
    "unknown address": (get("/api/blah"), 404, NOT_FOUND),
    "no credentials": (get(ROOT), 200, "[<id>]"),
    "wrong credentials": (Ask("GET", ROOT, user="nobody"), 200, "[<id>]"),
    "wrong rights": (
        Ask("GET", "/api/delete/<id>", user=None, headers={"X-Forwarded-For": "192.0.2.1"}),
        403,
        "the control API does not answer through a proxy",
    ),
    "state conflict": (
        Ask("GET", "/api/run/<id>", user=None, while_running=True),
        200,
        '{"error":"Scheduler (run task)',
    ),
    "a browser's page from elsewhere": (
        Ask("GET", "/api/run/<id>", headers={"Origin": "http://evil.test"}),
        403,
        "the control API does not answer browsers",
    ),
    "NUL in the address": (get("/api/schedule?x=%00"), 400, "the address holds a NUL character"),
    "no UTF-8 in the address": (get("/api/run/<id>/delay/%ff"), 200, DELAY),
}


def check(response: TestResponse) -> None:
    assert response.mimetype == "application/json"
    assert response.get_json().keys() == {"error"}
