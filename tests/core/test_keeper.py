"""Two servers on one database: one keeps the time."""

import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from app.bootstrap import Services, build
from app.core.db import Database
from app.core.errors import UnavailableError
from app.core.models import Tenure
from config import Settings
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_only_one_keeps_the_time_and_the_other_takes_over(
    kind: str, settings: Settings, clock: FakeClock, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        settings = Settings(data_dir=settings.data_dir, database_url=request.getfixturevalue("empty_postgresql_url"))

    def server() -> Services:
        return build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())

    first, second = server(), server()
    first.start()
    second.start()
    try:
        assert (first.is_standby, second.is_standby) == (False, True)
        assert second.health().role == "standby"
        assert second.keeper.holder() == first.keeper.name

        first.stop()

        until = time.monotonic() + 10  # a server of PostgreSQL may need a moment to see that a connection is gone
        while not (second.keeper._try() or second.keeper.active) and time.monotonic() < until:
            threading.Event().wait(0.05)
        assert not second.is_standby
    finally:
        second.stop()


def test_who_has_an_older_term_changes_nothing(settings: Settings, clock: FakeClock, empty_postgresql_url: str) -> None:
    """Its own lease may look well to it: the line was cut, or the process was stopped, while another one took over."""
    settings = replace(settings, database_url=empty_postgresql_url)
    server = build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())
    server.start()
    assert not server.keeper.is_deposed()

    other = Database(settings.database)
    with other.transaction() as session:
        session.execute(update(Tenure).values(term=Tenure.term + 1, keeper="another:1"))
    other.dispose()

    with pytest.raises(UnavailableError, match="another process keeps the time"), server.db.transaction():
        pytest.fail("a transaction has begun")
    assert server.keeper.is_deposed()
    server.stop()


def test_who_takes_over_from_a_place_elsewhere_waits_until_its_workers_have_ended(
    settings: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.keeper.HANDOVER", 0.2)
    first, second = (
        build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher()).keeper for _ in range(2)
    )
    first.begin = second.begin = lambda: None
    first.start()
    first.lease.release()  # it was killed: nothing was written down
    second.home = "another machine"

    began = time.monotonic()
    second.start()
    assert time.monotonic() - began >= 0.2
    assert second.active

    second.stop()
    for keeper in (first, second):
        keeper.db.dispose()
