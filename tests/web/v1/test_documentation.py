"""The description of the API and its page say what the API does."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from app.bootstrap import Services
from app.core.notice_rules import Rule
from app.core.queues import QueueSpec, StepSpec
from app.core.statuses import NoticeScope
from app.web.v1.problems import KINDS
from app.web.v1.routes import OPERATIONS, PREFIX, Operation
from tests.web.conftest import MakeJob

NAMES = {"set_password": "uma"}


@pytest.fixture
def document(user_client: FlaskClient) -> Any:
    return user_client.get("/api/v1/openapi.json").get_json()


@pytest.fixture
def page(user_client: FlaskClient) -> str:
    return user_client.get("/api/docs").get_data(as_text=True)


def test_every_address_of_the_api_is_described(app: Flask, document: Any) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix(PREFIX)), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("v1.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert served == {(path, method) for path, methods in document["paths"].items() for method in methods}


def test_every_reference_leads_somewhere(document: Any) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            value = list(value.values())
        if isinstance(value, list):
            for member in value:
                yield from references(member)

    found = set(references(document))

    assert found
    for reference in found:
        target = document
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]


def test_the_document_is_openapi_31(document: Any) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]

    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/api/v1"}]
    assert {*document["components"]["securitySchemes"]} == {"basic", "bearer"}
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all({"401", "403", "503"} <= operation["responses"].keys() for operation in operations)


def test_the_schema_of_a_trigger_is_described_whole(document: Any) -> None:
    trigger = document["components"]["schemas"]["Trigger"]

    assert trigger["required"] == ["kind"]
    assert trigger["properties"]["kind"]["enum"] == [
        "cron", "simple", "fixed_delay", "calendar_interval", "daily_interval", "once",
    ]  # fmt: skip
    assert all("description" in member for member in trigger["properties"].values())


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.takes and "<int:" not in one.path], ids=lambda one: one.name
)
def test_every_example_works(
    services: Services, admin_client: FlaskClient, make_job: MakeJob, operation: Operation
) -> None:
    """With the jobs that the examples name there, with a queue of them where one is asked for, and with a rule."""
    services.notice_rules.save(NoticeScope.SITE, "", Rule(mail=["ops@clinic.example"]), "ada")
    jobs = [make_job(uid, uid=uid) for uid in ("FgAxa6eRSzQ", "BeclVERfWbg")]
    uid = jobs[0].uid
    if "/queues/" in operation.path:
        uid = services.queues.create(QueueSpec("of examples", [], [StepSpec(job.uid) for job in jobs]), "ada").uid
    path = PREFIX + operation.path.replace("<uid>", uid).replace("<name>", NAMES.get(operation.name, "name"))

    answer = admin_client.open(path, method=operation.method, json=operation.example, headers={"If-Match": "*"})

    assert answer.status_code in operation.statuses, answer.get_json()


def test_the_page_shows_every_operation_schema_and_error(page: str, document: Any) -> None:
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page
        assert escape(operation.summary) in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page
    for kind in KINDS.values():
        assert f'id="{kind.code}"' in page
    assert "curl -u ada -H &#39;Content-Type: application/json&#39;" in page
    assert "-X PUT -H &#39;If-Match: *&#39; -H &#39;Content-Type: application/json&#39;" in page
    assert "-H &#39;Content-Type: application/merge-patch+json&#39; -d &#39;{&#34;enabled&#34;: false" in page
    assert "curl -u ada -OJ http://localhost/api/v1/results/file_id/content" in page


def test_every_link_on_the_page_has_its_target(page: str) -> None:
    assert set(re.findall(r'href="#([\w-]+)"', page)) - {"i-bell"} <= set(re.findall(r'id="([\w-]+)"', page))


def test_the_page_works_offline_and_without_inline_code(page: str) -> None:
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert "style=" not in page
    assert "<style" not in page
    assert not re.findall(r"<script(?! src=)", page)


def test_the_page_asks_for_a_login_as_pages_do(client: FlaskClient) -> None:
    answer = client.get("/api/docs")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/api/docs")


def test_the_description_stays_the_same(user_client: FlaskClient, document: Any) -> None:
    assert json.dumps(user_client.get("/api/v1/openapi.json").get_json()) == json.dumps(document)
