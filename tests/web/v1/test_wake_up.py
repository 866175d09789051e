"""Waking over our own API and on the pages."""

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core import sleep
from app.core.triggers import cron
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob


@pytest.fixture
def sleeper(services: Services, make_job: MakeJob, clock: FakeClock) -> Services:
    make_job("hourly", triggers=[cron("0 0 * * * ?", "UTC")])
    with services.db.transaction() as session:
        sleep.fall_asleep(session, clock(), clock(), "restored from the backup of yesterday")
    services.sleep.begin()
    clock.advance(hours=2)
    return services


def test_a_sleeper_tells_what_waking_would_do_and_wakes(
    sleeper: Services, admin_client: FlaskClient, user_client: FlaskClient
) -> None:
    told = user_client.get("/api/v1/wake-up").get_json()
    [job] = told.pop("jobs")

    assert told == {
        "asleep": True, "since": "2026-03-02T12:00:00Z", "why": "restored from the backup of yesterday",
        "not_looked_at": 0,
    }  # fmt: skip
    assert (job["name"], job["starts"] + job["missed"], job["waiting"], job["asks"]) == ("hourly", 2, 0, 0)
    assert user_client.post("/api/v1/wake-up", json={"missed": "skip"}).status_code == 403
    assert admin_client.post("/api/v1/wake-up", json={"missed": "nonsense"}).status_code == 422
    assert admin_client.get("/healthz").get_json()["asleep"] == "restored from the backup of yesterday"

    woken = admin_client.post("/api/v1/wake-up", json={"missed": "skip"})

    assert (woken.status_code, woken.get_json()) == (200, {"asleep": False})
    assert sleeper.sleep.state() is None
    assert admin_client.post("/api/v1/wake-up", json={"missed": "rules"}).status_code == 200


def test_a_start_while_asleep_is_a_conflict(sleeper: Services, admin_client: FlaskClient) -> None:
    uid = sleeper.jobs.list()[0].uid

    refused = admin_client.post(f"/api/v1/jobs/{uid}/runs")

    assert (refused.status_code, refused.get_json()["code"]) == (409, "asleep")
