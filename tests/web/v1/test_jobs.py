"""/api/v1/jobs"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import NotFoundError
from app.core.triggers import cron
from app.web.v1.jobs import merged
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play, every, sql

JOBS = "/api/v1/jobs"
NIGHTLY = {"kind": "cron", "expression": "0 0 3 * * ?"}


def wanted(**members: Any) -> dict[str, Any]:
    return {"name": "nightly", "job_type": "SQL_EXPORT", "parameters": sql(), "triggers": [NIGHTLY], **members}


def made(client: FlaskClient, **members: Any) -> dict[str, Any]:
    answer = client.post(JOBS, json=wanted(**members))
    assert answer.status_code == 201, answer.get_json()
    shown: dict[str, Any] = answer.get_json()
    return shown


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, answer.get_json()["code"]


def wrong(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.get_json()
    return {one["field"]: one["code"] for one in answer.get_json()["errors"]}


# Create and show


def test_a_new_job_is_answered_whole(admin_client: FlaskClient, services: Services) -> None:
    answer = admin_client.post(JOBS, json=wanted(description="for the board", group="reports", timeout_seconds=600))

    shown = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://localhost/api/v1/jobs/{shown['uid']}"
    assert answer.headers["ETag"] == '"1"'
    assert shown == {
        "uid": shown["uid"],
        "name": "nightly",
        "job_type": "SQL_EXPORT",
        "parameters": services.jobs.get(shown["uid"]).parameters,
        "triggers": [
            {
                "id": 1,
                "kind": "cron",
                "timezone": "Europe/Paris",
                "expression": "0 0 3 * * ?",
                "dialect": "quartz",
                "gap": "next",
                "overlap": "interval",
                "misfire": "smart",
                "misfire_threshold_seconds": 60,
                "next_fire_at": "2026-03-03T02:00:00Z",
            }
        ],
        "enabled": True,
        "description": "for the board",
        "group": "reports",
        "timeout_seconds": 600,
        "policies": {
            "overlap": "skip",
            "overlap_limit": 1,
            "start_deadline_seconds": None,
            "priority": 0,
            "pool": None,
            "retry": None,
            "attempt_timeout_seconds": None,
            "recovery": "fail",
        },
        "id": 1,
        "is_system": False,
        "version": 1,
        "created_at": "2026-03-02T12:00:00Z",
        "created_by": "ada",
        "updated_at": "2026-03-02T12:00:00Z",
        "updated_by": "ada",
        "next_fire_at": "2026-03-03T02:00:00Z",
        "last_run": None,
        "links": shown["links"],
    }
    again = admin_client.get(f"{JOBS}/{shown['uid']}")
    assert (again.get_json(), again.headers["ETag"]) == (shown, '"1"')


def test_only_name_and_type_are_required(admin_client: FlaskClient) -> None:
    assert wrong(admin_client.post(JOBS, json={})) == {"name": "required", "job_type": "required"}
    assert made(admin_client, triggers=[])["triggers"] == []


def test_every_kind_of_trigger(admin_client: FlaskClient) -> None:
    triggers = [
        NIGHTLY,
        {"kind": "simple", "every_seconds": 90, "repeat_count": 3},
        {"kind": "fixed_delay", "delay_seconds": 0},
        {"kind": "calendar_interval", "every_count": 2, "every_unit": "month", "month_end": "skip"},
        {"kind": "daily_interval", "every_seconds": 600, "from_time": "08:00", "to_time": "17:00", "weekdays": ["MON"]},
        {"kind": "once", "start_at": "2026-12-24T18:00:00"},
    ]

    shown = made(admin_client, triggers=triggers)

    for asked, trigger in zip(triggers, shown["triggers"], strict=True):
        assert trigger == trigger | asked | ({"start_at": "2026-12-24T17:00:00Z"} if asked["kind"] == "once" else {})
    sent_back = made(admin_client, **shown | {"name": "copy", "uid": "copy0000001"})
    assert [{**one, "id": 0} for one in sent_back["triggers"]] == [{**one, "id": 0} for one in shown["triggers"]]


def test_a_job_links_to_what_belongs_to_it(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    play.run(job, content=b"id\n")

    links = user_client.get(f"{JOBS}/{job.uid}").get_json()["links"]

    assert list(links) == ["runs", "results", "latest_result", "contract", "keep"]
    assert [user_client.get(path).status_code for path in links.values()] == [200] * 5


def test_the_last_run_is_shown_in_short(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    run_id = play.run(job)

    assert user_client.get(f"{JOBS}/{job.uid}").get_json()["last_run"] == {
        "id": run_id,
        "status": "succeeded",
        "queued_at": "2026-03-02T12:00:00Z",
        "started_at": "2026-03-02T12:00:00Z",
        "finished_at": "2026-03-02T12:00:21.780000Z",
    }


BAD: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "name taken": ({"name": "nightly visits"}, {"name": "taken"}),
    "no name": ({"name": ""}, {"name": "invalid"}),
    "blank name": ({"name": " "}, {"name": "required"}),
    "unknown type": ({"job_type": "NOPE"}, {"job_type": "unknown"}),
    "unknown member": ({"nonsense": 1}, {"nonsense": "unknown_field"}),
    "unknown parameter": ({"parameters": sql(nonsense=1)}, {"parameters.nonsense": "unknown_field"}),
    "wrong parameter": ({"parameters": sql(maxRows=0)}, {"parameters.maxRows": "invalid"}),
    "wrong truth": ({"enabled": 1}, {"enabled": "invalid"}),
    "wrong number": ({"timeout_seconds": "60"}, {"timeout_seconds": "invalid"}),
    "no uid": ({"uid": "1"}, {"uid": "invalid"}),
    "wrong cron": ({"triggers": [{"kind": "cron", "expression": "0 0 25 * * ?"}]}, {"triggers.0.expression": "cron"}),
    "unknown kind": ({"triggers": [NIGHTLY, {"kind": "nope"}]}, {"triggers.1.kind": "invalid"}),
    "unknown calendar": ({"triggers": [{**NIGHTLY, "calendar": "nope"}]}, {"triggers.0.calendar": "unknown"}),
    "two things": (
        {"name": "nightly visits", "triggers": [{"kind": "fixed_delay"}]},
        {"name": "taken", "triggers.0.delay_seconds": "required"},
    ),
}


@pytest.mark.parametrize(("members", "problems"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_and_nothing_is_stored(
    members: dict[str, Any],
    problems: dict[str, str],
    admin_client: FlaskClient,
    make_job: MakeJob,
    services: Services,
) -> None:
    job = make_job()

    assert wrong(admin_client.post(JOBS, json=wanted(**members))) == problems
    if "name" in members or "parameters" in members:
        other = make_job("other")
        assert wrong(admin_client.patch(f"{JOBS}/{other.uid}", json=members)).keys() == problems.keys()
        assert services.jobs.get(other.uid).version == 1
    assert services.jobs.get(job.uid).version == 1


def test_a_uid_is_taken_once(admin_client: FlaskClient) -> None:
    made(admin_client, uid="KBcP6Qw37gT")

    answer = admin_client.post(JOBS, json=wanted(name="other", uid="KBcP6Qw37gT"))

    assert refusal(answer) == (409, "uid_taken")


# List


@pytest.fixture
def four(make_job: MakeJob) -> None:
    make_job("first", group="a")
    make_job("Second", group="b", enabled=False)
    make_job("third", group="b")
    make_job("100%")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["first", "Second", "third", "100%"]),
        ("search=IR", ["first", "third"]),
        ("search=%25", ["100%"]),
        ("group=b", ["Second", "third"]),
        ("enabled=false", ["Second"]),
        ("enabled=true&group=b", ["third"]),
        ("job_type=SQL_EXPORT&limit=1", ["first"]),
        ("job_type=NOPE", []),
        ("cursor=3", ["100%"]),
    ],
)
@pytest.mark.usefixtures("four")
def test_jobs_are_listed(query: str, names: list[str], user_client: FlaskClient) -> None:
    answer = user_client.get(f"{JOBS}?{query}")

    assert [job["name"] for job in answer.get_json()["items"]] == names


@pytest.mark.usefixtures("four")
def test_pages_follow_each_other(user_client: FlaskClient) -> None:
    found, cursor = [], "0"
    while cursor is not None:
        page = user_client.get(f"{JOBS}?limit=3&cursor={cursor}").get_json()
        found.append([job["name"] for job in page["items"]])
        cursor = page["next"]

    assert found == [["first", "Second", "third"], ["100%"]]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=-1", "enabled=perhaps", "nonsense=1"])
def test_a_query_that_cannot_be(query: str, user_client: FlaskClient) -> None:
    assert list(wrong(user_client.get(f"{JOBS}?{query}"))) == ["?" + query.partition("=")[0]]


# Replace and change


def test_a_job_is_replaced(admin_client: FlaskClient, clock: FakeClock) -> None:
    job = made(admin_client, description="old")
    clock.advance(minutes=1)

    answer = admin_client.put(f"{JOBS}/{job['uid']}", json=wanted(name="new"), headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.get_json() == job | {
        "name": "new", "description": "", "version": 2, "updated_at": "2026-03-02T12:01:00Z"
    }  # fmt: skip


def test_what_was_read_can_be_sent_back(admin_client: FlaskClient, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(triggers=[every(600), cron("0 0 3 ? * MON", "Asia/Tokyo")])
    read = admin_client.get(f"{JOBS}/{job.uid}")
    clock.advance(minutes=5)

    answer = admin_client.put(f"{JOBS}/{job.uid}", json=read.get_json(), headers={"If-Match": read.headers["ETag"]})

    assert answer.get_json()["triggers"] == read.get_json()["triggers"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_nobody_overwrites_what_somebody_else_changed(
    method: str, admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()
    services.jobs.disable(job.uid, "uma")

    for tag in ('"1"', 'W/"2"', "nonsense", '"99999999999999"'):
        answer = admin_client.open(f"{JOBS}/{job.uid}", method=method, json=wanted(), headers={"If-Match": tag})
        assert refusal(answer) == (412, "changed")
    assert services.jobs.get(job.uid).version == 2
    answer = admin_client.open(f"{JOBS}/{job.uid}", method=method, json=wanted(), headers={"If-Match": '"2"'})
    assert answer.status_code in (200, 204)


def test_a_replacement_must_say_what_it_replaces(admin_client: FlaskClient, make_job: MakeJob) -> None:
    answer = admin_client.put(f"{JOBS}/{make_job().uid}", json=wanted())

    assert refusal(answer) == (428, "precondition_required")
    assert "If-Match" in answer.get_json()["detail"]


def test_single_members_change(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job(timeout_seconds=60, description="old")
    before = admin_client.get(f"{JOBS}/{job.uid}").get_json()
    patch = {"name": "new", "timeout_seconds": None, "parameters": {"maxRows": 5, "parameters": {"region": "south"}}}

    answer = admin_client.patch(f"{JOBS}/{job.uid}", json=patch, content_type="application/merge-patch+json")

    parameters = before["parameters"] | {"maxRows": 5, "parameters": {"region": "south", "least": 1}}
    assert answer.get_json() == before | {
        "name": "new", "timeout_seconds": None, "parameters": parameters, "version": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    ("there", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396(there: Any, patch: Any, result: Any) -> None:
    assert merged(there, patch) == result


def test_the_type_of_a_job_stays(admin_client: FlaskClient, make_job: MakeJob) -> None:
    assert wrong(admin_client.patch(f"{JOBS}/{make_job().uid}", json={"job_type": "OTHER"})) == {
        "job_type": "read_only"
    }


# Enable, disable, delete


def test_a_job_is_switched(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job()

    off = admin_client.post(f"{JOBS}/{job.uid}/disable")
    again = admin_client.post(f"{JOBS}/{job.uid}/disable")
    on = admin_client.post(f"{JOBS}/{job.uid}/enable")

    assert [(one.get_json()["enabled"], one.headers["ETag"]) for one in (off, again, on)] == [
        (False, '"2"'), (False, '"2"'), (True, '"3"'),
    ]  # fmt: skip
    assert [one.get_json()["next_fire_at"] for one in (off, on)] == [None, "2026-03-03T02:00:00Z"]


def test_a_deleted_job_leaves_its_runs(
    admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    run_id = play.begin(job).run_id

    answer = admin_client.delete(f"{JOBS}/{job.uid}")

    assert (answer.status_code, answer.data) == (204, b"")
    with pytest.raises(NotFoundError):
        services.jobs.get(job.uid)
    assert admin_client.get(f"/api/v1/runs/{run_id}").get_json()["status"] == "cancelling"
    assert made(admin_client, name=job.name)["uid"] != job.uid


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/disable")],
)
def test_an_unknown_job(method: str, path: str, admin_client: FlaskClient) -> None:
    body = wanted() if method in ("PUT", "PATCH") else None

    answer = admin_client.open(f"{JOBS}/KBcP6Qw37gT{path}", method=method, json=body, headers={"If-Match": "*"})

    assert refusal(answer) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ""), ("PUT", "/<uid>"), ("PATCH", "/<uid>"), ("DELETE", "/<uid>"), ("POST", "/<uid>/enable")],
)
def test_a_user_changes_nothing(method: str, path: str, user_client: FlaskClient, make_job: MakeJob) -> None:
    answer = user_client.open(JOBS + path.replace("<uid>", make_job().uid), method=method, json=wanted())

    assert refusal(answer) == (403, "forbidden")
