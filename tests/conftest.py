"""For all tests: the services that some need, and a look at the end for processes that nobody ended."""

import gc
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import databases, processes, services

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# without the later ones, Chromium looks for its maker's hosts at every start
CHROMIUM_SWITCHES = [
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes


def pytest_configure() -> None:
    """Thousands of small databases, each with many commits: in memory where there is room, they wait for no disk."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
        tempfile.tempdir = str(MEMORY)
    databases.share_statements()


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay: nobody needs to look them through for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail when a process that a test started still runs at the end, and end it.

    A server under test may get an environment of its own, but then it works in the session's folder.
    """
    token = f"CARILLON_TEST_SESSION={secrets.token_hex(8)}"
    name, _, value = token.partition("=")
    os.environ[name] = value
    yield
    del os.environ[name]
    left = processes.left_behind([token, f"{tmp_path_factory.getbasetemp()}/"], seconds=5)
    for process in left:
        process.kill()
    if left:
        pytest.fail("processes left behind by tests:\n" + "\n".join(map(str, left)), pytrace=False)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A fresh database, dropped at the end, as ``postgresql+psycopg://...``."""
    with services.postgresql_database() as url:
        yield url


@pytest.fixture
def empty_postgresql_url(postgresql_url: str) -> Iterator[str]:
    """A fresh database for one test on the session's server: for Carillon's own tables."""
    with services.postgresql_database(postgresql_url) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A fresh database, dropped at the end, as ``mysql+pymysql://...``."""
    with services.mariadb_database() as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    return services.chromium()


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """Playwright's browser: take a new context in each test. Its own download of a browser is not needed."""
    with services.playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_SWITCHES)
        yield browser
        browser.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested for want of something, even where skips are not listed."""
    reasons = (report.longrepr[2].partition("\n")[0] for report in terminalreporter.stats.get("skipped", []))
    wants = Counter(reason for reason in reasons if reason.startswith("Skipped: needs "))
    if wants:
        terminalreporter.section("not tested here (CARILLON_TEST_REQUIRE=all makes these failures)")
    for reason, tests in wants.items():
        terminalreporter.line(f"{tests} skipped: {reason.removeprefix('Skipped: ')}")
