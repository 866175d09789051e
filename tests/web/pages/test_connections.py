"""Connections: added, tested, changed, removed, and never a password shown."""

from app.bootstrap import Services
from tests.web.conftest import MakeJob, sql
from tests.web.pages.conftest import HTMX, Markup, Reader

PASSWORD = "s3cr3t-word"
URL = "postgresql://reader@db.example.org/store"


def test_a_connection_is_added_and_its_password_never_shown(admin: Reader, services: Services) -> None:
    answer = admin.post("/connections/new", {"name": "store", "url": URL, "password": PASSWORD})
    assert answer.location == "/connections"
    assert PASSWORD in services.connections.url("store")
    for path in ("/connections", "/connections/store/edit", "/connections/store/remove"):
        assert PASSWORD not in admin.get(path).text
    assert "With a password" in admin.page("/connections").text


def test_a_password_in_the_address_is_not_sent_back_when_something_is_wrong(admin: Reader) -> None:
    answer = admin.post("/connections/new", {"name": "BAD NAME", "url": f"postgresql://u:{PASSWORD}@h/d"})
    assert answer.status_code == 422
    assert PASSWORD not in answer.text
    assert Markup(answer.text).find("input", id="name", value="BAD NAME")


def test_what_is_wrong_is_told_at_its_field(admin: Reader, services: Services) -> None:
    services.connections.save("store", URL)
    for data, field in (
        ({"name": "", "url": URL}, "#name"),
        ({"name": "store", "url": URL}, "#name"),
        ({"name": "clinic", "url": URL}, "#name"),
        ({"name": "x", "url": "nonsense"}, "#url"),
        ({"name": "x", "url": services.db.url}, "#url"),
    ):
        answer = admin.post("/connections/new", data)
        assert answer.status_code == 422, data
        assert field in Markup(answer.text).links(), data


def test_a_change_keeps_the_password_only_for_the_same_server(admin: Reader, services: Services) -> None:
    services.connections.save("store", URL, PASSWORD)
    admin.post("/connections/store/edit", {"url": URL + "2", "password": ""})
    assert PASSWORD in services.connections.url("store")
    admin.post("/connections/store/edit", {"url": URL.replace("db.", "evil."), "password": ""})
    assert PASSWORD not in services.connections.url("store")


def test_a_test_tells_the_version_and_whether_the_account_can_write(admin: Reader) -> None:
    part = admin.post("/connections/clinic/test", headers=HTMX)
    assert part.status_code == 200
    assert "<html" not in part.text
    assert "SQLite" in part.text
    whole = admin.post("/connections/clinic/test")
    assert "SQLite" in whole.text
    assert "<html" in whole.text


def test_a_test_that_fails_says_why_without_the_password(admin: Reader, services: Services) -> None:
    services.connections.save("gone", f"postgresql://reader:{PASSWORD}@127.0.0.1:1/store")
    answer = admin.post("/connections/gone/test", headers=HTMX)
    assert answer.status_code == 200
    assert "No answer." in answer.text
    assert PASSWORD not in answer.text


def test_a_connection_in_use_is_not_removed(admin: Reader, services: Services, make_job: MakeJob) -> None:
    services.connections.save("store", URL)
    job = make_job("nightly")
    from app.core.jobs import JobSpec

    services.jobs.update(job.uid, JobSpec("nightly", "SQL_EXPORT", {**sql(), "connection": "store"}), by="ada")
    page = admin.page("/connections/store/remove")
    assert "nightly" in page.text
    assert not page.find("form", class_="confirm-actions")
    assert admin.post("/connections/store/remove").status_code == 409

    services.jobs.delete(job.uid, by="ada")
    assert admin.post("/connections/store/remove").location == "/connections"
    assert [view.name for view in services.connections.list()] == ["clinic"]


def test_one_from_the_environment_cannot_be_changed_here(admin: Reader) -> None:
    assert admin.get("/connections/clinic/edit").status_code == 409
    assert admin.post("/connections/clinic/edit", {"url": URL}).status_code == 409
    assert admin.post("/connections/clinic/remove").status_code in (404, 409)
    assert "/connections/clinic/edit" not in admin.page("/connections").links()
