"""/api/v1/results"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from tests.web.conftest import CSV, MakeJob, Play

RESULTS = "/api/v1/results"


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Has made two files; another job has made one in between."""
    made, other = make_job(), make_job("other")
    play.run(made, content=CSV, name="first.csv")
    play.run(other, content=CSV, name="other.csv")
    play.run(made, content=CSV + b"3,Cid\n", name="second.csv")
    return made


def test_a_file_is_described(user_client: FlaskClient, job: Job) -> None:
    shown = user_client.get(f"{RESULTS}/1").get_json()

    assert shown == {
        "id": 1,
        "run_id": 1,
        "job": job.uid,
        "job_id": job.id,
        "job_name": "nightly visits",
        "scheduled_for": "2026-03-02T12:00:00Z",
        "created_at": shown["created_at"],
        "name": "first.csv",
        "media_type": "text/csv",
        "size": len(CSV),
        "rows": 2,
        "sha256": shown["sha256"],
        "columns": ["id", "name"],
        "types": None,
        "csv": None,
        "held": None,
        "accepted_at": None,
        "accepted_by": None,
        "pinned": False,
    }
    assert shown == user_client.get("/api/v1/runs/1").get_json()["files"][0]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["second.csv", "other.csv", "first.csv"]),
        ("limit=2", ["second.csv", "other.csv"]),
        ("cursor=2", ["first.csv"]),
        ("search=OTHER", ["other.csv"]),
        ("job=<uid>", ["second.csv", "first.csv"]),
    ],
)
def test_files_are_listed_newest_first(query: str, names: list[str], user_client: FlaskClient, job: Job) -> None:
    page = user_client.get(f"{RESULTS}?{query.replace('<uid>', job.uid)}").get_json()

    assert [made["name"] for made in page["items"]] == names
    assert page["next"] == ("2" if "limit" in query else None)


def test_a_file_is_downloaded_whole_and_in_part(user_client: FlaskClient, job: Job) -> None:
    path = f"{RESULTS}/1/content"

    whole = user_client.get(path, buffered=True)
    part = user_client.get(path, headers={"Range": "bytes=8-10"}, buffered=True)
    known = user_client.get(path, headers={"If-None-Match": whole.headers["ETag"]}, buffered=True)

    assert (whole.status_code, whole.data, whole.mimetype) == (200, CSV, "text/csv")
    assert whole.headers["Content-Disposition"] == 'attachment; filename="first.csv"'
    assert (part.status_code, part.data) == (206, CSV[8:11])
    assert (known.status_code, known.data) == (304, b"")


def test_the_latest_file_has_an_address_of_its_own(user_client: FlaskClient, job: Job) -> None:
    latest = f"/api/v1/jobs/{job.uid}/results/latest"

    assert user_client.get(latest).get_json()["name"] == "second.csv"
    assert user_client.get(f"{latest}/content", buffered=True).data == CSV + b"3,Cid\n"


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, answer.get_json()["code"]


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/results/99", {}, (404, "not_found")),
        ("/results/99/content", {}, (404, "not_found")),
        ("/results?job=KBcP6Qw37gT", {}, (404, "not_found")),
        ("/jobs/KBcP6Qw37gT/results/latest", {}, (404, "not_found")),
        ("/results/1/content", {"Range": "bytes=1000-"}, (416, "range_not_satisfiable")),
        ("/results/1/content", {"If-Match": '"other"'}, (412, "changed")),
    ],
)
@pytest.mark.usefixtures("job")
def test_what_is_not_there(
    path: str, headers: dict[str, str], expected: tuple[int, str], user_client: FlaskClient
) -> None:
    assert refusal(user_client.get(f"/api/v1{path}", headers=headers)) == expected


def test_a_job_without_files(user_client: FlaskClient, make_job: MakeJob) -> None:
    path = f"/api/v1/jobs/{make_job().uid}/results/latest"

    assert refusal(user_client.get(path)) == (404, "no_result")
    assert refusal(user_client.get(f"{path}/content")) == (404, "no_result")
