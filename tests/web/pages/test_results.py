"""All result files, and their download."""

from tests.web.conftest import CSV, MakeJob, Play
from tests.web.pages.conftest import Markup, Reader


def test_the_list_tells_job_dates_rows_and_size(user: Reader, make_job: MakeJob, play: Play) -> None:
    play.run(make_job("nightly"), content=CSV, name="visits.csv")
    page = user.page("/results")
    for words in ("visits.csv", "nightly", "2026-03-02 13:00 CET", "2", "20 B"):
        assert words in page.text
    with user.get("/results/1/download") as answer:
        assert answer.data == CSV
        assert answer.headers["Content-Disposition"] == 'attachment; filename="visits.csv"'


def test_nobody_downloads_without_a_login(nobody: Reader, make_job: MakeJob, play: Play) -> None:
    play.run(make_job(), content=CSV)
    assert nobody.get("/results/1/download").location == "/login?next=/results/1/download"


def test_files_are_found_by_job_and_by_name(user: Reader, make_job: MakeJob, play: Play) -> None:
    alpha = make_job("Alpha")
    play.run(alpha, content=CSV, name="one.csv")
    play.run(make_job("Beta"), content=CSV, name="two.csv")

    def shown(query: str) -> list[str]:
        page = Markup(user.part(f"/results?{query}").text)
        return [name for name in ("one.csv", "two.csv") if name in page.text]

    assert shown("text=alpha") == ["one.csv"]
    assert shown("text=TWO") == ["two.csv"]
    assert shown(f"job={alpha.uid}") == ["one.csv"]
    assert shown("text=three") == []


def test_the_list_goes_on_by_keys_and_ends(user: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    for _ in range(101):
        play.run(job, content=CSV)
    seen: list[str] = []
    path: str | None = "/results?text=visits"
    while path:
        page = user.page(path)
        seen += [given["id"] or "" for given in page.find("tr") if given.get("id")]
        path = next((link for link in page.links() if "before=" in link), None)
        assert path is None or "text=visits" in path
    assert seen == [f"file-{number}" for number in range(101, 0, -1)]


def test_the_files_of_a_deleted_job_are_still_there(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    play.run(job, content=CSV)
    admin.post(f"/jobs/{job.uid}/delete")
    assert "visits.csv" in admin.page("/results").text
    with admin.get("/results/1/download") as answer:
        assert answer.data == CSV
