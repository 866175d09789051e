"""Pools on the pages."""

from app.bootstrap import Services
from app.core.policies import Policies
from tests.web.conftest import MakeJob
from tests.web.pages.conftest import Markup, Reader


def test_a_pool_is_made_changed_and_removed(admin: Reader, services: Services, make_job: MakeJob) -> None:
    assert "No pools yet" in admin.page("/pools").text
    assert admin.post("/pools/new", {"name": "warehouse", "places": "2"}).location == "/pools"
    job = make_job("nightly", policies=Policies(pool="warehouse"))
    services.runs.request(job.uid, by="ada")

    page = admin.page("/pools")

    for words in ("0 of 2 taken", "1 run", "nightly"):
        assert words in page.text
    assert not page.find("form", action="/pools/warehouse/remove")
    assert admin.post("/pools/warehouse/remove").status_code == 409

    assert admin.post("/pools/warehouse/edit", {"places": "5"}).location == "/pools"
    assert services.pools.get("warehouse").places == 5

    services.jobs.delete(job.uid, by="ada")
    assert admin.post("/pools/warehouse/remove").location == "/pools"
    assert services.pools.list() == []


def test_what_is_wrong_is_told_at_its_field(admin: Reader, services: Services) -> None:
    services.pools.create("taken", 1)
    for path, data, field in (
        ("/pools/new", {"name": "a b", "places": "1"}, "#name"),
        ("/pools/new", {"name": "x", "places": "0"}, "#places"),
        ("/pools/new", {"name": "x", "places": "many"}, "#places"),
        ("/pools/taken/edit", {"places": ""}, "#places"),
    ):
        answer = admin.post(path, data)
        assert answer.status_code == 422, data
        assert field in Markup(answer.text).links(), data
    assert "There is a pool named 'taken' already." in admin.post("/pools/new", {"name": "taken", "places": "1"}).text \
        .replace("&#39;", "'")  # fmt: skip
    assert admin.get("/pools/none/edit").status_code == 404


def test_a_connection_is_limited(admin: Reader, services: Services) -> None:
    url = "postgresql://reader@db.example.org/store"
    assert admin.post("/connections/new", {"name": "store", "url": url, "max_runs": "3"}).location == "/connections"
    assert "at most 3 runs at a time" in admin.page("/connections").text
    assert admin.page("/connections/store/edit").find("input", id="max_runs", value="3")

    refused = admin.post("/connections/store/edit", {"url": url, "max_runs": "x"})
    assert (refused.status_code, "#max_runs" in Markup(refused.text).links()) == (422, True)

    admin.post("/connections/store/edit", {"url": url, "max_runs": ""})
    assert services.connections.get("store").max_runs is None
