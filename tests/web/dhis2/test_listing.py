"""GET /api/jobConfigurations: fields, filters, order, pages."""

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app.core.models import Job
from tests.web.conftest import MakeJob, Play, after

URL = "/api/jobConfigurations"


@pytest.fixture
def jobs(make_job: MakeJob, play: Play) -> dict[str, Job]:
    """Four jobs: beta runs, Gamma is disabled and waits after its end."""
    made = {name: make_job(name) for name in ("delta", "Alpha", "beta")}
    play.clock.advance(hours=1)
    made["Gamma"] = make_job("Gamma", triggers=[after(60)], enabled=False, group="HEALTH")
    play.begin(made["beta"])
    return made


def get(client: FlaskClient, **arguments: Any) -> Any:
    response = client.get(URL, query_string=arguments)
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def names(client: FlaskClient, **arguments: Any) -> list[str]:
    return [job["displayName"] for job in get(client, **arguments)["jobConfigurations"]]


def test_a_list_has_ids_and_names_by_name(user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    assert get(user_client) == {
        "pager": {"page": 1, "total": 4, "pageSize": 50, "pageCount": 1},
        "jobConfigurations": [
            {"id": jobs[name].uid, "displayName": name} for name in ("Alpha", "beta", "delta", "Gamma")
        ],
    }


def test_nothing_is_a_page_too(user_client: FlaskClient) -> None:
    pager = {"page": 1, "total": 0, "pageSize": 50, "pageCount": 1}
    assert get(user_client) == {"pager": pager, "jobConfigurations": []}
    assert get(user_client, filter="name:eq:x") == {"pager": pager, "jobConfigurations": []}


def test_pages_link_to_their_neighbours(user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    answer = get(user_client, fields="name", pageSize=1, page=2)

    link = "http://localhost/api/jobConfigurations?fields=name&pageSize=1&page="
    assert answer == {
        "pager": {
            "page": 2, "total": 4, "pageSize": 1, "pageCount": 4, "nextPage": f"{link}3", "prevPage": f"{link}1"
        },
        "jobConfigurations": [{"name": "beta"}],
    }  # fmt: skip


@pytest.mark.parametrize("order", [[], ["order=name:desc"]], ids=["in the database", "here"])
def test_a_page_beyond_the_end_is_the_last(order: list[str], user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    answer = user_client.get(f"{URL}?{'&'.join(['page=2000000000', 'pageSize=3', *order])}").get_json()

    assert answer["pager"]["page"] == 2
    assert len(answer["jobConfigurations"]) == 1


def test_without_paging_there_is_no_pager(user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    answer = get(user_client, paging="false", fields="name", pageSize=1)

    assert answer == {"jobConfigurations": [{"name": name} for name in ("Alpha", "beta", "delta", "Gamma")]}


FIELDS = {
    "name,jobStatus": {"name": "beta", "jobStatus": "RUNNING"},
    "name,access[read]": {"name": "beta", "access": {"read": True}},
    "name,triggers[kind,timezone]": {"name": "beta", "triggers": [{"kind": "cron", "timezone": "Europe/Paris"}]},
    "name,unknown,delay": {"name": "beta"},
    "name~rename(title),group::size": {"name": "beta", "group": "DEFAULT"},
    ":idName,!id": {"name": "beta"},
}


@pytest.mark.parametrize(("fields", "shown"), FIELDS.items(), ids=FIELDS.keys())
def test_fields_choose_members(fields: str, shown: object, user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    answer = get(user_client, fields=fields, filter="name:eq:beta")

    assert answer["jobConfigurations"] == [shown]


@pytest.mark.parametrize("fields", ["*", ":all", "!nothing"])
def test_all_fields_are_those_of_a_job(fields: str, user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    whole = user_client.get(f"{URL}/{jobs['beta'].uid}").get_json()

    assert get(user_client, fields=fields, filter="name:eq:beta")["jobConfigurations"] == [whole]


@pytest.mark.parametrize("preset", [":identifiable", ":nameable", ":owner", ":persisted", ":simple"])
def test_presets_name_groups_of_fields(preset: str, user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    [job] = get(user_client, fields=preset, filter="name:eq:beta")["jobConfigurations"]

    assert job["name"] == "beta"
    assert "access" not in job


FILTERS = {
    "name:eq:beta": ["beta"],
    "name:ieq:BETA": ["beta"],
    "name:!eq:beta": ["Alpha", "delta", "Gamma"],
    "name:neq:beta": ["Alpha", "delta", "Gamma"],
    "name:like:a": ["Alpha", "beta", "delta", "Gamma"],
    "name:like:A": ["Alpha"],
    "name:$like:A": ["Alpha"],
    "name:like$:ta": ["beta", "delta"],
    "name:ilike:TA": ["beta", "delta"],
    "name:!ilike:TA": ["Alpha", "Gamma"],
    "name:$ilike:g": ["Gamma"],
    "name:startsWith:d": ["delta"],
    "name:endsWith:A": ["Alpha", "beta", "delta", "Gamma"],
    "name:in:[beta,Gamma]": ["beta", "Gamma"],
    "name:!in:[beta,Gamma]": ["Alpha", "delta"],
    "name:token:al ph": ["Alpha"],
    "enabled:eq:true": ["Alpha", "beta", "delta"],
    "enabled:eq:false": ["Gamma"],
    "jobStatus:eq:RUNNING": ["beta"],
    "delay:null": ["Alpha", "beta", "delta"],
    "delay:!null": ["Gamma"],
    "delay:gt:59": ["Gamma"],
    "delay:le:59": [],
    "delay:empty": ["Alpha", "beta", "delta"],
    "created:ge:2026-03-02T13:30:00": ["Gamma"],
    "created:lt:2026-03-02T13:30:00": ["Alpha", "beta", "delta"],
    "jobParameters.connection:eq:clinic": ["Alpha", "beta", "delta", "Gamma"],
    "jobParameters.nothing:null": ["Alpha", "beta", "delta", "Gamma"],
}


@pytest.mark.parametrize(("condition", "found"), FILTERS.items(), ids=FILTERS.keys())
def test_filters(condition: str, found: list[str], user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    assert names(user_client, filter=condition) == found


def test_filters_are_joined_by_and_or_by_or(user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    both = ["name:like$:ta", "jobStatus:eq:RUNNING"]

    assert names(user_client, filter=both) == ["beta"]
    assert names(user_client, filter=both, rootJunction="OR") == ["beta", "delta"]


def test_query_looks_at_name_and_id(user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    assert names(user_client, query="TA") == ["beta", "delta"]
    assert names(user_client, query=jobs["Gamma"].uid) == ["Gamma"]


ORDERS = {
    "name": ["Alpha", "beta", "delta", "Gamma"],
    "name:desc": ["Gamma", "delta", "beta", "Alpha"],
    "name:idesc": ["Gamma", "delta", "beta", "Alpha"],
    "enabled:asc,name:desc": ["Gamma", "delta", "beta", "Alpha"],
    "enabled:desc,jobStatus,nextExecutionTime": ["beta", "Alpha", "delta", "Gamma"],
    "nextExecutionTime:desc": ["Alpha", "beta", "delta", "Gamma"],
    "jobId:asc": ["delta", "Alpha", "beta", "Gamma"],
    "jobParameters,jobId": ["delta", "Alpha", "beta", "Gamma"],
}


@pytest.mark.parametrize(("order", "found"), ORDERS.items(), ids=ORDERS.keys())
def test_orders(order: str, found: list[str], user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    assert names(user_client, order=order) == found


REFUSED = {
    "filter=nothing:eq:1": "Unknown path property: nothing",
    "filter=name:xx:1": "`xx` is not a valid operator.",
    "filter=name": "`` is not a valid operator.",
    "filter=enabled:eq:true&filter=jobId:gt:x": "`x` is not a number.",
    "order=nothing": "Unknown path property: nothing",
    "order=name:up": "`up` is not a valid order direction.",
    "page=x": "Value 'x' is not valid for query parameter page: it must be a whole number.",
    "pageSize=99999999999": (
        "Value '99999999999' is not valid for query parameter pageSize: it must be a whole number."
    ),
    "fields=" + "a[" * 20: f"fields cannot be read: {'a[' * 20!r}",
    "fields=a]]": "fields cannot be read: 'a]]'",
}


@pytest.mark.parametrize(("query", "message"), REFUSED.items(), ids=[quote(query)[:30] for query in REFUSED])
def test_questions_that_make_no_sense(query: str, message: str, user_client: FlaskClient, jobs: dict[str, Job]) -> None:
    response = user_client.get(f"{URL}?{query}")

    assert response.status_code == 400
    assert response.get_json() == {
        "httpStatus": "Bad Request", "httpStatusCode": 400, "status": "ERROR", "message": message
    }  # fmt: skip
