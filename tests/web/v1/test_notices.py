"""/api/v1/notices and /api/v1/jobs/UID/notices"""

from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.queues import QueueSpec, StepSpec
from tests.web.conftest import MakeJob

RULE = {"kinds": ["failure"], "each_failure": True, "missed_from": 2, "mail": ["ops@x.example"]}
HOOK = "https://hooks.example/services/T0/s3cr3t"


def test_the_rule_that_counts_for_a_job(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job(group="pay/roll")
    path = f"/api/v1/jobs/{job.uid}/notices"
    nobody = admin_client.get(path).get_json()
    assert (nobody["scope"], nobody["kinds"], nobody["mail"]) == ("site", [], [])

    admin_client.put("/api/v1/notices/rules/site", json={})
    admin_client.put("/api/v1/notices/rules/groups/pay", json=RULE)
    saved = admin_client.put(path, json=RULE | {"webhook": HOOK})

    shown = RULE | {"webhook": "https://hooks.example/…", "scope": "job", "name": job.name, "uid": job.uid}
    assert (saved.status_code, saved.get_json()) == (200, shown)
    assert admin_client.get(path).get_json() == shown
    listed = admin_client.get("/api/v1/notices/rules").get_json()
    assert [(rule["scope"], rule["name"]) for rule in listed["rules"]] == [
        ("site", ""), ("group", "pay"), ("job", job.name),
    ]  # fmt: skip
    assert listed["sends_mail"] is False


def test_what_is_shown_can_be_sent_back(admin_client: FlaskClient, make_job: MakeJob, services: Services) -> None:
    path = f"/api/v1/jobs/{make_job().uid}/notices"
    shown = admin_client.put(path, json={"webhook": HOOK}).get_json()
    body = {name: value for name, value in shown.items() if name not in ("scope", "name", "uid")}

    assert admin_client.put(path, json=body).status_code == 200
    assert admin_client.delete(path).status_code == 204
    assert admin_client.delete(path).status_code == 404


def test_a_queue_may_have_a_rule_of_its_own(admin_client: FlaskClient, make_job: MakeJob, services: Services) -> None:
    steps = [StepSpec(make_job(name).uid) for name in ("one", "two")]
    queue = services.queues.create(QueueSpec("month end", [], steps), "ada")

    saved = admin_client.put(f"/api/v1/jobs/{queue.uid}/notices", json=RULE)

    assert (saved.status_code, saved.get_json()["name"]) == (200, "month end")
    assert f'href="/queues/{queue.uid}"' in admin_client.get("/notices").text
    assert f"/notices/rule?what=job:{queue.uid}" in admin_client.get(f"/queues/{queue.uid}").text


def test_what_is_wrong_is_said_by_field(admin_client: FlaskClient) -> None:
    answer = admin_client.put("/api/v1/notices/rules/site", json={"mail": ["x"], "webhook": "y", "missed_from": 0})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == ["mail", "webhook", "missed_from"]


def test_a_test_and_what_becomes_of_it(admin_client: FlaskClient, services: Services) -> None:
    admin_client.put("/api/v1/notices/rules/site", json=RULE)

    assert admin_client.post("/api/v1/notices/test", json={"scope": "site"}).get_json() == {"messages": 1}
    (sent,) = admin_client.get("/api/v1/notices/deliveries").get_json()["items"]
    assert (sent["status"], sent["recipient"], sent["subject"]) == ("pending", "ops@x.example", "Carillon: a test")
    services.postroom.failed(sent["id"], "gone", is_final=True)
    given_up = admin_client.get("/api/v1/notices/deliveries?status=given_up").get_json()["items"]
    assert [(one["error"], one["tries"]) for one in given_up] == [("gone", 1)]
    again = admin_client.post(f"/api/v1/notices/deliveries/{sent['id']}/retry")
    assert (again.status_code, again.get_json()["status"]) == (200, "pending")


def test_users_see_no_addresses(user_client: FlaskClient) -> None:
    for path in ("/api/v1/notices/rules", "/api/v1/notices/deliveries"):
        assert user_client.get(path).status_code == 403
