"""Two servers on one database: one keeps the time. One that lost it while it was stopped does nothing when it wakes."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.core.db import Database
from app.core.models import Fire, Instance, Run
from app.core.statuses import RunStatus
from tests import services
from tests.e2e.server import Server, until
from tests.outages.test_stopping import House
from tests.torture import witness

TAKE_OVER = {"sqlite": 5.0, "postgresql": 10.0}
ADVISORY_LOCKS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        if server.is_running:
            os.kill(server.process.pid, signal.SIGCONT)  # type: ignore[union-attr]
            server.stop(signal.SIGKILL)


def second(house: House, folder: Path, url: str = "") -> Server:
    """Another server on the same database."""
    server = Server(folder, **{name: value for name, value in house.server.environment.items() if name not in OWN})
    if url:
        server.environment["CARILLON_DATABASE_URL"] = url
    return server


OWN = ("CARILLON_PORT", "CARILLON_DATA_DIR", "PATH")


def keeper(db: Database) -> str:
    with db.reading() as session:
        return session.scalar(select(Instance.keeper)) or ""


def is_kept_by(db: Database, server: Server) -> bool:
    return keeper(db).endswith(f":{server.process.pid}" if server.process else "")


def test_a_standby_takes_over_when_the_keeper_is_killed(tmp_path: Path, servers: list[Server]) -> None:
    house = House(tmp_path)
    other = second(house, house.server.data_dir)
    servers += [house.server.start(), other.start()]
    assert is_kept_by(house.db, house.server)
    assert other.json("/healthz")["role"] == "standby"
    refused = other.post("/api/v1/jobs/w0000000001/runs", json={})
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (503, True)
    assert other.get("/api/v1/jobs").status_code == 200

    house.server.stop(signal.SIGKILL)
    began = time.monotonic()
    until(lambda: other.json("/healthz")["role"] == "active", "it to take over")
    assert time.monotonic() - began < TAKE_OVER["sqlite"]
    assert other.post("/api/v1/jobs/w0000000001/runs", json={}).status_code == 201
    house.db.dispose()


def test_a_keeper_that_lost_its_lease_asleep_does_nothing_when_it_wakes(
    tmp_path: Path, servers: list[Server], postgresql_url: str
) -> None:
    with services.postgresql_database(postgresql_url) as url:
        house = House(tmp_path, url)
        other = second(house, tmp_path / "elsewhere", url)
        other.data_dir.mkdir(mode=0o700)
        servers.append(house.server.start())
        (other.data_dir / "secret.key").write_bytes((house.server.data_dir / "secret.key").read_bytes())
        servers.append(other.start())
        ids = house.run(1)
        until(lambda: house.began(ids), "a long run to begin")

        pid = house.server.process.pid  # type: ignore[union-attr]
        os.kill(pid, signal.SIGSTOP)
        with house.db.reading() as session:  # as the server of a database does when it hears nothing of a machine
            session.execute(text(ADVISORY_LOCKS))
        began = time.monotonic()
        until(lambda: other.json("/healthz")["role"] == "active", "it to take over")
        assert time.monotonic() - began < TAKE_OVER["postgresql"]
        until(lambda: house.statuses(ids) == [RunStatus.INTERRUPTED], "the run to be called interrupted")

        os.kill(pid, signal.SIGCONT)
        assert house.server.process is not None
        assert house.server.process.wait(10) == 70
        assert "another one keeps the time of this database now" in "".join(house.server.output)
        assert is_kept_by(house.db, other)
        other.stop()
        with house.db.reading() as session:
            moments = session.execute(select(Fire.trigger_id, Fire.scheduled_for).where(Fire.trigger_id == 1)).all()
            runs = set(session.scalars(select(Run.id)))
        began_once = witness.read(house.book).began
        assert len(set(moments)) == len(moments)
        assert max(began_once.values()) == 1
        assert began_once.keys() <= runs
        house.db.dispose()
