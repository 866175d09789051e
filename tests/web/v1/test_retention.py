"""/api/v1/retention and /api/v1/jobs/UID/retention."""

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.retention_rules import DEFAULTS, Rules
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play

PATH = "/api/v1/retention"
RUN = {
    "kind": "run",
    "count": 1,
    "oldest": "2026-03-02T12:00:21.780000Z",
    "newest": "2026-03-02T12:00:21.780000Z",
    "more": False,
}


@pytest.fixture
def job(make_job: MakeJob, play: Play, clock: FakeClock) -> Job:
    """Has run twice, 50 days apart; the first run is 60 days old."""
    made = make_job()
    play.run(made)
    clock.advance(days=50)
    play.run(made)
    clock.advance(days=10)
    return made


def test_rules_are_tried_stored_and_shown(admin_client: FlaskClient, job: Job, services: Services) -> None:
    shown = admin_client.get(PATH).get_json()
    assert {name: shown[name] for name in shown["defaults"]} == shown["defaults"]
    assert shown["begins_at"]
    assert [freed["count"] for freed in shown["removes"]["kinds"]] == [0, 0, 0, 0, 0]

    tried = admin_client.put(f"{PATH}?dry_run=true", json={"run_days": 30, "log_days": None}).get_json()

    runs = tried["removes"]["kinds"][0]
    assert {name: runs[name] for name in RUN} == RUN
    assert [(each["job"], each["count"]) for each in tried["removes"]["jobs"]] == [(job.uid, 1)]
    assert (tried["run_days"], tried["log_days"], tried["run_count"]) == (30, None, 100_000)
    assert services.retention.rules() == DEFAULTS

    stored = admin_client.put(PATH, json={"run_days": 30, "log_days": None}).get_json()

    assert stored == tried | {"begins_at": None}
    assert admin_client.get(PATH).get_json() == stored
    assert services.retention.rules() == Rules(run_days=30, log_days=None)
    assert services.retention.work() == 1
    [removed] = admin_client.get(PATH).get_json()["removed"]
    assert (removed["kind"], removed["count"]) == ("run", 1)


def test_a_job_may_differ(admin_client: FlaskClient, user_client: FlaskClient, job: Job) -> None:
    path = f"/api/v1/jobs/{job.uid}/retention"
    assert user_client.get(path).get_json()["own"] == {}

    tried = admin_client.put(f"{path}?dry_run=true", json={"run_count": 1, "log_days": None}).get_json()

    assert tried["own"] == {"run_count": 1, "log_days": None}
    assert (tried["rules"]["run_count"], tried["rules"]["run_days"], tried["rules"]["log_days"]) == (1, 400, None)
    assert tried["removes"]["kinds"][0]["count"] == 1
    assert user_client.get(path).get_json()["own"] == {}

    assert admin_client.put(path, json={"run_count": 1, "log_days": None}).get_json() == tried
    assert user_client.get(path).get_json() == tried
    assert admin_client.put(path, json={}).get_json()["own"] == {}


@pytest.mark.parametrize(
    "body", [{"run_days": 0}, {"run_count": "3"}, {"log_lines": None}, {"folder_bytes": 10**400}, {"weeks": 3}]
)
def test_rules_that_are_wrong_are_refused(body: object, admin_client: FlaskClient, services: Services) -> None:
    answer = admin_client.put(PATH, json=body)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")
    assert services.retention.rules() == DEFAULTS


def test_only_administrators_see_and_change_the_sites(user_client: FlaskClient, job: Job) -> None:
    assert user_client.get(PATH).status_code == 403
    assert user_client.put(PATH, json={}).status_code == 403
    assert user_client.put(f"/api/v1/jobs/{job.uid}/retention", json={}).status_code == 403
    assert user_client.get("/api/v1/jobs/nobody12345/retention").status_code == 404
