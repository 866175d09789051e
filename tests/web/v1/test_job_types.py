"""/api/v1/job-types"""

import pytest
from flask.testing import FlaskClient

from app.core.job_types import JobType, JobTypes, Parameter
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from app.web.v1.job_types import parameters_schema


def test_a_job_type_is_shown_with_the_schema_of_its_parameters(user_client: FlaskClient) -> None:
    shown = user_client.get("/api/v1/job-types/SQL_EXPORT").get_json()

    parameters = shown.pop("parameters")
    assert shown == {
        "name": "SQL_EXPORT",
        "label": "SQL export",
        "description": SQL_EXPORT.description,
        "family": "",
        "makes_files": True,
        "one_at_a_time": False,
    }
    assert parameters["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert parameters["required"] == ["connection", "query"]
    assert parameters["properties"]["lineEnding"] == {
        "title": "Line ending", "type": ["string", "null"], "enum": ["LF", "CRLF", None], "default": "LF"
    }  # fmt: skip
    assert user_client.get("/api/v1/job-types").get_json() == {"job_types": [shown | {"parameters": parameters}]}


def test_an_unknown_job_type(user_client: FlaskClient) -> None:
    answer = user_client.get("/api/v1/job-types/NOPE")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("parameter", "described"),
    [
        (Parameter("x", "text", "X", required=True), {"type": "string"}),
        (Parameter("x", "sql", "X", maximum=9), {"type": ["string", "null"], "maxLength": 9}),
        (Parameter("x", "connection", "X", required=True), {"type": "string", "x-connection": True}),
        (
            Parameter("x", "integer", "X", minimum=0, default=1),
            {"type": ["integer", "null"], "minimum": 0, "default": 1},
        ),
        (Parameter("x", "boolean", "X", help="Why"), {"type": ["boolean", "null"], "description": "Why"}),
        (Parameter("x", "list", "X", required=True), {"type": "array", "items": {"type": "string"}}),
        (
            Parameter("x", "list", "X", required=True, choices=[("A", "a")]),
            {"type": "array", "items": {"type": "string", "enum": ["A"]}},
        ),
        (Parameter("x", "object", "X", default={}), {"type": ["object", "null"], "default": {}}),
    ],
)
def test_every_kind_of_parameter_is_described(parameter: Parameter, described: dict[str, object]) -> None:
    schema = parameters_schema(JobType("T", "T", "", "a:b", [parameter]))

    assert schema["properties"] == {"x": {"title": "X", **described}}


def test_every_installed_job_type_is_described() -> None:
    for job_type in JobTypes.installed():
        assert parameters_schema(job_type)["properties"].keys() == {one.name for one in job_type.parameters}
