"""Export and import over our own API."""

from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.web.conftest import MakeJob

YAML = {"Content-Type": "application/yaml"}
POOL = "carillon: 1\npools:\n- name: warehouse\n  places: 2\n"


def test_an_export_is_imported_without_a_change(
    admin_client: FlaskClient, user_client: FlaskClient, make_job: MakeJob, services: Services
) -> None:
    make_job("nightly")

    out = admin_client.get("/api/v1/export")
    back = admin_client.post("/api/v1/import?prune=1", data=out.data, headers=YAML)

    assert out.mimetype == "application/yaml"
    assert back.get_json() == {
        "done": True, "changes": [], "unchanged": 1, "left_alone": [], "fires": [], "notes": [],
    }  # fmt: skip
    assert user_client.get("/api/v1/export").status_code == 403
    assert user_client.post("/api/v1/import", data=POOL, headers=YAML).status_code == 403


def test_a_dry_run_changes_nothing(admin_client: FlaskClient, services: Services) -> None:
    tried = admin_client.post("/api/v1/import?dry_run=1", data=POOL, headers=YAML).get_json()

    assert tried["changes"] == [{"kind": "pools", "name": "warehouse", "what": "created", "fields_changed": []}]
    assert not tried["done"]
    assert services.pools.list() == []


def test_every_problem_has_its_field_and_line(admin_client: FlaskClient) -> None:
    answer = admin_client.post("/api/v1/import", data=POOL.replace("2", "many"), headers=YAML)

    assert answer.status_code == 422
    [problem] = answer.get_json()["errors"]
    assert (problem["field"], problem["message"]) == ("pools.0.places", "must be a whole number (line 4)")
    assert admin_client.post("/api/v1/import", data="a: [", headers=YAML).status_code == 422
    assert admin_client.post("/api/v1/import", json={}).status_code == 415
