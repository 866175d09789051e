"""GET /api/jobConfigurations/jobTypes"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.job_types import JobType
from app.web.dhis2.job_types import FLAGS, key

NO_FLAGS = dict.fromkeys(FLAGS, False)


def types(client: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/jobConfigurations/jobTypes?fields=*&paging=false").get_json()[
        "jobTypes"
    ]
    return found


def test_job_types_have_their_names_and_keys(user_client: FlaskClient) -> None:
    [job_type] = types(user_client)

    parameters = job_type.pop("jobParameters")
    assert job_type == {
        "name": "SQL export", "jobType": "SQL_EXPORT", "key": "sqlExportJob", "schedulingType": "CRON"
    }  # fmt: skip
    assert [parameter["name"] for parameter in parameters][:3] == ["connection", "query", "parameters"]


def test_parameters_are_properties(user_client: FlaskClient) -> None:
    properties = {parameter["name"]: parameter for parameter in types(user_client)[0]["jobParameters"]}

    assert properties["lineEnding"] == {
        "name": "lineEnding",
        "fieldName": "Line ending",
        "klass": "java.lang.String",
        "constants": ["LF", "CRLF"],
        "defaultValue": "LF",
        "required": False,
        **NO_FLAGS,
    }
    assert properties["header"]["klass"] == "java.lang.Boolean"
    assert properties["query"]["required"] is True
    timeout = properties["statementTimeoutSeconds"]
    assert (timeout["klass"], timeout["min"], timeout["max"]) == ("java.lang.Integer", 1, 604800)


def test_parameters_by_name(user_client: FlaskClient) -> None:
    by_name = user_client.get("/api/42/jobConfiguration/jobTypesExtended").get_json()

    assert list(by_name) == ["SQL_EXPORT"]
    assert list(by_name["SQL_EXPORT"].values()) == types(user_client)[0]["jobParameters"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("DATA_INTEGRITY", "dataIntegrityJob"), ("CONTINUOUS_ANALYTICS_TABLE", "continuousAnalyticsTableJob")],
)
def test_keys_are_those_of_the_reference(name: str, wanted: str) -> None:
    assert key(JobType(name, "", "", "")) == wanted
