"""/api/v1/results/ID/diff"""

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.job_types import JobTypes
from app.job_types.result_diff import JOB_TYPE as RESULT_DIFF
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from tests.comparisons import PLAIN, perform
from tests.fakes import FakeExecutor
from tests.web.conftest import MakeJob, Play

DIFF = "/api/v1/results/2/diff"


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes([SQL_EXPORT, RESULT_DIFF])


@pytest.fixture(autouse=True)
def _two_results(make_job: MakeJob, play: Play) -> None:
    job = make_job()
    for content in (b"id,name\n1,Ada\n2,\n3,Cid\n", b'id,name\n1,Eve\n2,""\n'):
        play.run(job, content=content, csv=PLAIN)


def test_a_comparison_is_asked_for_and_read(
    user_client: FlaskClient, services: Services, executor: FakeExecutor
) -> None:
    assert user_client.get(DIFF).get_json()["status"] == "none"

    asked = user_client.post(DIFF)

    assert (asked.status_code, asked.get_json()["status"], asked.get_json()["counts"]) == (202, "queued", None)
    assert asked.headers["Location"] == f"http://localhost{DIFF}?with=1"
    services.engine.dispatch()
    perform(services, executor)
    found = user_client.get(f"{DIFF}?limit=1").get_json()
    assert (found["status"], found["key"], found["is_key_guessed"], found["old"]["id"]) == (
        "succeeded",
        ["id"],
        True,
        1,
    )
    assert found["counts"] == {
        "changed": 2, "added": 0, "removed": 1, "same": 0, "old_rows": 3, "new_rows": 2, "repeated_keys": 0
    }  # fmt: skip
    assert found["changed"] == [{"row": 1, "columns": ["name"], "before": ["1", "Ada"], "after": ["1", "Eve"]}]
    assert found["removed"] == [{"row": 3, "before": ["3", "Cid"]}]
    assert found["changed_cells"] == {"name": 2}
    content = user_client.get(f"/api/v1/results/{found['rows']['id']}/content", buffered=True)
    assert content.data.splitlines()[-1] == b'removed,"",3,Cid'
    assert user_client.post(DIFF).status_code == 200


@pytest.mark.parametrize(
    ("query", "body", "key"),
    [("key=id", ["id"], ["id"]), ('key="id",name', ["id", "name"], ["id", "name"]), ("key=", [], [])],
)
def test_a_key_is_the_same_in_an_address_and_in_a_body(
    query: str, body: list[str], key: list[str], user_client: FlaskClient
) -> None:
    asked = user_client.post(DIFF, json={"with": 1, "key": body})

    assert user_client.get(asked.headers["Location"]).get_json()["status"] == "queued"
    found = user_client.get(f"{DIFF}?with=1&{query}").get_json()
    assert (found["status"], found["key"]) == ("queued", key)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{DIFF}?key=none", 422, "invalid"),
        (f'{DIFF}?key="', 422, "invalid"),
        (f"{DIFF}?with=2", 422, "invalid"),
        (f"{DIFF}?with=0", 422, "invalid"),
        (f"{DIFF}?with=77", 404, "not_found"),
        ("/api/v1/results/77/diff", 404, "not_found"),
        ("/api/v1/results/1/diff", 409, "no_previous"),
    ],
)
def test_what_cannot_be_is_refused(path: str, status: int, code: str, user_client: FlaskClient) -> None:
    answer = user_client.get(path)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_a_file_that_is_no_csv_cannot_be_compared(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    play.run(make_job("other"), content=b"PK")

    answer = user_client.post("/api/v1/results/3/diff")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "not_comparable")
    assert "only CSV files" in answer.get_json()["detail"]
