"""GET /api/jobConfigurations/jobTypes"""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.web.dhis2.job_types import FLAGS

NO_FLAGS = dict.fromkeys(FLAGS, False)


OFF = {"cronExpression": None, "enabled": False}
NEEDY: dict[str, dict[str, Any]] = {
    "AGGREGATE_DATA_EXCHANGE": {"dataExchangeIds": ["jtcMAKhWwnc"]},
    "HTML_PUSH_ANALYTICS": {"dashboard": "jtcMAKhWwnc", "receivers": "jtcMAKhWwnc", "mode": "EXECUTOR"},
    "DISABLE_INACTIVE_USERS": {"inactiveMonths": 12},
}
"""Types that cannot do without, and with what they can."""
NAMES = [
    "DATA_INTEGRITY", "DATA_INTEGRITY_DETAILS", "RESOURCE_TABLE", "ANALYTICS_TABLE", "CONTINUOUS_ANALYTICS_TABLE",
    "DATA_SYNC", "TRACKER_PROGRAMS_DATA_SYNC", "EVENT_PROGRAMS_DATA_SYNC", "SINGLE_EVENT_DATA_SYNC",
    "TRACKED_ENTITY_DATA_SYNC", "META_DATA_SYNC", "AGGREGATE_DATA_EXCHANGE", "SEND_SCHEDULED_MESSAGE",
    "PROGRAM_NOTIFICATIONS", "MONITORING", "PUSH_ANALYSIS", "HTML_PUSH_ANALYTICS", "TRACKER_SEARCH_OPTIMIZATION",
    "TRACKER_TRIGRAM_INDEX_MAINTENANCE", "PREDICTOR", "MATERIALIZED_SQL_VIEW_UPDATE", "DISABLE_INACTIVE_USERS",
    "LOCK_EXCEPTION_CLEANUP",
]  # fmt: skip


def types(client: FlaskClient) -> dict[str, dict[str, Any]]:
    body = client.get("/api/jobConfigurations/jobTypes?fields=*&paging=false").get_json()
    return {job_type["jobType"]: job_type for job_type in body["jobTypes"]}


def test_the_types_of_dhis2_come_first_in_its_own_order(user_client: FlaskClient) -> None:
    assert list(types(user_client))[: len(NAMES)] == NAMES
    assert "SQL_EXPORT" in types(user_client)


def test_a_type_without_parameters_is_shown_whole(user_client: FlaskClient) -> None:
    assert types(user_client)["RESOURCE_TABLE"] == {
        "name": "Resource table",
        "jobType": "RESOURCE_TABLE",
        "key": "resourceTableJob",
        "schedulingType": "CRON",
        "jobParameters": [],
    }


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("DATA_INTEGRITY", ("Data integrity", "dataIntegrityJob", "CRON")),
        ("CONTINUOUS_ANALYTICS_TABLE", ("Continuous analytics table", "continuousAnalyticsTableJob", "FIXED_DELAY")),
        ("META_DATA_SYNC", ("Meta data sync", "metadataSyncJob", "CRON")),
        ("SQL_EXPORT", ("SQL export", "sqlExportJob", "CRON")),
    ],
)
def test_types_have_name_key_and_kind_of_schedule(
    name: str, members: tuple[str, ...], user_client: FlaskClient
) -> None:
    shown = types(user_client)[name]

    assert (shown["name"], shown["key"], shown["schedulingType"]) == members


def properties(client: FlaskClient, job_type: str) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in types(client)[job_type]["jobParameters"]}


def test_parameters_are_properties(user_client: FlaskClient) -> None:
    shown = properties(user_client, "SQL_EXPORT")

    assert shown["lineEnding"] == {
        "name": "lineEnding",
        "fieldName": "Line ending",
        "klass": "java.lang.String",
        "collection": False,
        "constants": ["LF", "CRLF"],
        "defaultValue": "LF",
        "required": False,
        **NO_FLAGS,
    }
    assert shown["header"]["klass"] == "java.lang.Boolean"
    assert shown["query"]["required"] is True
    timeout = shown["statementTimeoutSeconds"]
    assert (timeout["klass"], timeout["min"], timeout["max"]) == ("java.lang.Integer", 1, 604800)


def test_a_list_says_where_its_options_are(user_client: FlaskClient) -> None:
    shown = properties(user_client, "ANALYTICS_TABLE")

    assert shown["skipTableTypes"] == {
        "name": "skipTableTypes",
        "fieldName": "Skip table types",
        "klass": "java.util.Set",
        "itemKlass": "org.hisp.dhis.analytics.AnalyticsTableType",
        "collection": True,
        "collectionName": "skipTableTypes",
        "description": "Kinds of tables that are left out.",
        "constants": [
            "DATA_VALUE", "COMPLETENESS", "COMPLETENESS_TARGET", "ORG_UNIT_TARGET", "VALIDATION_RESULT", "EVENT",
            "ENROLLMENT", "OWNERSHIP", "TRACKED_ENTITY_INSTANCE_EVENTS", "TRACKED_ENTITY_INSTANCE_ENROLLMENTS",
            "TRACKED_ENTITY_INSTANCE",
        ],
        "relativeApiEndpoint": "/api/analytics/tableTypes",
        "defaultValue": [],
        "required": False,
        **NO_FLAGS,
    }  # fmt: skip
    programs = shown["skipPrograms"]
    assert (programs["itemKlass"], programs["relativeApiEndpoint"]) == ("java.lang.String", "/api/programs")


def test_a_choice_is_of_its_own_class(user_client: FlaskClient) -> None:
    kind = properties(user_client, "DATA_INTEGRITY")["type"]

    assert kind["klass"] == "org.hisp.dhis.dataintegrity.DataIntegrityReportType"
    assert (kind["constants"], kind["defaultValue"]) == (["REPORT", "SUMMARY", "DETAILS"], "REPORT")


def test_the_parameters_of_the_type_test_are_those_of_dhis2(user_client: FlaskClient) -> None:
    shown = properties(user_client, "TEST")

    assert [(name, each["klass"].rpartition(".")[2], each.get("defaultValue")) for name, each in shown.items()] == [
        ("waitMillis", "Long", None),
        ("stages", "Integer", None),
        ("failAtStage", "Integer", None),
        ("items", "Integer", None),
        ("failAtItem", "Integer", None),
        ("itemDuration", "Long", None),
        ("failWithMessage", "String", None),
        ("failWithException", "Boolean", False),
        ("failWithPostCondition", "Boolean", False),
        ("failWithPolicy", "JobProgress$FailurePolicy", None),
        ("runStagesParallel", "Boolean", False),
    ]
    assert shown["failWithPolicy"]["constants"] == ["PARENT", "FAIL", "SKIP_STAGE", "SKIP_ITEM", "SKIP_ITEM_OUTLIER"]


def test_parameters_by_name(user_client: FlaskClient) -> None:
    by_name = user_client.get("/api/42/jobConfiguration/jobTypesExtended").get_json()

    assert {name: list(shown.values()) for name, shown in by_name.items()} == {
        name: shown["jobParameters"] for name, shown in types(user_client).items()
    }


# Jobs of these types

BOTH = {"sendNotification": True, "persistsResults": True, "sendNotifications": True, "persistResults": True}
"""As the documentation spells them, and as the real server does."""


def posted(client: FlaskClient, job_type: str, **members: Any) -> TestResponse:
    body = {"name": job_type, "jobType": job_type, "cronExpression": "0 0 3 ? * MON"}
    return client.post("/api/jobConfigurations", json=body | members)


def codes(response: TestResponse) -> list[tuple[str, str]]:
    reports = response.get_json()["response"]["errorReports"]
    return [(report["errorCode"], report["message"]) for report in reports]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NEEDY])
def test_a_type_needs_no_parameters(name: str, admin_client: FlaskClient) -> None:
    response = posted(admin_client, name)

    assert response.status_code == 201
    shown = admin_client.get(response.headers["Location"]).get_json()
    declared = properties(admin_client, name).values()
    defaults = {parameter["name"]: parameter["defaultValue"] for parameter in declared if "defaultValue" in parameter}
    others = dict.fromkeys(BOTH, False) if name == "MONITORING" else {}
    assert shown.get("jobParameters") == ({**defaults, **others} or None)


@pytest.mark.parametrize(("name", "parameters"), NEEDY.items())
def test_what_a_type_needs_is_asked_for(name: str, parameters: dict[str, Any], admin_client: FlaskClient) -> None:
    missing = [("E4000", f"Missing required property `{parameter}`.") for parameter in parameters]

    assert codes(posted(admin_client, name)) == missing
    assert posted(admin_client, name, jobParameters=parameters).status_code == 201


@pytest.mark.parametrize(
    ("name", "parameter", "low", "high"),
    [
        ("CONTINUOUS_ANALYTICS_TABLE", "fullUpdateHourOfDay", 0, 23),
        ("DATA_SYNC", "pageSize", 50, 30000),
        ("TRACKER_PROGRAMS_DATA_SYNC", "pageSize", 5, 100),
        ("EVENT_PROGRAMS_DATA_SYNC", "pageSize", 5, 200),
        ("SINGLE_EVENT_DATA_SYNC", "pageSize", 5, 200),
        ("TRACKED_ENTITY_DATA_SYNC", "pageSize", 5, 200),
        ("META_DATA_SYNC", "trackerProgramPageSize", 5, 100),
        ("META_DATA_SYNC", "eventProgramPageSize", 5, 200),
        ("META_DATA_SYNC", "dataValuesPageSize", 50, 30000),
        ("DISABLE_INACTIVE_USERS", "inactiveMonths", 1, 24),
        ("LOCK_EXCEPTION_CLEANUP", "expiresAfterMonths", 1, 12),
    ],
)
def test_numbers_have_their_documented_range(
    name: str, parameter: str, low: int, high: int, admin_client: FlaskClient
) -> None:
    for number in (low - 1, high + 1):
        words = f"Allowed range for numeric property `{parameter}` is [{low} to {high}], but number given was {number}."
        assert codes(posted(admin_client, name, jobParameters={parameter: number})) == [("E4008", words)]
    for number in (low, high):
        response = posted(admin_client, name, jobParameters={parameter: str(number)}, name=f"{name} {number}", **OFF)
        assert response.status_code == 201, response.get_json()


def test_monitoring_has_its_documented_and_its_real_names(admin_client: FlaskClient) -> None:
    documented = {"sendNotification": True, "persistsResults": "true"}

    shown = admin_client.get(posted(admin_client, "MONITORING", jobParameters=documented).headers["Location"])

    others = {"relativeStart": 0, "relativeEnd": 0, "validationRuleGroups": []}
    assert shown.get_json()["jobParameters"] == BOTH | others


@pytest.mark.parametrize(
    ("sent", "is_on"),
    [
        ({"sendNotification": False}, False),
        ({"sendNotifications": "false"}, False),
        (BOTH, True),
        (BOTH | {"sendNotification": False}, False),
        (BOTH | {"sendNotifications": "false"}, False),
        (BOTH | {"sendNotifications": None, "sendNotification": False}, False),
    ],
)
def test_of_two_names_the_changed_one_is_read(sent: dict[str, Any], is_on: bool, admin_client: FlaskClient) -> None:
    url = posted(admin_client, "MONITORING", jobParameters=BOTH).headers["Location"]
    body = admin_client.get(url).get_json() | {"jobParameters": sent}

    assert admin_client.put(url, json=body).status_code == 200

    shown = admin_client.get(url).get_json()["jobParameters"]
    assert (shown["sendNotification"], shown["sendNotifications"]) == (is_on, is_on)


def test_monitoring_looks_at_its_uids(admin_client: FlaskClient) -> None:
    response = posted(admin_client, "MONITORING", jobParameters={"validationRuleGroups": ["jtcMAKhWwnc", "abc"]})

    assert codes(response) == [("E4014", "Invalid UID `abc` for property `validationRuleGroups`")]


def test_two_jobs_of_a_type_cannot_share_a_cron_expression(admin_client: FlaskClient) -> None:
    first = posted(admin_client, "RESOURCE_TABLE", enabled=False)
    second = posted(admin_client, "RESOURCE_TABLE", name="again", id="KBcP6Qw37gT")

    assert second.status_code == 409
    assert second.get_json() == {
        "httpStatus": "Conflict",
        "httpStatusCode": 409,
        "status": "ERROR",
        "message": "One or more errors occurred, please see full details in import report.",
        "response": {
            "responseType": "ObjectReport",
            "klass": "org.hisp.dhis.scheduling.JobConfiguration",
            "uid": "KBcP6Qw37gT",
            "errorReports": [
                {
                    "message": "Job of same type already scheduled with cron expression: `0 0 3 ? * MON`",
                    "mainKlass": "org.hisp.dhis.scheduling.JobConfiguration",
                    "errorProperties": ["0 0 3 ? * MON"],
                    "errorCode": "E7000",
                    "args": ["0 0 3 ? * MON"],
                }
            ],
        },
    }
    assert posted(admin_client, "DATA_SYNC", name="another type").status_code == 201
    location = first.headers["Location"]
    assert admin_client.put(location, json=admin_client.get(location).get_json()).status_code == 200
    assert admin_client.delete(location).status_code == 200
    assert posted(admin_client, "RESOURCE_TABLE", name="again").status_code == 201


def test_a_type_that_goes_by_delay_asks_for_it(admin_client: FlaskClient) -> None:
    response = posted(admin_client, "CONTINUOUS_ANALYTICS_TABLE", cronExpression=None, id="KBcP6Qw37gT")

    words = "Delay must be not null for job with scheduling type FIXED_DELAY: `KBcP6Qw37gT`"
    assert codes(response) == [("E7007", words)]
