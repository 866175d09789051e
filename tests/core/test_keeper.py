"""Two servers on one database: one keeps the time."""

import threading
import time

import pytest

from app.bootstrap import Services, build
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
