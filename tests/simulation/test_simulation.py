"""The engine under thousands of random schedules of faults.

CARILLON_TEST_SEED=17          play this one schedule and tell its story
CARILLON_TEST_SCHEDULES=10000  play so many
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.faults import OneFault
from tests.simulation.story import Stage, play

SCHEDULES = int(os.environ.get("CARILLON_TEST_SCHEDULES", "120"))
SEED = os.environ.get("CARILLON_TEST_SEED")
SHARES = 4
QUIET_SEED = 0
MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Its database lies in memory: what is tested is the order of things, not the disk."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        made = Stage(Path(folder))
        yield made
        made.close()
    logging.disable(logging.NOTSET)


def seeds(share: int) -> list[int]:
    return [int(SEED)] if SEED else list(range(share, SCHEDULES, SHARES))


@pytest.mark.parametrize("share", range(1 if SEED else SHARES))
def test_whatever_fails_each_moment_has_one_end_and_no_run_begins_twice(stage: Stage, share: int) -> None:
    for seed in seeds(share):
        play(stage, seed)


@pytest.mark.parametrize("crash", [True, False], ids=["crash", "database error"])
def test_one_fault_at_any_point_changes_nothing(stage: Stage, crash: bool) -> None:
    """Every point of one quiet schedule, one after the other: an enumeration, not a sample."""
    undisturbed = OneFault(0, crash=crash)
    play(stage, QUIET_SEED, undisturbed)
    assert undisturbed.seen > 50

    for number in range(1, undisturbed.seen + 1):
        play(stage, QUIET_SEED, OneFault(number, crash=crash))
