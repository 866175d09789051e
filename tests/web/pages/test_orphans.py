"""The page of orphaned files."""

from app.bootstrap import Services
from tests.web.conftest import CSV, MakeJob, Play
from tests.web.pages.conftest import Reader


def test_a_record_without_a_file_is_shown_and_removed(
    admin: Reader, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    assert "Every record has its file." in admin.page("/retention/orphans").text
    play.run(job, content=CSV)
    play.run(job, content=CSV)
    (services.store.directory / services.results.get(1).path).unlink()

    page = admin.page("/retention/orphans")
    assert "1 record without a file" in page.text
    assert page.find("form", action="/retention/orphans/records")
    assert not page.find("form", action="/retention/orphans/files")

    assert admin.post("/retention/orphans/records", {}).status_code == 303
    assert "Every record has its file." in admin.page("/retention/orphans").text
    assert admin.post("/retention/orphans/files", {}).status_code == 303


def test_a_folder_that_is_not_mounted_is_noticed(
    admin: Reader, services: Services, make_job: MakeJob, play: Play
) -> None:
    play.run(make_job(), content=CSV)
    (services.store.directory / services.results.get(1).path).unlink()

    page = admin.page("/retention/orphans")

    assert "Is its disk mounted?" in page.text
    assert not page.find("form", action="/retention/orphans/records")
    assert admin.post("/retention/orphans/records", {}).status_code == 409


def test_users_have_no_business_there(user: Reader) -> None:
    assert user.get("/retention/orphans").status_code == 403
