"""/api/v1/connections"""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.web.conftest import MakeJob

CONNECTIONS = "/api/v1/connections"
SECRET = "s3cret-of-the-warehouse"
URL = f"postgresql://reader:{SECRET}@db.example/warehouse"


def put(client: FlaskClient, name: str = "warehouse", **body: Any) -> Any:
    return client.put(f"{CONNECTIONS}/{name}", json={"url": URL, **body})


def test_a_connection_is_added_and_replaced(admin_client: FlaskClient, services: Services) -> None:
    added = put(admin_client)
    replaced = put(admin_client, url="postgresql://reader@db.example/other")

    assert (added.status_code, replaced.status_code) == (201, 200)
    assert added.get_json() == {
        "name": "warehouse",
        "url": "postgresql://reader@db.example/warehouse",
        "driver": "postgresql",
        "has_password": True,
        "max_runs": None,
        "from_environment": False,
        "used_by": [],
    }
    assert replaced.get_json()["has_password"] is True
    assert services.connections.url("warehouse").endswith(f":{SECRET}@db.example/other")


def test_the_runs_of_a_connection_are_limited(admin_client: FlaskClient) -> None:
    assert put(admin_client, max_runs=2).get_json()["max_runs"] == 2
    assert put(admin_client, max_runs=0).get_json()["errors"] == [
        {"field": "max_runs", "message": "must be from 1 to 1000", "code": "invalid"}
    ]
    assert put(admin_client).get_json()["max_runs"] is None


def test_no_answer_ever_holds_a_password(admin_client: FlaskClient) -> None:
    answers = [
        put(admin_client),
        put(admin_client, url="postgresql://reader@db.example/warehouse", password=SECRET),
        put(admin_client, url=f"postgresql://reader@db.example/warehouse?password={SECRET}"),
        put(admin_client, url=f"nonsense://reader:{SECRET}@db.example"),
        put(admin_client, url=f"postgresql://reader:{SECRET}@db@example"),
        admin_client.get(CONNECTIONS),
        admin_client.get(f"{CONNECTIONS}/warehouse"),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 422, 422, 200, 200]
    for answer in answers:
        assert SECRET not in answer.get_data(as_text=True)


def test_connections_are_listed_with_their_jobs(user_client: FlaskClient, make_job: MakeJob, visits: Path) -> None:
    make_job()

    assert user_client.get(CONNECTIONS).get_json() == {
        "connections": [
            {
                "name": "clinic",
                "url": f"sqlite:///{visits}",
                "driver": "sqlite",
                "has_password": False,
                "max_runs": None,
                "from_environment": True,
                "used_by": ["nightly visits"],
            }
        ]
    }


def test_a_connection_is_tried(admin_client: FlaskClient, tmp_path: Path) -> None:
    found = admin_client.post(f"{CONNECTIONS}/clinic/test").get_json()

    assert found == {"version": found["version"], "can_write": found["can_write"], "concerns": found["concerns"]}
    assert found["version"].startswith("SQLite 3.")
    put(admin_client, url=f"sqlite:///{tmp_path}/nothing.db")
    failed = admin_client.post(f"{CONNECTIONS}/warehouse/test")
    assert (failed.status_code, failed.get_json()["errors"][0]["field"]) == (422, "url")


def test_a_connection_that_is_used_stays(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    put(admin_client)
    job = make_job()
    admin_client.patch(f"/api/v1/jobs/{job.uid}", json={"parameters": {"connection": "warehouse"}})

    refused = admin_client.delete(f"{CONNECTIONS}/warehouse")
    services.jobs.delete(job.uid, "ada")
    removed = admin_client.delete(f"{CONNECTIONS}/warehouse")

    assert (refused.status_code, refused.get_json()["code"]) == (409, "in_use")
    assert removed.status_code == 204
    assert admin_client.get(f"{CONNECTIONS}/warehouse").status_code == 404


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("PUT", "clinic", {"url": URL}, 409),
        ("PUT", "Bad Name", {"url": URL}, 422),
        ("PUT", "x", {}, 422),
        ("PUT", "x", {"url": 5}, 422),
        ("DELETE", "clinic", None, 404),
        ("DELETE", "nothing", None, 404),
        ("GET", "nothing", None, 404),
        ("POST", "nothing/test", None, 404),
    ],
)
def test_what_cannot_be(method: str, name: str, body: Any, status: int, admin_client: FlaskClient) -> None:
    answer = admin_client.open(f"{CONNECTIONS}/{name}", method=method, json=body)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


@pytest.mark.parametrize(("method", "path"), [("PUT", "x"), ("DELETE", "x"), ("POST", "clinic/test")])
def test_a_user_only_looks(method: str, path: str, user_client: FlaskClient) -> None:
    assert user_client.open(f"{CONNECTIONS}/{path}", method=method, json={"url": URL}).status_code == 403
