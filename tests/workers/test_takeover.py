import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters import process_tree
from app.adapters.takeover import Takeover
from app.core.errors import UnavailableError


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "60"], env=Takeover(tmp_path).environment()) as process:
        yield process
        process.kill()


def test_only_one_server_has_workers_in_a_directory(tmp_path: Path) -> None:
    first, second = Takeover(tmp_path), Takeover(tmp_path)
    assert first.take()
    assert not first.take()

    with pytest.raises(UnavailableError):
        second.take(patience=0.05)

    first.release()
    assert second.take(patience=0.05)
    second.release()


def test_the_lock_is_held_by_whoever_inherits_it(tmp_path: Path) -> None:
    first, second = Takeover(tmp_path), Takeover(tmp_path)
    first.take()
    assert first.lock is not None
    with subprocess.Popen(["/bin/sleep", "60"], pass_fds=[first.lock]) as heir:
        first.release()
        with pytest.raises(UnavailableError):
            second.take(patience=0.05)
        heir.kill()

    assert second.take()
    second.release()


def test_strays_of_this_directory_are_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    takeover = Takeover(tmp_path)
    takeover.take()

    assert sleeper.wait(5) == -9
    takeover.release()


def test_processes_of_other_directories_are_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    takeover = Takeover(tmp_path / "other")
    takeover.take()

    assert sleeper.poll() is None
    takeover.release()


@pytest.mark.parametrize("way", [process_tree._children_by_thread, process_tree._children_by_scan])
def test_both_ways_find_the_children(way: object, sleeper: subprocess.Popen[bytes]) -> None:
    assert callable(way)
    assert sleeper.pid in way(os.getpid())
    assert os.getpid() not in way(os.getpid())
    assert way(2**22 + 1) == set()
