"""A thread that hangs ends the process; a machine that slept, a loop that was stopped and a slow database do not."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.adapters.leases import FileLease
from app.adapters.watchdog import EXIT_STATUS, STALE, Watchdog
from app.bootstrap import Services
from app.core.errors import UnavailableError
from app.core.pulse import Pulse
from config import Settings
from tests.fakes import FakeExecutor
from tests.flaky import make_flaky

ROOT = Path(__file__).resolve().parents[2]


NOBODY_YET = {"timer": None, "dispatch": None, "record": None}


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def pulse(stopwatch: Stopwatch) -> Pulse:
    made = Pulse(stopwatch)
    made.begin()
    return made


@pytest.fixture
def ended() -> list[int]:
    return []


@pytest.fixture
def watchdog(pulse: Pulse, ended: list[int]) -> Watchdog:
    return Watchdog({"timer": pulse.age, "standing by": Pulse().age}, end=ended.append)


def test_a_thread_that_is_stale_twice_ends_the_process(
    watchdog: Watchdog, stopwatch: Stopwatch, ended: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    for stopwatch.seconds in (STALE, STALE + 1):
        watchdog.look()
        assert ended == []
    stopwatch.seconds = STALE + 6
    watchdog.look()

    assert ended == [EXIT_STATUS]
    assert "nothing is heard of its threads: timer for 66 s" in caplog.text


def test_after_a_sleep_of_the_machine_the_threads_have_time_to_come_by(
    watchdog: Watchdog, pulse: Pulse, stopwatch: Stopwatch, ended: list[int]
) -> None:
    stopwatch.seconds = 8 * 3600
    watchdog.look()
    pulse.beat()
    stopwatch.seconds += 5
    watchdog.look()
    stopwatch.seconds += STALE
    watchdog.look()

    assert ended == []


def test_a_thread_that_was_stopped_is_not_missed(
    watchdog: Watchdog, pulse: Pulse, stopwatch: Stopwatch, ended: list[int]
) -> None:
    pulse.rest()
    for stopwatch.seconds in (1000, 2000):
        watchdog.look()

    assert ended == []


def test_a_process_whose_place_another_has_taken_ends(watchdog: Watchdog, ended: list[int]) -> None:
    watchdog.look_at_the_lease()
    assert ended == []

    watchdog.is_deposed = lambda: True
    watchdog.look_at_the_lease()
    assert ended == [EXIT_STATUS]


def test_a_database_that_is_away_deposes_nobody(watchdog: Watchdog, ended: list[int]) -> None:
    def away() -> bool:
        raise UnavailableError("away")

    watchdog.is_deposed = away
    watchdog.look_at_the_lease()

    assert ended == []


def test_a_keeper_whose_lease_another_holds_is_deposed(services: Services, settings: Settings) -> None:
    services.start()
    assert not services.watchdog.is_deposed()

    services.keeper.lease.release()  # as PostgreSQL does with the locks of a connection that breaks
    other = FileLease(Path(f"{services.db.engine.url.database}.lock"))
    assert other.acquire()

    assert services.watchdog.is_deposed()
    other.release()
    services.stop()


def test_the_server_s_threads_are_watched_while_it_keeps_the_time(services: Services) -> None:
    assert {name: age() for name, age in services.watchdog.ages.items()} == dict.fromkeys(
        ["timer", "dispatch", "record"]
    )

    services.start()
    assert all(age() is not None for age in services.watchdog.ages.values())

    services.stop()
    assert {age() for age in services.watchdog.ages.values()} == {None}


def test_a_timer_that_was_stopped_on_purpose_is_not_missed(services: Services) -> None:
    services.start()

    services.stop_timekeeping("ada", wait_seconds=0)

    assert services.watchdog.ages["timer"]() is None
    assert services.watchdog.ages["dispatch"]() is not None
    services.stop()


def test_a_turn_that_fails_is_a_sign_of_life(services: Services) -> None:
    services.timer.pulse = Pulse(stopwatch := Stopwatch())
    services.timer.pulse.begin()
    services.timer.tick = raises_system_exit
    stopwatch.seconds = 1000

    services.timer.step()

    assert services.timer.pulse.age() == 0
    assert services.timer.tick_age() is None


def raises_system_exit() -> None:
    raise SystemExit


@pytest.mark.parametrize("failing", range(1, 7))
def test_a_start_that_the_database_interrupts_is_made_again(
    services: Services, executor: FakeExecutor, failing: int
) -> None:
    seen: list[object] = []
    flakiness = make_flaky(services.db)
    flakiness.fails = lambda moment: seen.append(moment) is None and len(seen) == failing
    with pytest.raises(UnavailableError):
        services.begin()

    services.begin()

    assert all(age() is not None for age in services.watchdog.ages.values())
    services.keeper.active = True
    services.stop()


HANGING_SERVER = """
import sys, threading
from pathlib import Path
from app.bootstrap import build
from config import Settings

services = build(Settings(data_dir=Path(sys.argv[1]), workers=1))
services.watchdog.stale, services.watchdog.look_every = 2.0, 0.3
services.timer.tick = threading.Event().wait
services.start()
threading.Event().wait(30)
"""


def test_a_real_process_whose_timer_hangs_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGING_SERVER, str(tmp_path / "data")]

    done = subprocess.run(command, cwd=ROOT, timeout=30, capture_output=True, text=True)

    assert done.returncode == EXIT_STATUS
    assert "ending the process: nothing is heard of its threads: timer" in done.stderr
