"""The pages of job types with lists and choices among their parameters, and of those that come in families."""

import pytest

from app.bootstrap import Services
from app.core.job_types import JobTypes
from tests.web.pages.conftest import Reader

FORM = {"name": "tables", "job_type": "ANALYTICS_TABLE", "enabled": "on", "mode": "preset", "preset": "0 0 3 ? * *"}


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes.installed()


def test_types_of_no_family_come_first(admin: Reader, services: Services) -> None:
    page = admin.page("/jobs/new")

    names = [link.partition("?type=")[2] for link in page.links() if "?type=" in link]
    assert names[0] == "SQL_EXPORT", "most come for an export"
    assert {"SQL_EXPORT", "LOCK_EXCEPTION_CLEANUP", "TEST"} <= set(names)
    assert [services.types.get(name).family for name in names] == sorted(
        services.types.get(name).family for name in names
    )
    assert page.text.index("SQL export") < page.text.index("DHIS2") < page.text.index("Analytics table")


def test_lists_are_lines_or_boxes_to_tick(admin: Reader, services: Services) -> None:
    lists = {
        "parameters.skipPrograms": " jtcMAKhWwnc \r\n\r\nKBcP6Qw37gT\r\n",
        "parameters.skipTableTypes": ["EVENT", "ENROLLMENT"],
    }

    assert admin.post("/jobs/new", {**FORM, **lists}).status_code == 303

    [job] = services.jobs.list()
    assert job.parameters["skipPrograms"] == ["jtcMAKhWwnc", "KBcP6Qw37gT"]
    assert job.parameters["skipTableTypes"] == ["EVENT", "ENROLLMENT"]
    form = admin.page(f"/jobs/{job.uid}/edit")
    ticked = [box["value"] for box in form.find("input", name="parameters.skipTableTypes") if "checked" in box]
    assert ticked == ["EVENT", "ENROLLMENT"]
    assert "jtcMAKhWwnc\nKBcP6Qw37gT" in form.text
    assert "jtcMAKhWwnc, KBcP6Qw37gT" in admin.page(f"/jobs/{job.uid}").text


def test_a_choice_without_a_default_has_to_be_made(admin: Reader) -> None:
    form = FORM | {"job_type": "HTML_PUSH_ANALYTICS", "parameters.dashboard": "x", "parameters.receivers": "y"}

    answer = admin.post("/jobs/new", {**form, "parameters.mode": ""})

    assert answer.status_code == 422
    assert "Mode is required." in answer.text


def test_a_type_that_runs_alone_shares_no_cron_expression(admin: Reader) -> None:
    admin.post("/jobs/new", FORM)

    answer = admin.post("/jobs/new", FORM | {"name": "again"})

    assert answer.status_code == 422
    assert "Another job of the type &#39;Analytics table&#39; has this cron expression already." in answer.text
