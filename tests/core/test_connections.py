"""Connections and their passwords."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app.adapters.secrets import load_key
from app.bootstrap import Services, build
from app.core.errors import ConflictError, InvalidError, NotFoundError
from config import Settings
from tests.core.conftest import MakeJob
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

URL = "postgresql://reader@db.example/warehouse"
CANARY = "hunter2-canary"


def test_a_password_is_given_to_workers_and_shown_to_nobody(services: Services) -> None:
    services.connections.save("warehouse", f"postgresql://reader:{CANARY}@db.example/warehouse")

    assert services.connections.url("warehouse") == f"postgresql://reader:{CANARY}@db.example/warehouse"
    view = services.connections.get("warehouse")
    assert (view.url, view.driver, view.has_password) == (URL, "postgresql", True)


def test_a_password_is_not_in_the_database_files(services: Services, settings: Settings) -> None:
    services.connections.save("warehouse", URL, CANARY)

    for path in settings.data_dir.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_a_password_stays_while_server_and_user_stay(services: Services) -> None:
    services.connections.save("warehouse", URL, CANARY)

    services.connections.save("warehouse", "postgresql://reader@db.example/other")
    assert CANARY in services.connections.url("warehouse")

    services.connections.save("warehouse", "postgresql://reader@elsewhere.example/other")
    assert CANARY not in services.connections.url("warehouse")


def test_another_key_does_not_open_a_password(services: Services, settings: Settings, clock: FakeClock) -> None:
    services.connections.save("warehouse", URL, CANARY)
    settings.key_file.unlink()
    load_key(settings.key_file)
    again = build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())

    with pytest.raises(InvalidError, match="another secret key"):
        again.connections.url("warehouse")
    again.db.dispose()


def test_the_own_database_is_no_connection(services: Services, settings: Settings, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(settings.data_dir / "carillon.db")

    for path in (settings.data_dir / "carillon.db", link, settings.data_dir / ".." / "data" / "carillon.db"):
        with pytest.raises(InvalidError, match="own database"):
            services.connections.save("self", f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["", "nonsense", "nope://x", "postgresql:/x"])
def test_what_is_no_url_is_refused(services: Services, url: str) -> None:
    with pytest.raises(InvalidError):
        services.connections.save("x", url)


@pytest.mark.parametrize("name", ["", "Capital", "a b", "../x", "x" * 65])
def test_what_is_no_name_is_refused(services: Services, name: str) -> None:
    with pytest.raises(InvalidError):
        services.connections.save(name, URL)


def test_connections_of_the_environment_cannot_be_changed(clock: FakeClock, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, connections={"warehouse": f"postgresql://reader:{CANARY}@db/x"})
    services = build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())

    [view] = services.connections.list()
    assert (view.from_environment, view.has_password, CANARY in view.url) == (True, True, False)
    assert services.connections.url("warehouse").startswith("postgresql://reader:hunter2")
    with pytest.raises(ConflictError):
        services.connections.save("warehouse", URL)
    services.db.dispose()


def test_a_connection_in_use_stays(services: Services, make_job: MakeJob) -> None:
    services.connections.save("warehouse", URL)
    job = make_job()
    with services.db.transaction() as session:
        session.execute(text('UPDATE job SET parameters = \'{"connection": "warehouse"}\''))

    with pytest.raises(ConflictError, match="nightly"):
        services.connections.remove("warehouse")

    services.jobs.delete(job.uid, "ada")
    services.connections.remove("warehouse")
    with pytest.raises(NotFoundError):
        services.connections.get("warehouse")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader@db.example/x?host=127.0.0.1&port=8399",
        "postgresql://reader@db.example/x?hostaddr=127.0.0.1",
        "postgresql://reader@db.example/x?user=other",
        "postgresql://reader@db.example/x?service=s",
        "postgresql://reader@db.example/x?passfile=/etc/passwd",
        f"postgresql://reader@db.example/x?sslpassword={CANARY}",
        f"mysql+pymysql://reader@db.example/x?ssl_key_password={CANARY}",
        f"postgresql://reader:p@{CANARY}@db.example/x",
    ],
)
def test_options_that_redirect_or_hold_secrets_are_refused(services: Services, url: str) -> None:
    with pytest.raises(InvalidError):
        services.connections.save("x", url)
    assert services.connections.list() == []


@pytest.mark.parametrize("option", ["password", "passwd"])
def test_a_password_among_the_options_is_sealed(services: Services, settings: Settings, option: str) -> None:
    services.connections.save("x", f"mysql+pymysql://reader@db.example/x?{option}={CANARY}&charset=utf8mb4")

    assert services.connections.get("x").url == "mysql+pymysql://reader@db.example/x?charset=utf8mb4"
    assert f":{CANARY}@" in services.connections.url("x")
    for path in settings.data_dir.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes()


def test_changed_options_drop_the_password(services: Services) -> None:
    services.connections.save("x", URL, CANARY)

    services.connections.save("x", URL + "?sslmode=disable")

    assert CANARY not in services.connections.url("x")


def test_secrets_in_the_options_of_the_environment_are_not_shown(clock: FakeClock, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, connections={"x": f"mssql+pyodbc:///?odbc_connect=PWD%3D{CANARY}"})
    services = build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())

    assert CANARY not in services.connections.get("x").url
    services.db.dispose()


def test_a_connection_may_be_used_by_so_many_runs_at_a_time(services: Services) -> None:
    services.connections.save("warehouse", URL, max_runs=2)
    services.connections.save("warehouse", URL)
    assert services.connections.get("warehouse").max_runs == 2

    services.connections.save("warehouse", URL, max_runs=None)
    assert services.connections.get("warehouse").max_runs is None

    for wrong in (0, -1, 1001):
        with pytest.raises(InvalidError):
            services.connections.save("warehouse", URL, max_runs=wrong)
