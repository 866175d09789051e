"""The main job once more, through the pages in a real browser."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import StartServer
from tests.e2e.server import PASSWORD, Server

QUERY = "SELECT carrier, name FROM airlines WHERE carrier <> :left_out ORDER BY carrier"


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


def page_of(browser: Browser, server: Server, **options: object) -> tuple[Page, list[str]]:
    """A logged-in page, and the list that collects what its console complains about."""
    context = browser.new_context(base_url=server.url, **options)  # type: ignore[arg-type]
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    return page, complaints


def add_connection(page: Page, flights_db: Path) -> None:
    page.goto("/connections/new")
    page.get_by_label("Name").fill("flights")
    page.locator("input[name=url]").fill(f"sqlite:///{flights_db}")
    page.locator("main form button").last.click()
    expect(page.get_by_role("heading", name="flights")).to_be_visible()


def fill_job(page: Page) -> None:
    page.goto("/jobs/new")
    page.get_by_role("link", name="SQL export").click()
    page.get_by_label("Name").first.fill("Airlines")
    page.get_by_label("Connection", exact=True).select_option("flights")
    page.get_by_label("Query", exact=True).fill(QUERY)
    page.get_by_placeholder("name").first.fill("left_out")
    page.get_by_placeholder("value").first.fill("AA")


def read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def test_from_an_empty_page_to_a_downloaded_file(browser: Browser, server: Server, flights_db: Path) -> None:
    page, complaints = page_of(browser, server)
    add_connection(page, flights_db)

    fill_job(page)
    page.locator("#mode-cron").check()
    page.locator("#expression").fill("*/2 * * * * ?")
    expect(page.locator("#preview li")).to_have_count(5)
    page.locator(".form-foot button").click()
    expect(page.get_by_role("heading", name="Airlines")).to_be_visible()

    page.goto("/results")
    expect(page.locator("main a[download]").first).to_be_visible(timeout=20_000)  # it comes without a reload
    with page.expect_download() as started:
        page.locator("main a[download]").first.click()
    path = Path(started.value.path())

    rows = read_csv(path)
    assert rows[0] == ["carrier", "name"]
    assert len(rows) == 16
    assert "AA" not in [row[0] for row in rows]
    assert complaints == []


def test_a_run_is_watched_until_its_end(browser: Browser, server: Server, flights_db: Path) -> None:
    page, complaints = page_of(browser, server)
    add_connection(page, flights_db)
    fill_job(page)
    page.get_by_label("Query", exact=True).fill("SELECT f.* FROM flights f, airlines")
    page.get_by_placeholder("name").first.fill("")
    page.get_by_placeholder("value").first.fill("")
    page.locator("#mode-hand").check()
    page.locator(".form-foot button").click()

    page.get_by_role("button", name="Run now").first.click()
    expect(page.locator("#run .progress strong")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("#run .verdict-cancelled")).to_be_visible(timeout=20_000)
    expect(page.locator("#run[hx-get]")).to_have_count(0)
    assert complaints == []


def test_without_javascript_everything_works(browser: Browser, server: Server, flights_db: Path) -> None:
    page, _ = page_of(browser, server, java_script_enabled=False)
    add_connection(page, flights_db)
    fill_job(page)
    page.locator("#mode-cron").check()
    page.locator("#expression").fill("0 0 3 ? * MON")
    page.locator("button[name=preview]").click()
    expect(page.locator("#preview time").first).to_be_visible()
    page.locator(".form-foot button").click()
    expect(page.get_by_role("heading", name="Airlines")).to_be_visible()

    page.get_by_role("button", name="Run now").first.click()
    page.goto("/results")
    for _ in range(20):
        if page.locator("main a[download]").count():
            break
        page.reload()
    with page.expect_download() as started:
        page.locator("main a[download]").first.click()

    assert len(read_csv(Path(started.value.path()))) == 16
