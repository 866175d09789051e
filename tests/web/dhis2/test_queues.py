"""/api/scheduler/queues"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from app.core.queues import QueueSpec
from app.core.statuses import OnFailure
from app.core.triggers import cron
from tests.web.conftest import ZONE, MakeJob
from tests.web.dhis2.test_job_configurations import plain

URL = "/api/scheduler/queues"
CRON = "0 0 1 ? * *"


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    return [make_job(f"step {number}") for number in (1, 2, 3)]


def body(jobs: Sequence[Job], **members: Any) -> dict[str, Any]:
    return {"cronExpression": CRON, "sequence": [job.uid for job in jobs], **members}


@pytest.fixture
def make_queue(admin_client: FlaskClient) -> Callable[..., None]:
    def make(jobs: Sequence[Job], name: str = "myQ", **members: Any) -> None:
        answer = admin_client.post(f"{URL}/{quote(name, safe='')}", json=body(jobs, **members))
        assert (answer.status_code, answer.data) == (201, b"")

    return make


def shown(client: FlaskClient, name: str) -> Any:
    return client.get(f"{URL}/{name}").get_json()


@pytest.mark.parametrize("prefix", ["/api", "/api/41"])
def test_a_queue_is_made_shown_listed_and_deleted(prefix: str, admin_client: FlaskClient, jobs: list[Job]) -> None:
    url = f"{prefix}/scheduler/queues"

    made = admin_client.post(f"{url}/myQ", json=body(jobs[:2]))

    assert (made.status_code, made.data) == (201, b"")
    answer = admin_client.get(f"{url}/myQ")
    assert (answer.status_code, answer.get_json()) == (
        200, {"name": "myQ", "cronExpression": CRON, "sequence": [jobs[0].uid, jobs[1].uid]},
    )  # fmt: skip
    assert admin_client.get(url).get_json() == ["myQ"]
    gone = admin_client.delete(f"{url}/myQ")
    assert (gone.status_code, gone.data) == (204, b"")
    assert admin_client.get(url).get_json() == []


def test_names_are_listed(admin_client: FlaskClient, jobs: list[Job], make_job: MakeJob, make_queue: Any) -> None:
    make_queue(jobs[:2], "queue_b")
    make_queue([jobs[2], make_job("four")], "queue_a")

    assert admin_client.get(URL).get_json() == ["queue_a", "queue_b"]


def test_the_name_in_the_address_counts(admin_client: FlaskClient, jobs: list[Job]) -> None:
    answer = admin_client.post(f"{URL}/myQ", json=body(jobs, name="another"))

    assert answer.status_code == 201
    assert admin_client.get(URL).get_json() == ["myQ"]


@pytest.mark.parametrize("name", ["a/b", "a b", "Ärzte & Co.", "a//b", "100 %", "a/", "add?", "a+b"])
def test_any_name_survives_the_address(name: str, admin_client: FlaskClient, jobs: list[Job], make_queue: Any) -> None:
    make_queue(jobs, name)

    encoded = quote(name, safe="")
    assert shown(admin_client, encoded)["name"] == name
    assert admin_client.put(f"{URL}/{encoded}", json=body(jobs[:2])).status_code == 204
    as_it_is = quote(name, safe="/")  # the scheduler app encodes no name that it deletes; browsers leave / alone
    assert admin_client.delete(f"{URL}/{as_it_is}").status_code == 204


def test_a_queue_is_changed(admin_client: FlaskClient, jobs: list[Job], make_queue: Any) -> None:
    make_queue(jobs[:2])

    answer = admin_client.put(f"{URL}/myQ", json=body([jobs[2], jobs[0]], cronExpression="0 0 2 ? * *"))

    assert (answer.status_code, answer.data) == (204, b"")
    assert shown(admin_client, "myQ") == {
        "name": "myQ", "cronExpression": "0 0 2 ? * *", "sequence": [jobs[2].uid, jobs[0].uid],
    }  # fmt: skip


def test_a_queue_is_renamed(admin_client: FlaskClient, jobs: list[Job], make_queue: Any) -> None:
    make_queue(jobs)

    assert admin_client.put(f"{URL}/myQ", json={"name": "other"}).status_code == 204

    assert admin_client.get(URL).get_json() == ["other"]
    assert shown(admin_client, "other") == body(jobs) | {"name": "other"}


def test_what_dhis2_does_not_know_of_a_queue_stays(
    services: Services, admin_client: FlaskClient, jobs: list[Job], make_queue: Any
) -> None:
    make_queue(jobs)
    queue = services.queues.named("myQ")
    spec = QueueSpec.of(queue)
    steps = [type(step)(step.job, OnFailure.CONTINUE) for step in spec.steps]
    two = [*spec.triggers, cron("0 0 12 ? * SUN", ZONE)]
    services.queues.update(queue.uid, QueueSpec("myQ", two, steps, description="for the ministry"), "ada")

    admin_client.put(f"{URL}/myQ", json=body(jobs[:2], cronExpression="0 0 2 ? * *"))

    changed = services.queues.named("myQ")
    assert [row.expression for row in changed.triggers] == ["0 0 12 ? * SUN", "0 0 2 ? * *"]
    assert {step.on_failure for step in changed.steps} == {OnFailure.CONTINUE}
    assert changed.description == "for the ministry"


EMPTY = "Cron expression is invalid: `Expression string must not be empty`"
SHORT = "Cron expression is invalid: `0 1 ? * *`: "
UNKNOWN = "KBcP6Qw37gT"


def test_what_is_wrong_is_told_in_this_order(
    services: Services, admin_client: FlaskClient, jobs: list[Job], make_job: MakeJob, make_queue: Any
) -> None:
    """Each body has one fault less than the one before."""
    make_queue(jobs[:2], "Q1")
    one, two, three = (job.uid for job in jobs)
    four, five = make_job("four").uid, make_job("five").uid

    def refusal(name: str, cron: str | None, *sequence: str) -> tuple[int, str, str]:
        answer = admin_client.post(f"{URL}/{name}", json={"cronExpression": cron, "sequence": list(sequence)})
        told = answer.get_json()
        assert told == plain(answer.status_code, told["httpStatus"], told["message"], told["errorCode"])
        return answer.status_code, told["errorCode"], told["message"]

    assert refusal("Q1", None) == (409, "E7021", "Job queue already exist: `Q1`")
    assert refusal("Q2", None) == (409, "E7005", EMPTY)
    assert refusal("Q2", "", one) == (409, "E7005", EMPTY)
    status, code, message = refusal("Q2", "0 1 ? * *", one)
    assert (status, code, message.startswith(SHORT)) == (409, "E7005", True)
    for sequence in ((), (three,), (three, UNKNOWN), (UNKNOWN, UNKNOWN)):
        assert refusal("Q2", CRON, *sequence) == (409, "E7024", "Job queue must have at least two jobs.")
    assert refusal("Q2", CRON, three, two, UNKNOWN) == (
        409, "E7022", f"Job `{two}` is already used in another queue: `Q1`",
    )  # fmt: skip
    assert refusal("Q2", CRON, three, UNKNOWN, four) == (
        404, "E1005", f"JobConfiguration with id {UNKNOWN} could not be found.",
    )  # fmt: skip
    assert [queue.name for queue in services.queues.list()] == ["Q1"]
    assert admin_client.post(f"{URL}/Q2", json=body([], sequence=[three, four, five])).status_code == 201


def test_a_job_twice_is_refused(admin_client: FlaskClient, jobs: list[Job]) -> None:
    answer = admin_client.post(f"{URL}/Q", json=body([jobs[0], jobs[1], jobs[0]]))

    assert answer.status_code == 409
    assert answer.get_json() == plain(409, "Conflict", "job 'step 1' is in the queue more than once")


def test_a_name_that_is_too_long_is_refused(admin_client: FlaskClient, jobs: list[Job]) -> None:
    answer = admin_client.post(f"{URL}/{'x' * 51}", json=body(jobs))

    message = "Maximum length of property `name` is 50, but given length was 51."
    assert (answer.status_code, answer.get_json()) == (409, plain(409, "Conflict", message, "E4001"))


@pytest.mark.parametrize(
    ("method", "sent"), [("GET", None), ("PUT", {}), ("PUT", {"cronExpression": "x"}), ("DELETE", None)]
)
def test_a_queue_that_is_not_there(method: str, sent: Any, admin_client: FlaskClient) -> None:
    answer = admin_client.open(f"{URL}/foo", method=method, json=sent)

    assert answer.status_code == 404
    assert answer.get_json() == plain(404, "Not Found", "Job queue does not exist: `foo`", "E7020")
    assert answer.headers["Cache-Control"] == "no-cache, private"


def test_a_change_must_say_everything(admin_client: FlaskClient, jobs: list[Job], make_queue: Any) -> None:
    make_queue(jobs)

    no_cron = admin_client.put(f"{URL}/myQ", json={"sequence": [job.uid for job in jobs]})
    no_jobs = admin_client.put(f"{URL}/myQ", json={"cronExpression": CRON})

    assert (no_cron.status_code, no_cron.get_json()) == (409, plain(409, "Conflict", EMPTY, "E7005"))
    assert no_jobs.get_json() == plain(409, "Conflict", "Job queue must have at least two jobs.", "E7024")


def test_a_refused_rename_loses_nothing(
    admin_client: FlaskClient, jobs: list[Job], make_job: MakeJob, make_queue: Any
) -> None:
    make_queue(jobs[:2], "Q1")
    make_queue([jobs[2], make_job("four")], "Q2")

    answer = admin_client.put(f"{URL}/Q2", json=body(jobs[:2], name="Q1"))

    assert (answer.status_code, answer.get_json()) == (
        409, plain(409, "Conflict", "Job queue already exist: `Q1`", "E7021"),
    )  # fmt: skip
    assert admin_client.get(URL).get_json() == ["Q1", "Q2"]
    assert shown(admin_client, "Q1")["sequence"] == [jobs[0].uid, jobs[1].uid]


UNREADABLE = {
    "empty": (b"", "application/json", 400),
    "malformed": (b'{"sequence": [', "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "wrong type": (b'{"sequence": "x"}', "application/json", 400),
    "wrong cron": (b'{"cronExpression": ["x"]}', "application/json", 400),
    "no JSON": (b"{}", "text/plain", 415),
}


@pytest.mark.parametrize(("sent", "kind", "status"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_cannot_be_read(
    method: str, sent: bytes, kind: str, status: int, admin_client: FlaskClient
) -> None:
    answer = admin_client.open(f"{URL}/myQ", method=method, data=sent, content_type=kind)

    assert (answer.status_code, answer.get_json()["status"]) == (status, "ERROR")
    assert admin_client.get(URL).get_json() == []


def test_who_may_only_run_may_look(user_client: FlaskClient, jobs: list[Job], make_queue: Any) -> None:
    make_queue(jobs)

    assert shown(user_client, "myQ")["name"] == "myQ"
    for method in ("POST", "PUT", "DELETE"):
        answer = user_client.open(f"{URL}/myQ", method=method, json=body(jobs))
        assert (answer.status_code, answer.get_json()["errorCode"]) == (403, "E1006")


def test_other_methods_are_refused(admin_client: FlaskClient) -> None:
    answer = admin_client.patch(f"{URL}/myQ", json={})

    assert (answer.status_code, answer.get_json()["httpStatus"]) == (405, "Method Not Allowed")
    assert {"GET", "PUT", "POST", "DELETE"} <= set(answer.headers["Allow"].split(", "))
