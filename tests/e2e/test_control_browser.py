"""A page in a browser on this machine cannot use the control API, whatever it tries: a real Chromium."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from tests.clients.em_client import EmClient
from tests.e2e.conftest import StartServer
from tests.e2e.server import PASSWORD, Server
from tests.e2e.test_em_client import make_call

CHANGES = ["/delete/{id}", "/delete", "/add/{off}", "/run/{id}", "/run/{id}/delay/0", "/pause", "/kill", "/shutdown"]


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.fixture
def elsewhere(server: Server) -> Iterator[str]:
    """Another site on this machine; whatever is asked of it at /to/... is sent on to the control API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("Location", server.url + self.path.removeprefix("/to"))
            else:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    other = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://localhost:{other.server_port}"
    other.shutdown()
    other.server_close()
    thread.join()


def state(server: Server) -> Any:
    client = EmClient(f"{server.url}/api")
    return client.get_jobs_details(), server.json("/api/v1/runs")["items"], server.json("/healthz")["status"]


FETCHES = """(urls) => Promise.all(urls.map(async (url) => {
    for (const options of [{mode: "no-cors"}, {mode: "no-cors", method: "POST"}, {mode: "cors"},
                           {mode: "no-cors", credentials: "include", referrerPolicy: "no-referrer"}]) {
        await fetch(url, options).catch(() => null);
    }
    for (const make of [() => new Image(), () => document.createElement("script"),
                        () => document.createElement("iframe")]) {
        const element = make();
        const done = new Promise((resolve) => { element.onload = element.onerror = resolve; });
        element.src = url;
        document.body.append(element);
        await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    navigator.sendBeacon(url);
}))"""
FORM = """([url, method]) => {
    const form = document.createElement("form");
    form.action = url; form.method = method;
    document.body.append(form);
    form.submit();
}"""
LINK = """(url) => {
    const link = document.createElement("a");
    link.href = url; link.rel = "noreferrer"; link.textContent = "x";
    document.body.append(link);
    link.click();
}"""


def go(page: Page, start: str, script: str, argument: object) -> None:
    """Navigate from a page of another site; gives nothing, the answer is a refusal."""
    page.goto(start)
    with suppress(PlaywrightError), page.expect_navigation(timeout=5000):
        page.evaluate(script, argument)
    assert '"message"' not in page.content()


def test_no_page_changes_anything(browser: Browser, server: Server, elsewhere: str) -> None:
    task, off = make_call(server), make_call(server, name="off", enabled=False, cronExpression="0 0 4 * * ?")
    paths = [f"/api{path.format(id=task, off=off)}" for path in CHANGES]
    before = state(server)
    page = browser.new_context().new_page()
    page.goto(f"{server.url}/login")  # an administrator's session in the same browser
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    page.goto(elsewhere)
    page.evaluate(FETCHES, [server.url + path for path in paths] + [f"{elsewhere}/to{path}" for path in paths])
    for path in paths:
        page.goto(server.url + path)  # typed, or a bookmark
        assert '"error"' in page.content()
        go(page, elsewhere, LINK, server.url + path)
    for path in paths[:2]:
        go(page, elsewhere, LINK, f"{elsewhere}/to{path}")
        for method in ("GET", "POST"):
            go(page, elsewhere, FORM, [server.url + path, method])
    page.context.close()

    assert state(server) == before
    assert EmClient(f"{server.url}/api").delete_task(task) == {"message": "Scheduler: task job deleted!"}
