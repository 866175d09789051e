"""Orphans on their page and at /api/v1/orphans; the rules are in tests/core/test_orphans.py."""

import os

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.web.conftest import CSV, MakeJob, Play


@pytest.fixture
def paths(services: Services, make_job: MakeJob, play: Play) -> list[str]:
    """Of two results one has lost its file; and a file that no run knows, of 1970."""
    job = make_job()
    play.run(job, content=CSV)
    play.run(job, content=CSV)
    lost = services.results.get(1).path
    (services.store.directory / lost).unlink()
    stray = services.store.directory / f"{job.id}/999-token-1.csv"
    stray.write_bytes(b"x")
    os.utime(stray, (0, 0))
    return [f"{job.id}/999-token-1.csv", lost]


def test_the_api_shows_and_removes_them(admin_client: FlaskClient, paths: list[str], services: Services) -> None:
    found = admin_client.get("/api/v1/orphans").get_json()
    assert [(file["path"], file["run_id"], file["written_at"]) for file in found["files"]] == [
        (paths[0], 999, "1970-01-01T00:00:00Z")
    ]
    assert [(record["id"], record["name"]) for record in found["records"]] == [(1, "visits.csv")]
    assert admin_client.post("/api/v1/orphans/remove", json={}).get_json() == {"files": 0, "records": 0}

    removed = admin_client.post("/api/v1/orphans/remove", json={"files": True, "records": True})

    assert removed.get_json() == {"files": 1, "records": 1}
    assert admin_client.get("/api/v1/orphans").get_json() == {"files": [], "records": []}


def test_only_administrators_do(user_client: FlaskClient) -> None:
    assert user_client.get("/api/v1/orphans").status_code == 403
    assert user_client.post("/api/v1/orphans/remove", json={"files": True}).status_code == 403
