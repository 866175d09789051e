"""The companion program: a client on this machine without credentials."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job, Trigger

Ask = Callable[[str], Any]
ENTRY_ID = r"\d+-{}-[0-9a-f]{{10}}"
"""What names an entry of a job."""


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Ask the control API; gives the body of an answer with status 200."""

    def get(path: str) -> Any:
        answer = client.get(f"/api{path}")
        assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
        return answer.get_json()

    return get


def triggers_of(services: Services, job: Job) -> list[Trigger]:
    return list(services.jobs.get(job.uid).triggers)
