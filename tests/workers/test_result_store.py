import errno
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.adapters import result_file
from app.adapters.clock import utc_now
from app.adapters.result_store import ResultStore
from app.core.errors import NotFoundError
from app.core.job_types import JobError
from app.core.ports import Assignment, MadeFile
from app.core.statuses import FailureReason

ASSIGNMENT = Assignment(run_id=5, token="to-ken_1", job_id=7, job_name="nightly", job_type="X", parameters={})


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(tmp_path / "results")


def make(store: ResultStore, data: bytes = b"a\n", number: int = 1, name: str = "numbers.csv") -> MadeFile:
    with store.create(ASSIGNMENT, number, name, "text/csv") as file:
        file.write(data)
    return file.made()


def names(store: ResultStore) -> list[str]:
    return sorted(path.name for path in store.directory.rglob("*") if not path.is_dir())


def test_a_file_is_there_only_when_its_block_has_ended(store: ResultStore) -> None:
    with store.create(ASSIGNMENT, 1, "numbers.csv", "text/csv") as file:
        file.write(b"a")
        assert names(store) == ["5-to-ken_1-1.csv.part"]

    assert names(store) == ["5-to-ken_1-1.csv"]
    assert file.made().path == "7/5-to-ken_1-1.csv"


def test_permissions_keep_other_users_out(store: ResultStore) -> None:
    path = store.directory / make(store).path

    assert path.stat().st_mode & 0o007 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert store.directory.stat().st_mode & 0o077 == 0


def test_large_and_small_writes_are_counted_and_hashed_alike(store: ResultStore) -> None:
    data = os.urandom(3 * result_file.CHUNK + 17)
    whole = make(store, data, 1)
    with store.create(ASSIGNMENT, 2, "b.csv", "text/csv") as file:
        for start in range(0, len(data), 997):
            file.stream.write(memoryview(data)[start : start + 997])

    assert file.made().size == whole.size == len(data)
    assert file.made().sha256 == whole.sha256
    assert (store.directory / whole.path).read_bytes() == data


def test_an_exception_leaves_no_trace(store: ResultStore) -> None:
    with suppress(ValueError), store.create(ASSIGNMENT, 1, "x.csv", "text/csv") as file:
        file.write(b"x" * 5_000_000)
        raise ValueError

    assert names(store) == []


@pytest.mark.parametrize("moment", ["write", "flush", "fsync"])
def test_a_full_disk_is_a_job_error_and_leaves_no_trace(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def no_space(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    store.delete(make(store).path)
    monkeypatch.setattr(result_file.os, "fsync" if moment == "fsync" else "write", no_space)
    size = result_file.CHUNK + 1 if moment == "write" else 10

    with pytest.raises(JobError) as caught:
        make(store, b"x" * size)

    assert caught.value.reason is FailureReason.DISK_FULL
    assert names(store) == []


def test_little_space_is_seen_before_and_while_writing(store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_file, "LOOK_EVERY", 2 * result_file.CHUNK)
    looks: list[int] = []

    def look(descriptor: int, keep_free: int) -> None:
        looks.append(keep_free)
        if len(looks) == 3:
            raise result_file.no_room()

    monkeypatch.setattr(result_file, "look_for_room", look)
    with suppress(JobError), store.create(ASSIGNMENT, 1, "x.csv", "text/csv") as file:
        for _ in range(100):
            file.write(b"x" * result_file.CHUNK)

    assert len(looks) == 3
    assert names(store) == []


def test_room_is_left_to_the_database(tmp_path: Path) -> None:
    store = ResultStore(tmp_path, keep_free=10**20)

    with pytest.raises(JobError, match="no space left"):
        make(store)


def test_a_planted_link_is_not_followed_when_writing(store: ResultStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store.directory.mkdir()
    (store.directory / "7").symlink_to(elsewhere)

    with pytest.raises((NotFoundError, OSError)):
        make(store)

    assert os.listdir(elsewhere) == []


def test_an_existing_part_is_not_written_to(store: ResultStore) -> None:
    (store.directory / "7").mkdir(parents=True)
    (store.directory / "7" / "5-to-ken_1-1.csv.part").symlink_to("/etc/passwd")

    with pytest.raises(FileExistsError):
        make(store)


@pytest.mark.parametrize(
    ("name", "kept", "suffix"),
    [
        ("../../etc/cron.d/x", ".._.._etc_cron.d_x", ""),
        ("a\0b\n.csv", "a_b_.csv", ".csv"),
        ("REPORT.CSV", "REPORT.CSV", ".csv"),
        ("x.part", "x.part", ""),
        ("x.tar.gz", "x.tar.gz", ".gz"),
        ("", "result", ""),
    ],
)
def test_the_name_people_see_is_no_part_of_the_path(store: ResultStore, name: str, kept: str, suffix: str) -> None:
    file = make(store, name=name)

    assert file.name == kept
    assert file.path == f"7/5-to-ken_1-1{suffix}"


def test_a_stored_file_is_given_with_size_and_time(store: ResultStore) -> None:
    stored = store.open(make(store, b"n\n1\n").path)

    with stored.stream:
        assert stored.stream.read() == b"n\n1\n"
    assert stored.size == 4
    assert utc_now() - stored.modified_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../secret", "7/../../secret", "7/5-to-ken_1-1.csv/..", "7", "", "7/x.csv", "7/\0", "7//5-a-1.csv",
     "7/5-to-ken_1-1.csv.part", "8/5-to-ken_1-1.csv", "7/link-a-1.csv", "7/9-link-1.csv", "9/5-to-ken_1-1.csv",
     "7/10-fifo-1.csv", "7/11-directory-1.csv", "7/5-" + "a" * 300 + "-1.csv", "\u0667/5-to-ken_1-1.csv"],
)  # fmt: skip
def test_nothing_but_complete_files_of_the_store_is_given(store: ResultStore, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = store.directory / Path(make(store).path).parent
    (folder / "5-to-ken_1-1.csv.part").write_text("half")
    (folder / "9-link-1.csv").symlink_to(tmp_path / "secret")
    (folder / "11-directory-1.csv").mkdir()
    os.mkfifo(folder / "10-fifo-1.csv")
    (store.directory / "9").symlink_to(folder)

    with pytest.raises(NotFoundError):
        store.open(path)


def test_files_are_deleted_once(store: ResultStore) -> None:
    file = make(store)
    store.delete(file.path)

    assert names(store) == []
    with pytest.raises(NotFoundError):
        store.delete(file.path)


def test_an_attempts_files_are_removed_and_no_others(store: ResultStore) -> None:
    make(store, number=1)
    make(store, number=2)
    (store.directory / "7" / "5-to-ken_1-3.csv.part").write_text("half")
    (store.directory / "7" / "55-to-ken_1-1.csv").write_text("another run's")

    store.remove_attempt(7, 5, "to-ken_1")
    store.remove_attempt(8, 5, "to-ken_1")

    assert names(store) == ["55-to-ken_1-1.csv"]


def test_a_sweep_takes_old_unfinished_files_of_runs_that_are_over(store: ResultStore) -> None:
    make(store)
    hour_ago = datetime(2026, 3, 1, 11, 0, tzinfo=UTC).timestamp()
    for name in ("1-old-1.csv.part", "2-running-1.csv.part", "3-new-1.csv.part", "4-old-1.csv", "other.part"):
        path = store.directory / "7" / name
        path.write_text("x")
        if "new" not in name:
            os.utime(path, (hour_ago, hour_ago))

    removed = store.sweep(before=datetime(2026, 3, 1, 12, 0, tzinfo=UTC), running={(2, "running")})

    assert removed == 1
    assert "1-old-1.csv.part" not in names(store)
    assert len(names(store)) == 5


def test_a_sweep_of_nothing_is_no_error(store: ResultStore) -> None:
    assert store.sweep(before=datetime(2026, 3, 1, tzinfo=UTC)) == 0
    assert list(store.complete_files()) == []


def test_complete_files_are_listed(store: ResultStore) -> None:
    file = make(store)
    with suppress(ValueError), store.create(ASSIGNMENT, 2, "x.csv", "text/csv"):
        assert list(store.complete_files()) == [file.path]
        raise ValueError


def test_a_scratch_file_has_no_name_and_leaves_room_to_others(store: ResultStore, tmp_path: Path) -> None:
    with store.scratch() as scratch:
        scratch.write(b"x" * 1_000_000)
        scratch.seek(999_999)
        assert scratch.read() == b"x"
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    with pytest.raises(JobError) as full:
        ResultStore(tmp_path, keep_free=10**20).scratch()
    assert full.value.reason is FailureReason.DISK_FULL
