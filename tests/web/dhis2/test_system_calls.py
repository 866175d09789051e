"""What DHIS2's scheduler app asks of the server beside jobs and queues."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.web.conftest import ZONE

START = {
    "/api/system/info": {
        "contextPath": "http://localhost",
        "systemName": "Carillon",
        "version": "2.40.4",
        "revision": "",
        "serverDate": "2026-03-02T13:00:00.000",
        "serverTimeZoneId": ZONE,
        "serverTimeZoneDisplayName": ZONE,
        "calendar": "iso8601",
        "dateFormat": "yyyy-mm-dd",
    },
    "/api/40/userSettings": {"keyUiLocale": "en", "keyDbLocale": "en", "keyStyle": "light_blue/light_blue.css"},
    "/api/40/systemSettings/applicationTitle": {"applicationTitle": "Carillon"},
    "/api/40/systemSettings/helpPageLink": {"helpPageLink": "/api/docs"},
    "/api/40/me/dashboard": {"unreadInterpretations": 0, "unreadMessageConversations": 0},
    "/dhis-web-commons/menu/getModules.action": {
        "modules": [{"name": "scheduler", "displayName": "Scheduler", "defaultAction": "/apps/scheduler/", "icon": ""}]
    },
}


@pytest.mark.parametrize(("path", "body"), START.items())
def test_the_app_starts(path: str, body: Any, user_client: FlaskClient) -> None:
    answer = user_client.get(path)

    assert (answer.status_code, answer.mimetype, answer.get_json()) == (200, "application/json", body)


@pytest.mark.parametrize("path", [*START, "/api/40/me", "/api/40/programs", "/api/40/analytics/tableTypes"])
def test_nobody_is_told_anything(path: str, client: FlaskClient) -> None:
    assert client.get(path).status_code == 401


def test_an_administrator_may_schedule(admin_client: FlaskClient, user_client: FlaskClient, services: Services) -> None:
    ada = services.users.get("ada")

    assert admin_client.get("/api/40/me?fields=id").get_json() == {"id": ada.uid}
    assert admin_client.get("/api/me").get_json() == {
        "id": ada.uid,
        "username": "ada",
        "name": "ada",
        "displayName": "ada",
        "firstName": "ada",
        "surname": "",
        "authorities": ["ALL", "F_SCHEDULING_ADMIN"],
        "settings": START["/api/40/userSettings"],
        "created": "2026-03-02T13:00:00.000",
    }
    assert user_client.get("/api/40/me?fields=authorities").get_json() == {"authorities": []}


def test_an_unknown_setting_is_not_found(user_client: FlaskClient) -> None:
    answer = user_client.get("/api/40/systemSettings/keyLastSuccess")

    assert (answer.status_code, answer.get_json()["message"]) == (404, "Setting does not exist: keyLastSuccess")


# What forms offer


def test_table_types_are_names(user_client: FlaskClient) -> None:
    types = user_client.get("/api/40/analytics/tableTypes").get_json()

    assert (types[0], len(types)) == ("DATA_VALUE", 11)


COLLECTIONS = {
    "validationRuleGroups": ("MONITORING", {"validationRuleGroups": ["jtcMAKhWwnc"]}),
    "predictors": ("PREDICTOR", {"predictors": ["jtcMAKhWwnc"]}),
    "predictorGroups": ("PREDICTOR", {"predictorGroups": ["jtcMAKhWwnc"]}),
    "dashboards": ("HTML_PUSH_ANALYTICS", {"dashboard": "jtcMAKhWwnc", "receivers": "x", "mode": "EXECUTOR"}),
    "userGroups": ("HTML_PUSH_ANALYTICS", {"receivers": "jtcMAKhWwnc", "dashboard": "x", "mode": "EXECUTOR"}),
    "programs": ("ANALYTICS_TABLE", {"skipPrograms": ["jtcMAKhWwnc"]}),
    "pushAnalysis": ("PUSH_ANALYSIS", {"pushAnalysis": ["jtcMAKhWwnc"]}),
    "aggregateDataExchanges": ("AGGREGATE_DATA_EXCHANGE", {"dataExchangeIds": ["jtcMAKhWwnc"]}),
    "sqlViews": ("MATERIALIZED_SQL_VIEW_UPDATE", {"sqlViews": ["jtcMAKhWwnc"]}),
    "trackedEntityAttributes": ("TRACKER_SEARCH_OPTIMIZATION", {"attributes": ["jtcMAKhWwnc"]}),
}


def posted(client: FlaskClient, job_type: str, parameters: dict[str, Any]) -> None:
    body = {"name": "a", "jobType": job_type, "cronExpression": "0 0 3 ? * *", "jobParameters": parameters}
    assert client.post("/api/jobConfigurations", json=body).status_code == 201


@pytest.mark.parametrize(("name", "job"), COLLECTIONS.items(), ids=COLLECTIONS.keys())
def test_forms_offer_what_jobs_name(name: str, job: tuple[str, dict[str, Any]], admin_client: FlaskClient) -> None:
    path = f"/api/40/{name}" + ("/indexable" if name == "trackedEntityAttributes" else "")
    assert admin_client.get(f"{path}?paging=false").get_json() == {name: []}
    posted(admin_client, *job)

    options = [{"id": "jtcMAKhWwnc", "displayName": "jtcMAKhWwnc"}]
    pager = {"page": 1, "total": 1, "pageSize": 50, "pageCount": 1}
    assert admin_client.get(f"{path}?paging=false").get_json() == {name: options}
    assert admin_client.get(path).get_json() == {"pager": pager, name: options}


def test_checks_are_an_array(admin_client: FlaskClient) -> None:
    assert admin_client.get("/api/40/dataIntegrity").get_json() == []
    posted(admin_client, "DATA_INTEGRITY", {"checks": ["orgunits_no_geometry"]})

    check = {"name": "orgunits_no_geometry", "displayName": "orgunits_no_geometry"}
    assert admin_client.get("/api/dataIntegrity").get_json() == [check | {"severity": "WARNING", "isSlow": False}]
