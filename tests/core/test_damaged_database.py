"""From a damaged database, or without its key, nothing starts, and nothing is changed."""

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from app.adapters import file_systems, sqlite_file
from app.bootstrap import Services, build
from app.core.errors import StartRefusedError
from config import Settings
from tests.core.conftest import MakeJob
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher


def start(settings: Settings, clock: FakeClock) -> None:
    built = build(
        settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher(), check_seconds=2
    )  # fmt: skip
    built.db.dispose()


def nonsense(path: Path) -> None:
    path.write_bytes(b"this is no database at all, " * 400)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20_000])


def emptied_after_a_server_ran(path: Path) -> None:
    path.write_bytes(b"")
    (path.parent / "workers.lock").touch()


def scribbled_over(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\x07" * 8 * 4096)


def with_the_log_of_another(path: Path) -> None:
    """A write-ahead log is not tied to its database: SQLite would mix the two."""
    other = path.with_name("other.db")
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
    connection.commit()
    shutil.copy(f"{other}-wal", f"{path}-wal")
    (path.parent / "workers.lock").touch()
    connection.close()
    other.unlink()


def gone_but_for_its_log(path: Path) -> None:
    with_the_log_of_another(path)
    path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        nonsense,
        truncated,
        emptied_after_a_server_ran,
        scribbled_over,
        with_the_log_of_another,
        gone_but_for_its_log,
    ],
)
def test_a_damaged_database_is_not_started_from(damage: object, tmp_path: Path, clock: FakeClock) -> None:
    settings = Settings(data_dir=put_migrated(tmp_path / "data"))
    damage(settings.data_dir / "carillon.db")  # type: ignore[operator]
    before = content(settings.data_dir)

    for _ in range(2):  # a supervisor may try again
        with pytest.raises(StartRefusedError, match=r"damaged: .*carillon restore FILE --replace"):
            start(settings, clock)

    assert content(settings.data_dir) == before


def content(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if not file.name.endswith("-shm") and file.stat().st_size
    }


def test_what_is_left_in_the_log_after_a_kill_is_no_damage(
    services: Services, settings: Settings, make_job: MakeJob, tmp_path: Path
) -> None:
    make_job()
    copy = tmp_path / "killed"
    copy.mkdir()
    for name in ("carillon.db", "carillon.db-wal"):
        shutil.copy(settings.data_dir / name, copy / name)

    sqlite_file.check(copy / "carillon.db", 2)

    assert (copy / "carillon.db-wal").stat().st_size > 0


def test_a_large_database_is_looked_at_for_a_while_only(tmp_path: Path) -> None:
    path = put_migrated(tmp_path / "data") / "carillon.db"

    sqlite_file.check(path, 1e-9)


def test_without_the_key_of_sealed_secrets_nothing_starts(
    services: Services, settings: Settings, clock: FakeClock
) -> None:
    services.connections.save("clinic", "postgresql://reader@db.example/clinic", "a password")
    services.db.dispose()
    settings.key_file.rename(settings.data_dir / "elsewhere")

    with pytest.raises(StartRefusedError, match=r"secret key .* is missing, and 1 secrets .* sealed"):
        start(settings, clock)

    assert not settings.key_file.exists()


def test_a_file_that_is_no_key_is_not_taken_for_one(settings: Settings, clock: FakeClock) -> None:
    settings.key_file.write_text("c2hvcnQ=\n")

    with pytest.raises(StartRefusedError, match="is no secret key"):
        start(settings, clock)


MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:40 / /srv rw - nfs4 files.example:/srv rw
41 40 0:41 / /srv/local\\040disk rw - xfs /dev/vdb rw
42 27 0:42 / /mnt/ssh rw - fuse.sshfs me@there: rw
43 27 0:43 / /mnt/usb rw - fuseblk /dev/sdc1 rw
44 27 0:44 / /mnt/share rw - ext4 /dev/vdd rw
45 44 0:45 / /mnt/share rw - cifs //files/share rw
46 27 0:46 / /srvx rw - btrfs /dev/vde rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "refused"),
    [
        ("/data/carillon.db", "ext4", False),
        ("/srv/carillon/carillon.db", "nfs4", True),
        ("/srv/local disk/carillon.db", "xfs", False),
        ("/mnt/ssh/carillon.db", "fuse.sshfs", True),
        ("/mnt/usb/carillon.db", "fuseblk", False),
        ("/mnt/share/carillon.db", "cifs", True),
        ("/srvx/carillon.db", "btrfs", False),
    ],
)
def test_sqlite_does_not_lie_on_a_network(path: str, kind: str, refused: bool, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert file_systems.kind_of(Path(path), mounts) == kind
    if refused:
        with pytest.raises(StartRefusedError, match=rf"network file system \({kind}\).*CARILLON_NETWORK_FILES"):
            file_systems.refuse_network(Path(path), mounts)
    else:
        file_systems.refuse_network(Path(path), mounts)


def test_where_mounts_cannot_be_listed_nothing_is_refused(tmp_path: Path) -> None:
    file_systems.refuse_network(tmp_path, tmp_path / "none")
