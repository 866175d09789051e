"""A few kills of the real server while 50 triggers fire; ``make torture`` kills it hundreds of times."""

from pathlib import Path

from tests.torture import verdict, witness
from tests.torture.ordeal import Ordeal


def test_whatever_is_killed_each_moment_has_one_row_and_no_run_begins_twice(tmp_path: Path) -> None:
    ordeal = Ordeal(tmp_path, triggers=50)
    try:
        ordeal.suffer(["server", "warden", "all"], at_most_seconds=0.8)
        ordeal.recover()
        found = verdict.judge(ordeal.db, witness.read(ordeal.book))
    finally:
        ordeal.close()

    assert found.is_good, found
    assert found.runs > 50
    assert max(ordeal.marked_seconds) < 5
