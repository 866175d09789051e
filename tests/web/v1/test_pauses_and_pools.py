"""Pauses and pools over our own API."""

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.policies import Policies
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob

MOMENT = "2026-03-02T12:00:00Z"


def test_a_pause_begins_is_listed_and_ends(admin_client: FlaskClient, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job("nightly")
    asked = {"scope": "job", "name": job.uid, "until": "2026-03-02T18:00:00+01:00", "reason": "move"}
    pause = {
        "scope": "job", "name": job.uid, "until": "2026-03-02T17:00:00Z", "reason": "move", "id": 1,
        "job_name": "nightly", "began_at": MOMENT, "began_by": "ada", "ended_at": None, "ended_by": None,
    }  # fmt: skip

    begun = admin_client.post("/api/v1/pauses", json=asked)

    assert (begun.status_code, begun.get_json() | {"until": pause["until"]}) == (201, pause)
    assert admin_client.get("/api/v1/pauses").get_json() == {"pauses": [pause]}

    ended = admin_client.post("/api/v1/pauses/1/end")

    over = pause | {"ended_at": MOMENT, "ended_by": "ada"}
    assert (ended.status_code, ended.get_json()) == (200, over)
    assert admin_client.get("/api/v1/pauses").get_json() == {"pauses": []}
    assert admin_client.get("/api/v1/pauses?ended=true").get_json() == {"pauses": [over]}


def test_pauses_of_everything_a_group_and_a_trigger_say_what_they_are_about(
    admin_client: FlaskClient, make_job: MakeJob
) -> None:
    make_job("nightly", group="night")
    for scope, name in (("all", ""), ("group", "night"), ("trigger", "1")):
        assert admin_client.post("/api/v1/pauses", json={"scope": scope, "name": name}).status_code == 201

    listed = admin_client.get("/api/v1/pauses").get_json()["pauses"]

    assert [(pause["scope"], pause["name"], pause["job_name"]) for pause in listed] == [
        ("all", "", None), ("group", "night", None), ("trigger", "1", "nightly"),
    ]  # fmt: skip


def test_pools_are_kept_by_name(admin_client: FlaskClient, make_job: MakeJob, services: Services) -> None:
    made = admin_client.put("/api/v1/pools/warehouse", json={"places": 1})
    job = make_job("nightly", policies=Policies(pool="warehouse"))
    changed = admin_client.put("/api/v1/pools/warehouse", json={"places": 3})
    services.runs.request(job.uid, by="ada")

    pool = {"places": 3, "name": "warehouse", "taken": 0, "waiting": 1, "used_by": ["nightly"]}
    assert (made.status_code, made.get_json()["places"], changed.status_code) == (201, 1, 200)
    assert admin_client.get("/api/v1/pools").get_json() == {"pools": [pool]}
    assert admin_client.get("/api/v1/pools/warehouse").get_json() == pool

    refused = admin_client.delete("/api/v1/pools/warehouse")
    services.jobs.delete(job.uid, by="ada")

    assert (refused.status_code, refused.get_json()["code"]) == (409, "in_use")
    assert admin_client.delete("/api/v1/pools/warehouse").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "pauses", {"scope": "all"}, 409, "already_paused"),
        ("POST", "pauses", {"scope": "all", "name": "x"}, 422, "invalid"),
        ("POST", "pauses", {"scope": "none"}, 422, "invalid"),
        ("POST", "pauses", {"scope": "group", "name": "none"}, 404, "not_found"),
        ("POST", "pauses", {"scope": "trigger", "name": "x"}, 404, "not_found"),
        ("POST", "pauses", {"scope": "trigger", "name": "9" * 30}, 404, "not_found"),
        ("POST", "pauses", {"scope": "all", "until": "2026-03-02T11:00:00Z"}, 422, "invalid"),
        ("POST", "pauses", {"scope": "all", "until": "2026-03-02T18:00:00"}, 422, "invalid"),
        ("POST", "pauses/9/end", None, 404, "not_found"),
        ("POST", f"pauses/{10**30}/end", None, 404, "not_found"),
        ("PUT", "pools/a%20b", {"places": 1}, 422, "invalid"),
        ("PUT", "pools/p", {"places": 0}, 422, "invalid"),
        ("PUT", "pools/p", {"places": "4"}, 422, "invalid"),
        ("PUT", "pools/p", {}, 422, "invalid"),
        ("DELETE", "pools/none", None, 404, "not_found"),
        ("GET", "pools/none", None, 404, "not_found"),
    ],
)
def test_bad_requests(
    admin_client: FlaskClient, services: Services, method: str, path: str, body: object, status: int, code: str
) -> None:
    if code == "already_paused":
        admin_client.post("/api/v1/pauses", json={"scope": "all"})

    answer = admin_client.open(f"/api/v1/{path}", method=method, json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert len(services.pauses.current()) == (code == "already_paused")
    assert services.pools.list() == []


def test_only_administrators_pause_and_keep_pools(user_client: FlaskClient, services: Services) -> None:
    pause = services.pauses.begin("all")  # type: ignore[arg-type]
    for method, path in (
        ("POST", "pauses"), ("POST", f"pauses/{pause.id}/end"), ("PUT", "pools/p"), ("DELETE", "pools/p"),
    ):  # fmt: skip
        assert user_client.open(f"/api/v1/{path}", method=method, json={}).status_code == 403
    assert len(user_client.get("/api/v1/pauses").get_json()["pauses"]) == 1
