"""/plan-stop: what a stop would miss, and the drain before it"""

from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.core.test_pauses import EVERY_MINUTE
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play


def test_the_page_says_what_a_stop_would_miss(admin_client: FlaskClient, make_job: MakeJob) -> None:
    make_job("nightly visits", triggers=[EVERY_MINUTE])

    text = admin_client.get("/plan-stop?from=2026-03-02T14:00&to=2026-03-02T14:20").get_data(as_text=True)

    assert "20 starts come due" in text
    assert "nightly visits" in text
    assert "Quieter in the next 24 hours" in text
    assert admin_client.get("/plan-stop?from=x&to=2026-03-02T14:20").status_code == 422


def test_a_drain_is_shown_everywhere_until_it_is_safe_to_stop(
    admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play, clock: FakeClock
) -> None:
    assignment = play.begin(make_job())

    begun = admin_client.post("/api/v1/drain", json={"seconds": 600})
    services.engine.tick()
    assert (begun.status_code, begun.get_json()["is_safe"]) == (201, False)
    assert admin_client.post("/api/v1/drain", json={"seconds": 600}).status_code == 409
    assert "The server is being drained" in admin_client.get("/jobs").get_data(as_text=True)
    assert "nightly visits</a>, since" in admin_client.get("/plan-stop").get_data(as_text=True)
    assert admin_client.get("/readyz").status_code == 503

    play.end(assignment)
    assert admin_client.get("/api/v1/drain").get_json()["is_safe"] is True
    assert "the server can be stopped" in admin_client.get("/plan-stop").get_data(as_text=True)

    assert admin_client.post("/api/v1/drain/end").get_json()["ended_by"] == "ada"
    assert admin_client.get("/api/v1/drain").status_code == 404


def test_the_plan_over_the_api(admin_client: FlaskClient, make_job: MakeJob) -> None:
    make_job("nightly visits", triggers=[EVERY_MINUTE])

    plan = admin_client.get("/api/v1/stop-plan?from=2026-03-02T14:00:00Z&to=2026-03-02T14:20:00Z").get_json()

    assert (plan["fires"], len(plan["missed"]), len(plan["quieter"])) == (20, 1, 3)
    assert plan["missed"][0]["first"] == "2026-03-02T14:00:00Z"
