"""/api/v1/jobs/UID/contract and held results."""

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from tests.fakes import FakeClock
from tests.web.conftest import CSV, MakeJob, Play

NONE = {
    "on": False, "learnt": False, "columns": None, "least_rows": None, "most_rows": None, "max_age_seconds": None,
    "updated_at": None, "updated_by": None, "unique_key": None, "types": None, "is_stale": False,
}  # fmt: skip
AT = "2026-03-02T12:00:10Z"


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Has made a result with two rows."""
    made = make_job()
    play.run(made, content=CSV, seconds=10)
    return made


def test_a_contract_is_learnt_written_and_shown(admin_client: FlaskClient, job: Job) -> None:
    path = f"/api/v1/jobs/{job.uid}/contract"
    assert admin_client.get(path).get_json() == NONE

    learnt = admin_client.put(path, json={"on": True})

    expected = NONE | {"on": True, "learnt": True, "updated_at": AT, "updated_by": "ada"}
    assert (learnt.status_code, learnt.get_json()) == (
        200, expected | {"columns": ["id", "name"], "least_rows": 1, "most_rows": 102}
    )  # fmt: skip

    written = admin_client.put(path, json={"on": True, "least_rows": 5, "max_age_seconds": 60})

    assert written.get_json() == expected | {"least_rows": 5, "max_age_seconds": 60}
    assert admin_client.get(path).get_json() == written.get_json()


def test_a_key_and_types_are_part_of_it(admin_client: FlaskClient, job: Job) -> None:
    path = f"/api/v1/jobs/{job.uid}/contract"
    terms = {"columns": ["id", "name"], "unique_key": ["id"], "types": {"id": "integer"}}

    written = admin_client.put(path, json={"on": True, **terms}).get_json()

    assert {name: written[name] for name in terms} == terms
    for wrong in ({"unique_key": ["none"]}, {"unique_key": []}, {"types": {"id": ""}}):
        answer = admin_client.put(path, json={"on": True, **terms, **wrong})
        assert (answer.status_code, [one["field"] for one in answer.get_json()["errors"]]) == (422, list(wrong))


def test_a_held_result_says_so_and_is_accepted(admin_client: FlaskClient, job: Job, play: Play) -> None:
    admin_client.put(f"/api/v1/jobs/{job.uid}/contract", json={"on": True, "least_rows": 5})
    play.run(job, content=CSV)
    held = admin_client.get("/api/v1/results/2").get_json()
    assert held["held"] == ["it has 2 rows, fewer than 5"]
    assert admin_client.get(f"/api/v1/jobs/{job.uid}/results/latest").get_json()["id"] == 1

    accepted = admin_client.post("/api/v1/results/2/accept")

    moment = held["created_at"]
    assert accepted.get_json() == held | {"held": None, "accepted_at": moment, "accepted_by": "ada"}
    assert admin_client.get(f"/api/v1/jobs/{job.uid}/results/latest").get_json() == accepted.get_json()
    assert admin_client.get(f"/api/v1/jobs/{job.uid}/contract").get_json()["least_rows"] == 2
    again = admin_client.post("/api/v1/results/2/accept")
    assert (again.status_code, again.get_json()["code"]) == (409, "not_held")


def test_freshness_keeps_a_stale_result_back_unless_the_caller_says_otherwise(
    admin_client: FlaskClient, job: Job, clock: FakeClock
) -> None:
    admin_client.put(f"/api/v1/jobs/{job.uid}/contract", json={"on": True, "max_age_seconds": 60})
    clock.advance(seconds=61)

    assert admin_client.get(f"/r/{job.uid}/latest").status_code == 503
    assert admin_client.get(f"/r/{job.uid}/latest?max_age=1h", buffered=True).data == CSV


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/jobs/KBcP6Qw37gT/contract", None, (404, "not_found")),
        ("PUT", "/jobs/KBcP6Qw37gT/contract", {"on": True}, (404, "not_found")),
        ("PUT", "/jobs/<uid>/contract", {}, (422, "invalid")),
        ("PUT", "/jobs/<uid>/contract", {"on": "yes"}, (422, "invalid")),
        ("PUT", "/jobs/<uid>/contract", {"on": True, "least_rows": "3"}, (422, "invalid")),
        ("PUT", "/jobs/<uid>/contract", {"on": True, "least_rows": 10**400}, (422, "invalid")),
        ("PUT", "/jobs/<uid>/contract", {"on": True, "columns": ["a", "a"]}, (422, "invalid")),
        ("POST", "/results/99/accept", None, (404, "not_found")),
        ("POST", "/results/1/accept", None, (409, "not_held")),
    ],
)
def test_what_is_refused(
    method: str, path: str, body: object, expected: tuple[int, str], admin_client: FlaskClient, job: Job
) -> None:
    answer = admin_client.open(f"/api/v1{path.replace('<uid>', job.uid)}", method=method, json=body)

    assert (answer.status_code, answer.get_json()["code"]) == expected
    assert admin_client.get(f"/api/v1/jobs/{job.uid}/contract").get_json() == NONE


def test_a_user_changes_no_contract(user_client: FlaskClient, job: Job) -> None:
    assert user_client.put(f"/api/v1/jobs/{job.uid}/contract", json={"on": True}).status_code == 403
    assert user_client.post("/api/v1/results/1/accept").status_code == 403
