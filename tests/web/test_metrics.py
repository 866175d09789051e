"""/metrics: what is told, to whom, and at what cost"""

from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.dialects import postgresql, sqlite

from app.bootstrap import Services
from app.core import gauges, tallies
from app.core.db import Fault
from app.core.notice_rules import Rule
from app.core.statuses import NoticeScope, RunStatus
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play, basic, every

STRANGER = {"REMOTE_ADDR": "192.0.2.1"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def _fresh(services: Services) -> None:
    """Each scrape looks anew."""
    services.gauges.monotonic = iter(range(0, 10_000, 10)).__next__
    services.database_probe.fresh_for = 0


def scrape(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"carillon_{name}", frozenset(labels.items())))


def test_programs_here_and_who_is_logged_in_are_told_and_nobody_else(client: FlaskClient) -> None:
    assert client.get("/metrics").mimetype == "text/plain"
    assert client.get("/metrics", headers={"Accept": "application/openmetrics-text"}).text.endswith("# EOF\n")
    assert client.get("/metrics", environ_base=STRANGER).status_code == 401
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 401
    assert client.get("/metrics", environ_base=STRANGER, auth=basic("uma")).status_code == 200


def test_how_it_stands(services: Services, client: FlaskClient) -> None:
    services.timer.step()

    told = scrape(client)

    stand = ("healthy", "ready", "active", "database_up", "draining", "stopped")
    assert {name: value(told, name) for name in stand} == {
        "healthy": 1, "ready": 1, "active": 1, "database_up": 1, "draining": 0, "stopped": 0,
    }  # fmt: skip
    assert value(told, "tick_age_seconds") is not None
    assert (value(told, "disk_free_bytes") or 0) > 0
    assert (value(told, "database_bytes") or 0) > 4096
    assert [name for name, labels in told if name == "carillon_build_info"]


def test_lag_is_the_age_of_the_oldest_moment_that_nobody_has_decided(
    services: Services, client: FlaskClient, make_job: MakeJob, clock: FakeClock
) -> None:
    make_job(triggers=[every(60)])
    assert value(scrape(client), "lag_seconds") == 0

    clock.advance(seconds=100)
    assert value(scrape(client), "lag_seconds") == pytest.approx(100, abs=61)

    services.fires.wake()
    assert value(scrape(client), "lag_seconds") == 0


def test_runs_are_counted_while_they_go_on_and_when_they_have_ended(
    services: Services, client: FlaskClient, make_job: MakeJob, play: Play, clock: FakeClock
) -> None:
    before = scrape(client)
    play.begin(make_job("one"))
    services.runs.request(make_job("two").uid, "ada")
    clock.advance(seconds=30)
    during = scrape(client)
    play.run(make_job("three"), RunStatus.FAILED)
    after = scrape(client)

    assert [value(during, "runs_active", status=status) for status in ("queued", "running", "cancelling")] == [1, 1, 0]
    assert value(during, "queue_oldest_seconds") == 30
    assert (value(before, "jobs_failing"), value(after, "jobs_failing")) == (0, 1)
    services.jobs.disable(services.jobs.get_by_name("three").uid, "ada")
    assert value(scrape(client), "jobs_failing") == 0  # nobody is to be woken for it
    failed = {"status": "failed", "job_type": "SQL_EXPORT"}
    assert (value(after, "runs_total", **failed) or 0) - (value(before, "runs_total", **failed) or 0) == 1


def test_what_was_rolled_back_is_not_counted(services: Services, make_job: MakeJob, play: Play) -> None:
    before = dict(tallies.runs_ended.read())
    play.begin(make_job())

    def fail() -> None:
        with services.db.transaction() as session:
            tallies.count(session, tallies.runs_ended, "failed", "SQL_EXPORT")
            raise RuntimeError("before the commit")

    with pytest.raises(RuntimeError, match="before the commit"):
        fail()

    assert tallies.runs_ended.read() == before


def test_fires_are_counted_by_what_became_of_them(
    services: Services, client: FlaskClient, make_job: MakeJob, clock: FakeClock
) -> None:
    started = {"outcome": "started", "reason": ""}
    before = value(scrape(client), "fires_total", **started) or 0
    make_job(triggers=[every(60)])
    clock.advance(seconds=61)

    services.fires.wake()

    assert (value(scrape(client), "fires_total", **started) or 0) > before


def test_attacks_are_counted(client: FlaskClient, admin_client: FlaskClient, user_client: FlaskClient) -> None:
    def counts() -> dict[str, float]:
        kinds = ("wrong_password", "wrong_host", "cross_origin", "csrf", "denied")
        told = scrape(client)
        return {kind: value(told, "security_events_total", kind=kind) or 0 for kind in kinds}

    before = counts()
    client.get("/jobs", auth=("ada", "wrong"))
    client.get("/jobs", headers={"Host": "evil.example"})
    admin_client.post("/api/v1/jobs", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    admin_client.post("/jobs/new", data={"name": "x"})
    user_client.get("/jobs/new")
    after = counts()

    assert {kind: after[kind] - before[kind] for kind in after} == dict.fromkeys(after, 1)


def test_messages_that_wait_are_counted(services: Services, client: FlaskClient, clock: FakeClock) -> None:
    services.notice_rules.save(NoticeScope.SITE, "", Rule(mail=["ops@clinic.example"]), "ada")
    services.postroom.test(services.notice_rules, NoticeScope.SITE, "", "ada")
    clock.advance(seconds=50)

    told = scrape(client)

    assert (value(told, "messages_pending"), value(told, "message_oldest_seconds")) == (1, 50)


def test_while_the_database_is_away_the_rest_is_still_told(services: Services, client: FlaskClient) -> None:
    services.timer.step()
    services.db.fault = Fault.AWAY
    services.database_probe.look = lambda *, writes: "it is away"  # type: ignore[method-assign]

    told = scrape(client)

    assert (value(told, "database_up"), value(told, "healthy"), value(told, "active")) == (0, 0, 1)
    assert value(told, "lag_seconds") is None


def test_time_in_the_database_is_told_by_whose_it_is(
    services: Services, client: FlaskClient, make_job: MakeJob
) -> None:
    make_job()

    told = scrape(client)

    assert (value(told, "transaction_seconds_count", thread="other") or 0) > 0
    count = value(told, "transaction_seconds_count", thread="other")
    assert value(told, "transaction_seconds_bucket", thread="other", le="+Inf") == count


def test_however_many_ask_the_database_is_looked_at_now_and_then(services: Services) -> None:
    services.gauges.monotonic = iter([0.0, 0.0, 1.0, 1.9, 2.1, 2.1]).__next__

    read = [services.gauges.read() for _ in range(4)]

    assert read[0] is read[1] is read[2] is not read[3]


@pytest.mark.parametrize("query", [gauges._ACTIVE, gauges._OLDEST_QUEUED, gauges._MESSAGES, gauges.NEXT_FIRE_AT])
def test_looks_go_by_partial_indexes_alone(services: Services, query: Any) -> None:
    """So they cost nothing in a history of millions."""
    text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    with services.db.engine.connect() as connection:
        plan = " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))

    assert "USING" in plan
    assert "INDEX ix_" in plan
    assert str(query.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
