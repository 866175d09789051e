"""What tests need from outside: database servers and a browser. Found, or started here, or missed in exact words.

A server is the one that the environment names; else the one at its usual place on this machine, if it lets us make
databases; else one of our own, in a temporary folder, if its programs are installed.
"""

import contextlib
import glob
import importlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg
import pytest
from sqlalchemy import URL, make_url

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

HOST = "127.0.0.1"
POSTGRESQL_USUAL = "postgresql://postgres@127.0.0.1:5432/postgres"
MARIADB_USUAL = "mysql+pymysql://root@127.0.0.1:3306/"
POSTGRESQL_PROGRAMS = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"]
CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
CHROMIUM_OF_PLAYWRIGHT = "~/.cache/ms-playwright/chromium-*/chrome-linux*/chrome"
START_SECONDS = 60


class UnusableError(Exception):
    """This server cannot be used, or not be started; the text says why."""


def missing(what: str) -> NoReturn:
    """Skip the test for want of something, or fail it where everything has to be there."""
    if os.environ.get("CARILLON_TEST_REQUIRE") == "all":
        pytest.fail(f"needs {what}", pytrace=False)
    pytest.skip(f"needs {what}", allow_module_level=True)


def package(name: str) -> Any:
    """An optional package, for the test or the whole file that needs it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the package {name}")


# -------------------------------------------------------------------------------------------------------- PostgreSQL


@contextlib.contextmanager
def postgresql_database(on_the_server_of: str | None = None) -> Iterator[str]:
    """A fresh database for the length of the context, as a SQLAlchemy URL with the psycopg driver."""
    with contextlib.ExitStack() as stack:
        if on_the_server_of:
            server = make_url(on_the_server_of).set(drivername="postgresql")
        else:
            server = stack.enter_context(_postgresql_server())
        name = f"carillon_test_{secrets.token_hex(6)}"
        _on_postgresql(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        stack.callback(_on_postgresql, server, f"DROP DATABASE {name} WITH (FORCE)")
        yield _text(server.set(drivername="postgresql+psycopg", database=name))


@contextlib.contextmanager
def _postgresql_server() -> Iterator[URL]:
    named = os.environ.get("CARILLON_TEST_POSTGRESQL")
    url = make_url(named or POSTGRESQL_USUAL).set(drivername="postgresql")
    problem = _problem(_try_postgresql, url)
    if problem is None:
        yield url
        return
    initdb = None if named else _postgresql_program("initdb")
    if initdb is None:
        missing(f"PostgreSQL (Debian: apt-get install postgresql; or CARILLON_TEST_POSTGRESQL=URL): {problem}")
    with _own_postgresql(Path(initdb).parent) as own:
        yield own


def _try_postgresql(url: URL) -> None:
    name = f"carillon_test_{secrets.token_hex(6)}"
    try:
        _on_postgresql(url, f"CREATE DATABASE {name}", f"DROP DATABASE {name}")
    except psycopg.Error as error:
        raise UnusableError(_first_line(error)) from error


def _on_postgresql(server: URL, *statements: str) -> None:
    with psycopg.connect(_text(server), autocommit=True, connect_timeout=3) as connection:
        for statement in statements:
            connection.execute(statement)


def _postgresql_program(name: str) -> str | None:
    folders = sorted(folder for pattern in POSTGRESQL_PROGRAMS for folder in glob.glob(pattern))
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(reversed(folders)))


@contextlib.contextmanager
def _own_postgresql(programs: Path) -> Iterator[URL]:
    user = _user_for("postgres")
    with _folder_of(user) as folder:
        data, port = f"{folder}/data", _free_port()
        _run(
            [f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"], user
        )
        settings = {"listen_addresses": HOST, "port": port, "unix_socket_directories": "", "fsync": "off"}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        url = make_url(f"postgresql://postgres@{HOST}:{port}/postgres")
        with _server([f"{programs}/postgres", "-D", data, *options], user, lambda: _try_postgresql(url)):
            yield url


# ----------------------------------------------------------------------------------------------------------- MariaDB


@contextlib.contextmanager
def mariadb_database() -> Iterator[str]:
    """A fresh database for the length of the context, as a SQLAlchemy URL with the PyMySQL driver."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_mariadb_server())
        name = f"carillon_test_{secrets.token_hex(6)}"
        _on_mariadb(server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        stack.callback(_on_mariadb, server, f"DROP DATABASE {name}")
        yield _text(server.set(database=name))


@contextlib.contextmanager
def _mariadb_server() -> Iterator[URL]:
    named = os.environ.get("CARILLON_TEST_MARIADB")
    url = make_url(named or MARIADB_USUAL)
    problem = _problem(_try_mariadb, url)
    if problem is None:
        yield url
        return
    if named or not (shutil.which("mariadb-install-db") and _mariadbd()):
        missing(f"MariaDB (Debian: apt-get install mariadb-server; or CARILLON_TEST_MARIADB=URL): {problem}")
    with _own_mariadb() as own:
        yield own


def _try_mariadb(url: URL) -> None:
    import pymysql

    name = f"carillon_test_{secrets.token_hex(6)}"
    try:
        _on_mariadb(url, f"CREATE DATABASE {name}", f"DROP DATABASE {name}")
    except pymysql.Error as error:
        raise UnusableError(_first_line(error)) from error


def _on_mariadb(server: URL, *statements: str) -> None:
    import pymysql

    account = {"user": server.username, "password": server.password or ""}
    place = {"host": server.host, "port": server.port or 3306, "connect_timeout": 3}
    with pymysql.connect(**place, **account, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _mariadbd() -> str | None:
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")


@contextlib.contextmanager
def _own_mariadb() -> Iterator[URL]:
    user = _user_for("mysql")
    with _folder_of(user) as folder:
        data, port = f"--datadir={folder}/data", _free_port()
        normal = "--auth-root-authentication-method=normal"
        _run(["mariadb-install-db", "--no-defaults", data, normal, "--skip-test-db"], user)
        options = [data, f"--port={port}", f"--bind-address={HOST}", f"--socket={folder}/socket", f"--tmpdir={folder}"]
        url = make_url(f"mysql+pymysql://root@{HOST}:{port}/")
        with _server([str(_mariadbd()), "--no-defaults", *options], user, lambda: _try_mariadb(url)):
            yield url


# ---------------------------------------------------------------------------------------------------------- Chromium


def chromium() -> str:
    """The path of an installed Chromium; its own switch for a test is CARILLON_TEST_CHROMIUM."""
    names = [os.environ["CARILLON_TEST_CHROMIUM"]] if os.environ.get("CARILLON_TEST_CHROMIUM") else CHROMIUM_NAMES
    of_playwright = sorted(glob.glob(os.path.expanduser(CHROMIUM_OF_PLAYWRIGHT)))
    found = next(filter(None, [*map(shutil.which, names), *of_playwright]), None)
    return found or missing("Chromium (Debian: apt-get install chromium; or CARILLON_TEST_CHROMIUM=PATH)")


def playwright() -> "contextlib.AbstractContextManager[Playwright]":
    """Playwright, not yet started. A driver that cannot start would end as a fault far from its cause."""
    driver = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, text=True)
    if driver.returncode:
        why = (driver.stderr or driver.stdout).strip().rpartition("\n")[2]
        missing(f"Playwright's driver (the package comes with make test; Debian: apt-get install libatomic1): {why}")
    from playwright.sync_api import sync_playwright

    return sync_playwright()


# ------------------------------------------------------------------------------------------------ servers of our own


@contextlib.contextmanager
def _server(command: list[str], user: str | None, check: Callable[[], None]) -> Iterator[None]:
    """Run a server from the moment it can be used to the end of the context."""
    dies_with_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*dies_with_us, *command], stdin=subprocess.DEVNULL, stdout=said, stderr=said, **_account(user)
        )
        try:
            if problem := _problem_at_start(process, check):
                said.seek(0)
                missing(f"{Path(command[0]).name}, which does not start: {problem}\n{said.read()[-2000:]}")
            yield
        finally:
            process.send_signal(signal.SIGINT if "postgres" in command[0] else signal.SIGTERM)  # both: end at once
            process.wait(START_SECONDS)


def _problem_at_start(process: "subprocess.Popen[bytes]", check: Callable[[], None]) -> str | None:
    """Wait until the server can be used; why it cannot, if it never can."""
    pause = threading.Event()
    for _ in range(START_SECONDS * 10):
        problem = _problem(check)
        if problem is None or process.poll() is not None:
            return problem
        pause.wait(0.1)
    return f"not usable after {START_SECONDS} s"


def _problem(check: Callable[..., None], *arguments: object) -> str | None:
    try:
        check(*arguments)
    except UnusableError as error:
        return str(error)
    return None


def _run(command: list[str], user: str | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **_account(user))
    if done.returncode:
        missing(f"{Path(command[0]).name}, which fails: {(done.stderr or done.stdout)[-2000:]}")


def _user_for(name: str) -> str | None:
    """Database servers refuse to run as root: use the account that their package made."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        missing(f"an account {name!r}, or to be run by another user than root")


def _account(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    environment = os.environ | {"HOME": entry.pw_dir, "USER": user}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/", "env": environment}


@contextlib.contextmanager
def _folder_of(user: str | None) -> Iterator[str]:
    # not pytest's folder: its parents are closed to other accounts
    with tempfile.TemporaryDirectory(prefix="carillon-test-", ignore_cleanup_errors=True) as folder:
        if user is not None:
            shutil.chown(folder, user)
        yield folder


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
