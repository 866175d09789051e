"""Result files over HTTP: whole, in part, not again; asked of one address that serves them."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.http import http_date
from werkzeug.test import TestResponse

from app.bootstrap import Services
from app.core.runs import RunFilter
from app.web.downloads import disposition
from tests.web.conftest import CSV, MakeJob, Play

ETAG = f'"{sha256(CSV).hexdigest()}"'
HEADERS = {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Length": str(len(CSV)),
    "Content-Disposition": 'attachment; filename="visits.csv"',
    "ETag": ETAG,
    "Accept-Ranges": "bytes",
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}


@pytest.fixture
def url(make_job: MakeJob, play: Play) -> str:
    """The address of a result file."""
    job = make_job()
    return f"/scheduled-jobs/{job.id}/runs/{play.run(job, content=CSV)}/result-file"


@pytest.fixture
def stored(url: str, services: Services) -> Path:
    """The file on disk."""
    [run] = services.runs.list(RunFilter())
    return services.store.directory / run.files[0].path


def get(client: FlaskClient, url: str, **headers: str) -> TestResponse:
    return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, buffered=True)


def of(response: TestResponse, *names: str) -> dict[str, str | None]:
    return {name: response.headers.get(name) for name in names}


def test_the_whole_file(user_client: FlaskClient, url: str, stored: Path) -> None:
    response = get(user_client, url)

    assert (response.status_code, response.data) == (200, CSV)
    assert of(response, *HEADERS) == HEADERS
    modified = datetime.fromtimestamp(stored.stat().st_mtime, UTC)
    assert response.headers["Last-Modified"] == http_date(modified)


def test_head_has_the_headers_alone(user_client: FlaskClient, url: str) -> None:
    response = user_client.head(url, headers={"Range": "bytes=0-1"}, buffered=True)

    assert (response.status_code, response.data) == (200, b"")
    assert of(response, *HEADERS) == HEADERS


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=3-9", 3, 9), ("bytes=8-", 8, 19), ("bytes=-5", 15, 19), ("bytes=5-999", 5, 19)],
)
def test_a_part_of_the_file(asked: str, first: int, last: int, user_client: FlaskClient, url: str) -> None:
    response = get(user_client, url, Range=asked)

    assert (response.status_code, response.data) == (206, CSV[first : last + 1])
    assert of(response, "Content-Range", "Content-Length", "ETag") == {
        "Content-Range": f"bytes {first}-{last}/{len(CSV)}",
        "Content-Length": str(last - first + 1),
        "ETag": ETAG,
    }


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=", "bytes=x-y", "bytes=5-2", "nonsense"])
def test_a_range_that_is_not_understood_gives_the_whole(asked: str, user_client: FlaskClient, url: str) -> None:
    response = get(user_client, url, Range=asked)

    assert (response.status_code, response.data) == (200, CSV)


def test_a_range_behind_the_end_cannot_be_satisfied(user_client: FlaskClient, url: str) -> None:
    response = get(user_client, url, Range=f"bytes={len(CSV)}-")

    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(CSV)}"
    assert [problem["code"] for problem in response.get_json()] == ["REQUESTED_RANGE_NOT_SATISFIABLE"]


def test_a_part_is_given_only_of_the_file_that_the_caller_began_with(user_client: FlaskClient, url: str) -> None:
    assert get(user_client, url, Range="bytes=0-1", If_Range=ETAG).data == CSV[:2]
    assert get(user_client, url, Range="bytes=0-1", If_Range='"another"').data == CSV


def test_a_file_that_the_caller_has_is_not_sent_again(user_client: FlaskClient, url: str) -> None:
    modified = get(user_client, url).headers["Last-Modified"]
    for headers in ({"If_None_Match": ETAG}, {"If_None_Match": f'"x", W/{ETAG}'}, {"If_Modified_Since": modified}):
        response = get(user_client, url, **headers)

        assert (response.status_code, response.data) == (304, b"")
        assert of(response, "ETag", "Content-Type") == {"ETag": ETAG, "Content-Type": None}

    assert get(user_client, url, If_None_Match='"x"').data == CSV


def test_a_condition_that_fails(user_client: FlaskClient, url: str) -> None:
    assert get(user_client, url, If_Match=ETAG).data == CSV

    response = get(user_client, url, If_Match='"x"')

    assert response.status_code == 412
    assert response.get_json() == [{"code": "PRECONDITION_FAILED", "message": "the file is another one by now"}]


@pytest.mark.parametrize("content", [b"", CSV + b"3,Eve\n"], ids=["shorter", "longer"])
def test_a_file_that_was_changed_is_not_sent(content: bytes, user_client: FlaskClient, url: str, stored: Path) -> None:
    stored.write_bytes(content)

    response = get(user_client, url)

    assert response.status_code == 400
    message = "Job run result data file is damaged or replaced."
    assert response.get_json() == [{"code": "SCHEDULED_JOB_RESULT_DATA_FILE_NOT_FOUND", "message": message}]


def test_an_empty_file(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    url = f"/scheduled-jobs/{job.id}/runs/{play.run(job, content=b'')}/result-file"

    for headers in ({}, {"Range": "bytes=0-"}):
        response = get(user_client, url, **headers)

        assert (response.status_code, response.data, response.headers["Content-Length"]) == (200, b"", "0")


def test_a_large_file_goes_out_in_large_pieces(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    job, content = make_job(), b"id\n" + b"1234567\n" * 100_000
    url = f"/scheduled-jobs/{job.id}/runs/{play.run(job, content=content)}/result-file"

    with user_client.get(url) as response:
        sizes = [len(piece) for piece in response.iter_encoded()]
    with user_client.get(url, headers={"Range": "bytes=100000-700000"}) as response:
        part = response.data

    assert (sum(sizes), max(sizes)) == (len(content), 256 * 1024)
    assert part == content[100000:700001]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("visits.csv", 'attachment; filename="visits.csv"'),
        ("my visits (1).csv", 'attachment; filename="my visits (1).csv"'),
        ("Übersicht.csv", "attachment; filename=\"Ubersicht.csv\"; filename*=UTF-8''%C3%9Cbersicht.csv"),
        ('a"b\\c.csv', "attachment; filename=\"a_b_c.csv\"; filename*=UTF-8''a%22b%5Cc.csv"),
        ("100%.csv", "attachment; filename=\"100_.csv\"; filename*=UTF-8''100%25.csv"),
        ("a\r\nSet-Cookie: x.csv", 'attachment; filename="a__Set-Cookie: x.csv"'),
        ("exe\u202evsc.csv", 'attachment; filename="exe_vsc.csv"'),
    ],
)
def test_names_are_safe_in_a_header(name: str, header: str) -> None:
    assert disposition(name) == header
