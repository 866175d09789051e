"""/api/v1/rehearsals"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import UnavailableError
from app.job_types.sql_export.rehearsal.found import Refused
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsals
from tests.web.conftest import ZONE
from tests.web.pages.test_rehearsal import FakeStage

URL = "/api/v1/rehearsals"
NIGHTLY = {"kind": "cron", "expression": "0 0 3 * * ?", "timezone": ZONE}
BODY = {"connection": "clinic", "query": "SELECT :region, :scheduled_for, :previous_success",
        "parameters": {"region": None}, "triggers": [NIGHTLY]}  # fmt: skip


@pytest.fixture
def stage(services: Services) -> FakeStage:
    stage = FakeStage()
    services.rehearsals = Rehearsals(services.connections.url, services.clock, stage)
    return stage


def test_what_a_query_gives(admin_client: FlaskClient, stage: FakeStage) -> None:
    answer = admin_client.post(URL, json=BODY)

    assert answer.status_code == 200
    assert answer.get_json() == {
        "version": "SQLite 3.40.1",
        "seconds": 0.02,
        "columns": [{"name": "id", "type": "integer"}, {"name": "name", "type": ""}],
        "rows": [["1", "Ada…"], [None, ""]],
        "has_more": True,
        "expected_rows": 1200,
        "cost": 12345.6,
        "plan": ["SCAN visit"],
        "notes": ["a note"],
        "starts": [
            {"at": "2026-03-03T02:00:00Z", "values": {
                "region": None, "scheduled_for": "2026-03-03 02:00:00+00", "previous_success": None}},
            {"at": "2026-03-04T02:00:00Z", "values": {
                "region": None, "scheduled_for": "2026-03-04 02:00:00+00",
                "previous_success": "2026-03-03 02:00:00+00"}},
            {"at": "2026-03-05T02:00:00Z", "values": {
                "region": None, "scheduled_for": "2026-03-05 02:00:00+00",
                "previous_success": "2026-03-04 02:00:00+00"}},
        ],
    }  # fmt: skip


def test_a_refusal_is_told_in_the_databases_words(admin_client: FlaskClient, stage: FakeStage) -> None:
    stage.says = Refused("no such table: nope", "exception")

    answer = admin_client.post(URL, json=BODY)

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.get_json()["errors"] == [{"field": "query", "message": "no such table: nope", "code": "exception"}]


@pytest.mark.parametrize(
    ("members", "status", "field"),
    [
        ({"connection": "gone"}, 422, "connection"),
        ({"query": "SELECT :nobody"}, 422, "query"),
        ({"parameters": {"region": [1]}}, 422, "parameters"),
        ({"triggers": [NIGHTLY | {"expression": "x"}]}, 422, "triggers.0.expression"),
        ({"job": "KBcP6Qw37gT"}, 404, None),
    ],
)
def test_what_cannot_be_tried(
    admin_client: FlaskClient, stage: FakeStage, members: dict[str, Any], status: int, field: str | None
) -> None:
    answer = admin_client.post(URL, json=BODY | members)

    assert answer.status_code == status
    assert [error["field"] for error in answer.get_json().get("errors", [])] == ([field] if field else [])
    assert not stage.asked


def test_too_many_are_asked_to_wait(admin_client: FlaskClient, stage: FakeStage) -> None:
    stage.says = UnavailableError("other queries are being tried")

    answer = admin_client.post(URL, json=BODY)

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_who_may_not_edit_jobs_tries_nothing(user_client: FlaskClient, stage: FakeStage) -> None:
    assert user_client.post(URL, json=BODY).status_code == 403
    assert not stage.asked
