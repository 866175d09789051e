"""The gist of job configurations: small, always paged, counted on demand."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.models import Job
from tests.web.conftest import MakeJob

LIST = "/api/jobConfigurations/gist"


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    return [make_job(name) for name in ("night", "noon", "dawn")]


@pytest.fixture
def names(user_client: FlaskClient) -> Any:
    """Ask for names alone: then they come without objects around them."""
    return lambda query: user_client.get(f"{LIST}?fields=name&{query}").get_json()["jobConfigurations"]


@pytest.mark.usefixtures("jobs")
def test_a_list_holds_what_is_simple(user_client: FlaskClient) -> None:
    answer = user_client.get(LIST).get_json()

    assert answer["pager"] == {"page": 1, "pageSize": 50}
    assert answer["jobConfigurations"][0] == {
        "lastUpdated": "2026-03-02T13:00:00.000",
        "id": answer["jobConfigurations"][0]["id"],
        "created": "2026-03-02T13:00:00.000",
        "name": "dawn",
        "jobStatus": "SCHEDULED",
        "enabled": True,
        "jobType": "SQL_EXPORT",
        "nextExecutionTime": "2026-03-03T03:00:00.000",
        "cronExpression": "0 0 3 * * ?",
        "schedulingType": "CRON",
        "continuousExecution": False,
        "lastExecutedStatus": "NOT_STARTED",
        "jobId": 3,
        "group": "DEFAULT",
    }


def test_one_names_those_who_changed_it(user_client: FlaskClient, jobs: list[Job], services: Services) -> None:
    url, ada = f"/api/jobConfiguration/{jobs[0].uid}/gist", services.users.get("ada").uid

    assert user_client.get(url).get_json()["lastUpdatedBy"] == ada
    assert user_client.get(f"{url}?auto=XL").get_json()["lastUpdatedBy"] == {"id": ada}
    assert user_client.get(f"{url}?fields=id,createdBy[id]").get_json()["createdBy"] == {"id": ada}
    assert "lastUpdatedBy" not in user_client.get(f"{url}?auto=M").get_json()
    assert user_client.get(f"{url}?fields=name").get_json() == "night"
    assert user_client.get(f"{url}?fields=lastExecuted").get_json() is None


def test_only_texts_in_the_smallest(user_client: FlaskClient, jobs: list[Job]) -> None:
    shown = user_client.get(f"/api/40/jobConfigurations/{jobs[0].uid}/gist?auto=XS").get_json()

    assert "name" in shown
    assert "jobId" not in shown


def test_what_is_computed_is_named_first(user_client: FlaskClient, jobs: list[Job]) -> None:
    url = f"/api/jobConfigurations/{jobs[0].uid}/gist"

    assert user_client.get(f"{url}?fields=displayName,href").get_json() == {
        "displayName": "night",
        "href": f"/jobConfigurations/{jobs[0].uid}/gist",
    }
    assert user_client.get(f"{url}?fields=href&absoluteUrls=true").get_json() == (
        f"http://localhost/api/jobConfigurations/{jobs[0].uid}/gist?absoluteUrls=true"
    )


@pytest.mark.usefixtures("jobs")
def test_pages(user_client: FlaskClient) -> None:
    def pager(query: str) -> Any:
        return user_client.get(f"{LIST}?fields=name&{query}").get_json()["pager"]

    assert pager("pageSize=2") == {
        "page": 1,
        "pageSize": 2,
        "nextPage": "/jobConfigurations/gist?fields=name&pageSize=2&page=2",
    }
    assert pager("pageSize=2&page=2&total=true") == {
        "page": 2,
        "pageSize": 2,
        "total": 3,
        "prevPage": "/jobConfigurations/gist?fields=name&pageSize=2&total=true&page=1",
        "pageCount": 2,
    }
    assert pager("pageSize=3&order=name&absoluteUrls=true")["nextPage"] == (
        "http://localhost/api/jobConfigurations/gist?fields=name&pageSize=3&order=name&page=2&absoluteUrls=true"
    )
    assert pager("pageSize=5000&page=0") == {"page": 1, "pageSize": 1000}


@pytest.mark.usefixtures("jobs")
def test_filters_and_orders(names: Any) -> None:
    assert names("order=name:desc") == ["noon", "night", "dawn"]
    assert names("filter=name:like:n,jobId:lt:3&order=jobId") == ["night", "noon"]
    assert names("filter=name:in:[dawn,noon]&filter=enabled:eq:true") == ["dawn", "noon"]
    assert names("filter=name:eq:dawn,name:eq:noon&rootJunction=OR") == ["dawn", "noon"]
    assert names("page=7") == []


@pytest.mark.usefixtures("jobs")
def test_without_a_head_it_is_the_list_alone(user_client: FlaskClient) -> None:
    assert user_client.get(f"{LIST}?fields=name&headless=true").get_json() == ["dawn", "night", "noon"]


@pytest.mark.parametrize("query", ["auto=XXL", "page=x", "pageSize=1.5", "filter=nothing:eq:1", "fields=a]b"])
def test_what_cannot_be_read_is_refused(query: str, user_client: FlaskClient, jobs: list[Job]) -> None:
    answer = user_client.get(f"{LIST}?{query}")

    assert (answer.status_code, answer.get_json()["status"]) == (400, "ERROR")


def test_an_unknown_job_has_none(user_client: FlaskClient) -> None:
    answer = user_client.get("/api/jobConfigurations/KBcP6Qw37gT/gist")

    assert answer.status_code == 404
    assert answer.get_json()["message"] == "JobConfiguration with id KBcP6Qw37gT could not be found."
