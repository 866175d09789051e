"""A large file is brought to the disk on the way."""

import os
import threading

import pytest

from app.adapters.early_sync import EVERY, EarlySync


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "early sync"]


def test_a_small_file_needs_no_thread(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        sync = EarlySync(file.fileno())
        sync.grown_to(EVERY - 1)

        assert threads() == []
        sync.end()


def test_a_large_file_gets_one_that_ends_with_it(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        sync = EarlySync(file.fileno())
        for size in range(0, 10 * EVERY, EVERY // 2):
            sync.grown_to(size)
        assert threads() == ["early sync"]

        sync.end()

    assert threads() == []


def test_what_the_disk_did_not_take_is_told_at_the_end_at_last():
    reading, writing = os.pipe()  # cannot be synced: EINVAL
    sync = EarlySync(writing)
    sync.grown_to(EVERY)

    with pytest.raises(OSError, match="Invalid argument"):
        sync.end()

    with pytest.raises(OSError, match="Invalid argument"):
        sync.grown_to(EVERY + 1)
    os.close(reading)
    os.close(writing)
