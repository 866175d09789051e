"""GET /r/JOB/latest: the newest result under an address that stays."""

from hashlib import sha256

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.models import Job
from tests.fakes import FakeClock
from tests.web.conftest import CSV, MakeJob, Play

NEWER = CSV + b"3,Cid\n"


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Has made two files by its first two runs; a job beside it has made one since."""
    made = make_job("nightly visits")
    play.run(made, content=CSV, name="first.csv")
    play.run(made, content=NEWER, name="second.csv")
    play.run(make_job("other"), content=CSV, name="other.csv")
    return made


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}, buffered=True)


def test_the_newest_result_is_given_by_uid_and_by_name(user_client: FlaskClient, job: Job) -> None:
    for named in (job.uid, "nightly visits", "nightly%20visits"):
        response = get(user_client, f"/r/{named}/latest")

        assert (response.status_code, response.data) == (200, NEWER)
        assert {name: response.headers[name] for name in ("ETag", "X-Run-Id", "Accept-Ranges", "Content-Type")} == {
            "ETag": f'"{sha256(NEWER).hexdigest()}"',
            "X-Run-Id": "2",
            "Accept-Ranges": "bytes",
            "Content-Type": "text/csv; charset=utf-8",
        }
        assert response.headers["Content-Disposition"] == 'attachment; filename="second.csv"'
        assert response.last_modified


def test_a_name_may_hold_slashes(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    play.run(make_job("a/latest"), content=CSV)

    assert get(user_client, "/r/a/latest/latest").data == CSV


def test_it_is_given_in_part_and_not_again(user_client: FlaskClient, job: Job) -> None:
    path = f"/r/{job.uid}/latest"
    etag = get(user_client, path).headers["ETag"]

    part = get(user_client, path, Range="bytes=8-10", If_Range=etag)
    known = get(user_client, path, If_None_Match=etag)
    head = user_client.head(path, buffered=True)

    assert (part.status_code, part.data, part.headers["X-Run-Id"]) == (206, NEWER[8:11], "2")
    assert (known.status_code, known.data, known.headers["X-Run-Id"]) == (304, b"", "2")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(NEWER)))


@pytest.mark.parametrize("max_age", ["7200", "7200s", "120m", "2h", "1d", "3w", "999999999w"])
def test_a_result_that_is_young_enough(
    max_age: str, user_client: FlaskClient, job: Job, play: Play, clock: FakeClock
) -> None:
    clock.advance(hours=1, minutes=59)

    assert get(user_client, f"/r/{job.uid}/latest?max_age={max_age}").status_code == 200


def test_a_stale_result_is_not_given(user_client: FlaskClient, make_job: MakeJob, play: Play, clock: FakeClock) -> None:
    job = make_job()
    play.run(job, content=CSV, seconds=60)
    clock.advance(hours=50, seconds=1)

    response = get(user_client, f"/r/{job.uid}/latest?max_age=2d")

    assert (response.status_code, response.mimetype, response.text) == (
        503,
        "text/plain",
        "the newest result of job 'nightly visits', made at 2026-03-02 12:01:00 UTC by run 1, is 2 days, 2:00:01 old,"
        " more than 2 days, 0:00:00\n",
    )
    assert "Retry-After" not in response.headers
    assert get(user_client, f"/r/{job.uid}/latest").data == CSV


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/r/KBcP6Qw37gT/latest", {}, (404, "no job has the uid or the name 'KBcP6Qw37gT'\n")),
        ("/r/idle/latest", {}, (404, "job 'idle' has made no result file yet\n")),
        ("/r/idle", {}, (404, None)),
        ("/r/nightly visits/latest", {"If-Match": '"x"'}, (412, "the file is another one by now\n")),
        ("/r/nightly visits/latest", {"Range": "bytes=99-"}, (416, None)),
    ],
)
def test_what_cannot_be_given_is_said_in_plain_text(
    path: str, headers: dict[str, str], expected: tuple[int, str | None], user_client: FlaskClient, make_job: MakeJob,
    job: Job,
) -> None:  # fmt: skip
    make_job("idle")

    response = user_client.get(path, headers=headers)

    assert (response.status_code, response.mimetype) == (expected[0], "text/plain")
    assert expected[1] is None or response.text == expected[1]


@pytest.mark.parametrize("max_age", ["", "x", "-1", "1.5h", "24 h", "1e9", "٣h"])
def test_an_age_that_is_none(max_age: str, user_client: FlaskClient, job: Job) -> None:
    response = user_client.get(f"/r/{job.uid}/latest", query_string={"max_age": max_age})

    assert response.status_code == 422
    assert response.text == (f"max_age: {max_age!r} is no age: write seconds, or a number with m, h, d or w, as 24h\n")


def test_who_is_not_logged_in_is_asked_for_credentials(client: FlaskClient, job: Job) -> None:
    response = client.get(f"/r/{job.uid}/latest")

    assert (response.status_code, response.text) == (401, "log in first\n")
    assert response.headers["WWW-Authenticate"].startswith("Basic")


def test_it_takes_no_change(user_client: FlaskClient, job: Job) -> None:
    response = user_client.post(f"/r/{job.uid}/latest")

    assert (response.status_code, set(response.allow)) == (405, {"GET", "HEAD", "OPTIONS"})


def test_the_page_of_the_job_tells_the_command(user_client: FlaskClient, job: Job) -> None:
    page = user_client.get(f"/jobs/{job.uid}").text

    line = f'curl -fOJ -H "Authorization: Bearer $TOKEN" http://localhost/r/{job.uid}/latest'
    assert line in page
