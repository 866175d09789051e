"""One table of bad situations that every dialect is asked; each answers in its own manner, and nothing changes."""

from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import UnavailableError
from app.core.models import Job
from app.core.runs import RunFilter
from tests.web.conftest import MakeJob, Play
from tests.web.situations import SITUATIONS, Ask, asked, control, dhis2, openspecimen, sunbird, v1, with_ids

DIALECTS = [control, dhis2, openspecimen, sunbird, v1]
QUESTIONS = {
    f"{dialect.__name__.rpartition('.')[2]}: {situation}": (dialect, *row)
    for dialect in DIALECTS
    for situation, row in dialect.TABLE.items()
    if row
}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job()


def state(services: Services) -> list[Any]:
    jobs = [(job.uid, job.name, job.parameters, job.version, job.enabled) for job in services.jobs.list()]
    runs = [(run.id, run.status) for run in services.runs.list(RunFilter())]
    return [
        jobs,
        runs,
        [(entry.id, entry.next_fire_at) for entry in services.entries.list()],
        services.pauses.current(),
    ]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.__name__)
def test_every_dialect_is_asked_everything(dialect: ModuleType) -> None:
    assert set(dialect.TABLE) == set(SITUATIONS)


@pytest.mark.parametrize(("dialect", "question", "status", "words"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_each_answers_in_its_own_manner(
    dialect: ModuleType, question: Ask, status: int, words: str, app: Flask, services: Services, job: Job, play: Play
) -> None:
    if question.while_running:
        play.begin(job)
    before = state(services)

    response = asked(app, question, job)

    text = response.get_data(as_text=True)
    assert response.status_code == status, text
    assert with_ids(words, job) in text.replace('\\"', '"')
    if status >= 400 or text.startswith('{"error"'):
        dialect.check(response)
    assert state(services) == before


CHANGES = {
    "create": Ask("POST", dhis2.ROOT, dhis2.body(), user="uma"),
    "update": Ask("PUT", f"{dhis2.ROOT}/<uid>", dhis2.body(), user="uma"),
    "delete": Ask("DELETE", f"{dhis2.ROOT}/<uid>", user="uma"),
    "enable": Ask("POST", f"{dhis2.ROOT}/<uid>/enable", user="uma"),
    "disable": Ask("POST", f"{dhis2.ROOT}/<uid>/disable", user="uma"),
}


@pytest.mark.parametrize("question", CHANGES.values(), ids=CHANGES.keys())
def test_a_user_changes_nothing(question: Ask, app: Flask, services: Services, job: Job) -> None:
    before = state(services)

    response = asked(app, question, job)

    assert response.status_code == 403
    assert response.headers["Cache-Control"] == "no-cache, private"
    assert response.get_json() == {
        "httpStatus": "Forbidden",
        "httpStatusCode": 403,
        "status": "ERROR",
        "message": "your role does not allow this; an administrator can do it",
        "errorCode": "E1006",
    }
    assert state(services) == before


ROOTS = [dialect.ROOT for dialect in DIALECTS]


@pytest.mark.parametrize("path", [root for root in ROOTS if root != control.ROOT])
def test_nobody_is_challenged_unless_a_script_asks(path: str, client: FlaskClient) -> None:
    assert client.get(path).headers["WWW-Authenticate"] == 'Basic realm="Carillon"'
    for script in ({"X-Requested-With": "XMLHttpRequest"}, {"X-OS-API-CLIENT": "webui"}):
        assert "WWW-Authenticate" not in client.get(path, headers=script).headers


@pytest.mark.parametrize("path", [f"{dhis2.ROOT}/x/execute", openspecimen.ROOT, sunbird.ROOT])
def test_a_wrong_method_says_which_are_right(path: str, admin_client: FlaskClient) -> None:
    assert set(admin_client.patch(path).headers["Allow"].split(", ")) & {"GET", "POST"}


@pytest.mark.parametrize("path", ROOTS)
def test_a_fault_of_ours_tells_nothing(
    path: str, admin_client: FlaskClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    services.jobs = services.entries = None  # type: ignore[assignment]

    response = admin_client.get(path)

    assert response.status_code == 500
    assert "NoneType" not in response.get_data(as_text=True)
    assert "NoneType" in caplog.text


@pytest.mark.parametrize("path", ROOTS)
def test_a_database_that_is_away_is_no_fault_of_ours(path: str, admin_client: FlaskClient, services: Services) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            raise UnavailableError("the database does not answer in time; try again")

    services.jobs = services.entries = Away()  # type: ignore[assignment]

    response = admin_client.get(path)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "the database does not answer in time; try again" in response.get_data(as_text=True)
