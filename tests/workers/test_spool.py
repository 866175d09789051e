from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters.messages import pack_report
from app.adapters.spool import Spool
from app.core.ports import Alive, Ended, MadeFile
from app.core.statuses import FailureReason, RunStatus
from tests.workers.harness import Bench, process_executor

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
FILE = MadeFile("a.csv", "7/1-t-1.csv", "text/csv", 6, "ab" * 32, rows=2, columns=("n", "ü"))


def outcome(run_id: int, **more: object) -> Ended:
    return Ended(run_id, "token-x_1", AT, **{"status": RunStatus.SUCCEEDED, **more})  # type: ignore[arg-type]


FIRST = outcome(1, files=(FILE,))
SECOND = outcome(2, status=RunStatus.FAILED, reason=FailureReason.EXIT, error="exit code 4")


@pytest.mark.parametrize("sync", [True, False])
def test_what_is_written_is_read_back(tmp_path: Path, sync: bool) -> None:
    spool = Spool(tmp_path)
    spool.write(3, pack_report(FIRST), sync=sync)
    spool.write(0, pack_report(SECOND), sync=sync)

    assert spool.read(3, (1, "token-x_1")) == FIRST
    assert spool.read_all() == {0: SECOND, 3: FIRST}


def test_a_slot_is_written_over_by_a_shorter_outcome(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(0, pack_report(FIRST), sync=False)
    spool.write(0, pack_report(SECOND), sync=False)

    assert spool.read_all() == {0: SECOND}
    assert spool.read(0, (1, "token-x_1")) is None


def test_cleared_slots_hold_nothing_and_clearing_twice_is_no_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(0, pack_report(FIRST), sync=False)
    spool.clear([0, 9])
    spool.clear([0])

    assert spool.read_all() == {}


LINE = pack_report(FIRST)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\0" * 300, b"-" + LINE[1:], LINE[: len(LINE) // 2], LINE, LINE + b"00000000", b"{]\n"],
)
def test_half_written_outcomes_are_no_outcomes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.exit.json").write_bytes(content)

    assert Spool(tmp_path).read_all() == {}


def test_half_of_an_outcome_over_a_whole_one_is_no_outcome(tmp_path: Path) -> None:
    """As a power cut may leave it."""
    spool = Spool(tmp_path)
    spool.write(0, pack_report(FIRST), sync=False)
    spool.write(0, pack_report(SECOND)[:40], sync=False)

    assert spool.read_all() == {}


def test_outcomes_stay_until_they_are_acknowledged(workers: Bench) -> None:
    spool = Spool(workers.spool)
    ended = workers.run("WRITE_FILE")
    assert list(spool.read_all().values()) == [ended]
    assert {path.stat().st_mode & 0o777 for path in workers.spool.iterdir()} == {0o600}

    workers.executor.acknowledge([(ended.run_id, ended.token)])

    assert spool.read_all() == {}


def test_slots_are_used_again(workers: Bench) -> None:
    for _ in range(10):
        ended = workers.run("NOOP")
        workers.executor.acknowledge([(ended.run_id, ended.token)])

    assert len(list(workers.spool.glob("*.exit.json"))) == 1


def test_the_next_server_finds_what_was_not_acknowledged(workers: Bench, tmp_path: Path) -> None:
    ended = [workers.run("WRITE_FILE"), workers.run("FAIL")]
    workers.executor.stop(0)

    later = process_executor(tmp_path)

    assert sorted(later.leftovers(), key=lambda left: left.run_id) == ended
    later.stop(0)


def test_unacknowledged_outcomes_are_brought_to_the_disk(workers: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("app.adapters.process_executor.SYNC_AFTER", 0.05)
    monkeypatch.setattr(Spool, "sync", lambda self, slots: synced.extend(slots))

    ended = workers.run("NOOP")
    staying = workers.submit("SLEEP")
    for _ in range(3):
        workers.listener.wait_for_next(Alive)

    assert synced == [0]
    workers.executor.acknowledge([(ended.run_id, ended.token)])
    workers.cancel(staying)
