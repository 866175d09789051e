"""Everything into one file and back, between the databases, and asleep."""

import hashlib
import json
import shutil
import stat
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as changed_copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, DateTime, Integer, String, select, text
from sqlalchemy.exc import InternalError

from app.adapters.backup import making, restoring, rows
from app.adapters.backup.restoring import Restored, Target
from app.adapters.leases import FileLease
from app.adapters.migrations import migrate
from app.bootstrap import Services, build, lease_of
from app.core.calendars import CalendarSpec
from app.core.db import Database
from app.core.errors import ConflictError, InvalidError, StartRefusedError
from app.core.models import Base, Instance, Pool, Run
from app.core.ports import MadeFile
from app.core.statuses import CalendarKind, RunStatus
from app.core.triggers import cron
from config import Settings
from tests.core.conftest import MakeJob
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

DAILY = cron("0 0 6 * * ?", "Europe/Paris")
CHANGED = ("carillon_instance", "tenure", "run", "job", "failing_job", "notice")
Dump = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def filled(services: Services, make_job: MakeJob, clock: FakeClock, executor: FakeExecutor) -> Services:
    """A house with something in every corner: texts of all kinds, nothing, a calendar that names a later one."""
    services.connections.save("clinic", "postgresql://reader@db.example/clinic", "a password")
    services.calendars.save(CalendarSpec("holidays", CalendarKind.WEEKLY, "UTC", {"weekdays": ["SUN"]}))
    services.calendars.save(CalendarSpec("base", CalendarKind.WEEKLY, "UTC", {"weekdays": ["SAT"]}))
    with services.db.transaction() as session:
        session.execute(text("UPDATE calendar SET base_id = 2 WHERE id = 1"))
    ended, going_on = make_job(DAILY, name="Straße “ü”\n\t\x7f 😀"), make_job(DAILY, name="going on")
    for job in (ended, going_on):
        services.runs.request(job.uid, "ada")
    services.engine.dispatch()
    file = MadeFile("a.csv", "1/1-token-0.csv", "text/csv", 3, "0" * 64, 1, ["a"])
    services.engine.deliver([changed_copy(executor.end(executor.assignments[0], clock()), files=[file])])
    services.engine.record()
    folder = services.settings.data_dir / "results" / "1"
    folder.mkdir(parents=True)
    (folder / "1-token-0.csv").write_bytes(b"a\n1")
    return services


def back_up(services: Services, path: Path, clock: FakeClock, **wanted: Any) -> Path:
    source = {"key_file": services.settings.key_file, "results": services.settings.data_dir / "results"} | wanted
    making.make(making.Source(services.db, "0.1.0", **source), path, clock())
    return path


def dump(db: Database) -> Dump:
    with db.engine.connect() as connection:
        return {table.name: [tuple(row) for row in rows.read(connection, table)] for table in rows.tables(connection)}


def without_sleep(dumped: Dump) -> Dump:
    """What a restore changes: the instance is asleep, and runs that were going on are interrupted."""
    return {name: found for name, found in dumped.items() if name not in CHANGED}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "elsewhere")


def restore(path: Path, settings: Settings, clock: FakeClock, *, replace: bool = False) -> Restored:
    with opened(settings) as db:
        target = Target(db, lease_of(settings, db), settings.key_file, settings.data_dir / "results")
        return restoring.restore(path, target, clock(), replace=replace)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    db = Database(settings.database)
    try:
        yield db
    finally:
        db.dispose()


def test_what_is_restored_is_what_was_backed_up(
    filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    clock.advance(hours=1)

    done = restore(path, elsewhere, clock)

    with opened(elsewhere) as db:
        assert without_sleep(dump(db)) == without_sleep(dump(filled.db))
    assert (done.interrupted, done.kept_aside) == (1, [])
    assert elsewhere.key_file.read_bytes() == filled.settings.key_file.read_bytes()
    assert (elsewhere.data_dir / "results/1/1-token-0.csv").read_bytes() == b"a\n1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = build(elsewhere, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher(), check_seconds=5)
    assert again.sleep.state() is not None
    assert again.connections.url("clinic").endswith(":a password@db.example/clinic")
    assert [run.status for run in runs(again)] == [RunStatus.SUCCEEDED, RunStatus.INTERRUPTED]
    again.db.dispose()


def runs(services: Services) -> list[Run]:
    with services.db.reading() as session:
        return list(session.scalars(select(Run).order_by(Run.id)))


def test_a_backup_goes_from_one_kind_of_database_to_the_other_and_back(
    filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings, empty_postgresql_url: str
) -> None:
    """A growing house moves: nothing is lost on the way, and numbers go on where they were."""
    with filled.db.transaction() as session:
        session.execute(text("DELETE FROM fire WHERE id NOT IN (SELECT fire_id FROM run)"))
    before = dump(filled.db)
    path = back_up(filled, tmp_path / "sqlite.zip", clock)
    big = Settings(data_dir=tmp_path / "big", database_url=empty_postgresql_url)

    restore(path, big, clock)
    moved = build(big, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())
    assert without_sleep(dump(moved.db)) == without_sleep(before)
    back = back_up(moved, tmp_path / "postgresql.zip", clock)
    moved.sleep.wake("ada", skip=True)
    made = moved.runs.request(moved.jobs.list()[0].uid, "ada")
    moved.db.dispose()
    restore(back, elsewhere, clock)

    assert made.id == 3
    with opened(elsewhere) as db:
        assert without_sleep(dump(db)) == without_sleep(before)


def test_on_postgresql_what_was_there_is_kept_in_a_schema(
    filled: Services, tmp_path: Path, clock: FakeClock, empty_postgresql_url: str
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    settings = Settings(data_dir=tmp_path / "big", database_url=empty_postgresql_url)
    restore(path, settings, clock)
    with pytest.raises(ConflictError, match="--replace"):
        restore(path, settings, clock)

    done = restore(path, settings, clock, replace=True)

    assert done.kept_aside == ["schema before_restore_20260302t120000"]
    with opened(settings) as db, db.engine.connect() as connection:
        for schema in ("public", "before_restore_20260302t120000"):
            assert connection.execute(text(f"SELECT count(*) FROM {schema}.run")).scalar() == 2


def test_what_is_there_is_replaced_only_when_asked_and_kept_aside(
    filled: Services, tmp_path: Path, clock: FakeClock
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    filled.db.dispose()
    filled.keeper.lease.release()
    settings = filled.settings
    (settings.data_dir / "carillon.db").write_bytes(b"damaged " * 1000)
    settings.key_file.write_bytes(b"another key")

    with pytest.raises(ConflictError, match="--replace"):
        restore(path, settings, clock)
    done = restore(path, settings, clock, replace=True)

    kept = settings.data_dir / "carillon.db.before-restore-20260302T120000"
    assert done.kept_aside == [str(kept), str(settings.data_dir / "secret.key.before-restore-20260302T120000")]
    assert kept.read_bytes() == b"damaged " * 1000
    with opened(settings) as db, db.reading() as session:
        assert session.get_one(Instance, 1).asleep_why == "restored from the backup of 2026-03-02 12:00 UTC"


def test_nothing_is_restored_under_a_running_server(
    filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    elsewhere.data_dir.mkdir()
    server = FileLease(elsewhere.data_dir / "carillon.db.lock")
    assert server.acquire()

    with pytest.raises(ConflictError, match="stop it first"):
        restore(path, elsewhere, clock, replace=True)

    server.release()
    assert [each.name for each in elsewhere.data_dir.iterdir()] == ["carillon.db.lock"]


def test_a_check_touches_nothing(filled: Services, tmp_path: Path, clock: FakeClock) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    before = sorted(tmp_path.rglob("*"))

    found = restoring.check(path, clock())

    assert found.rows == sum(len(found) for found in dump(filled.db).values())
    assert sorted(tmp_path.rglob("*")) == before


def changed(path: Path, **members: bytes | None) -> Path:
    """The same archive with other members; ``None`` leaves one out."""
    new = path.with_name(f"{len(list(path.parent.iterdir()))}.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            data = members.get(name.replace(".", "_").replace("/", "_"), old.read(name))
            if data is not None:
                archive.writestr(name, data)
    return new


def with_manifest(path: Path, **said: Any) -> Path:
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    return changed(path, manifest_json=json.dumps(manifest | said).encode())


def test_a_backup_that_is_not_whole_is_not_restored(
    filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    whole = path.read_bytes()
    cut, flipped, other = (tmp_path / name for name in ("cut.zip", "flipped.zip", "other.zip"))
    cut.write_bytes(whole[: len(whole) // 2])
    place = whole.index(b"tables/job.jsonl") + 60
    flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "hello")
    for broken, words in (
        (cut, "no whole backup"),
        (flipped, "tables/job.jsonl is damaged"),
        (other, "no whole backup"),
        (changed(path, tables_run_jsonl=b""), "tables/run.jsonl is damaged"),
        (changed(path, tables_run_jsonl=None), "tables/run.jsonl is missing"),
        (with_manifest(path, format=99), "has the format 99"),
    ):
        with pytest.raises(InvalidError, match=words):
            restoring.check(broken, clock())
        with pytest.raises(InvalidError, match=words):
            restore(broken, elsewhere, clock)
    with pytest.raises(StartRefusedError, match="newer version"):
        restoring.check(with_manifest(path, revision="9999"), clock())
    assert not (elsewhere.data_dir / "carillon.db").exists()


@pytest.mark.parametrize(
    "said",
    [
        {"members": None}, {"members": {"tables/job.jsonl": {}}}, {"tables": {"job": 1}}, {"revision": None},
        {"made_at": "yesterday"}, {"made_at": "2026-03-01T00:00:00"}, {"sequences": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_lacks_a_part_is_refused_before_anything_is_touched(
    said: dict[str, Any], filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings
) -> None:
    path = with_manifest(back_up(filled, tmp_path / "b", clock), **said)

    with pytest.raises(InvalidError, match="its manifest is damaged"):
        restore(path, elsewhere, clock)

    assert not elsewhere.data_dir.exists() or not list(elsewhere.data_dir.iterdir())


def test_a_file_does_not_leave_the_folder_of_results(
    filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["members"]["results/../../evil"] = {"size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    bad = with_manifest(path, members=manifest["members"])
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("results/../../evil", "x")

    with pytest.raises(InvalidError, match="outside"):
        restore(bad, elsewhere, clock)

    assert not (tmp_path / "evil").exists()


def test_where_results_do_not_fit_everything_stays_as_it_was(
    filled: Services, tmp_path: Path, clock: FakeClock
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    filled.db.dispose()
    filled.keeper.lease.release()
    database = filled.settings.data_dir / "carillon.db"
    database.write_bytes(before := b"what was there " * 1000)
    results = filled.settings.data_dir / "results"
    shutil.rmtree(results)
    results.write_bytes(b"no folder")

    with pytest.raises(OSError, match="results"):
        restore(path, filled.settings, clock, replace=True)

    assert database.read_bytes() == before
    assert not list(filled.settings.data_dir.glob("*restoring*"))


def test_a_restoration_that_is_broken_off_is_no_first_start(
    filled: Services, tmp_path: Path, clock: FakeClock, elsewhere: Settings
) -> None:
    """Killed between the two renames: the old database is aside, and the new one not yet in its place."""
    path = back_up(filled, tmp_path / "b.zip", clock)
    restore(path, elsewhere, clock)
    database = elsewhere.data_dir / "carillon.db"
    database.rename(database.with_name("carillon.db.restoring"))

    with pytest.raises(StartRefusedError, match="broken off"):
        build(elsewhere, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())
    restore(path, elsewhere, clock)

    build(elsewhere, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher()).db.dispose()


def test_a_backup_takes_the_place_of_a_backup_only(filled: Services, tmp_path: Path, clock: FakeClock) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    back_up(filled, path, clock)
    path.write_text("my thesis")

    with pytest.raises(ConflictError, match="is no backup"):
        back_up(filled, path, clock)

    assert path.read_text() == "my thesis"


def test_a_backup_that_fails_leaves_nothing_and_the_earlier_one(
    filled: Services, tmp_path: Path, clock: FakeClock
) -> None:
    path = back_up(filled, tmp_path / "b.zip", clock)
    before = path.read_bytes()
    shutil.rmtree(filled.settings.data_dir / "results")
    (filled.settings.data_dir / "results").mkdir()
    (filled.settings.data_dir / "results" / "1").write_text("no folder")

    with pytest.raises(OSError, match="Not a directory"):
        back_up(filled, path, clock)

    assert path.read_bytes() == before
    assert not path.with_name("b.zip.part").exists()


def test_a_damaged_database_is_not_backed_up(filled: Services, tmp_path: Path, clock: FakeClock) -> None:
    filled.db.dispose()
    with (filled.settings.data_dir / "carillon.db").open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\x07" * 4096 * 4)

    with pytest.raises(ConflictError, match="is damaged"):
        back_up(filled, tmp_path / "b.zip", clock)

    assert not (tmp_path / "b.zip").exists()


def test_rows_are_of_one_moment_while_others_write(
    filled: Services, make_job: MakeJob, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two tables somebody starts a run: fires and runs still belong together."""
    started = threading.Semaphore(0)
    job = make_job(name="busy")
    real = rows.read

    def slow(connection: Any, table: Any) -> Iterator[Any]:
        if table.name in ("fire", "run"):
            thread = threading.Thread(target=lambda: services_start(filled, job.uid, started))
            thread.start()
            thread.join()
        return real(connection, table)

    monkeypatch.setattr(rows, "read", slow)
    found = restoring.check(back_up(filled, tmp_path / "b.zip", clock), clock() + timedelta(hours=1))

    assert started.acquire(blocking=False)
    counts = {name: found.manifest["tables"][name]["rows"] for name in ("fire", "run")}
    assert counts == {"fire": 2, "run": 2}


def services_start(services: Services, uid: str, started: threading.Semaphore) -> None:
    try:
        services.runs.request(uid, "ada")
    except ConflictError:  # the second time it is running
        return
    started.release()


def test_on_postgresql_a_backup_sees_one_moment_and_writes_nothing(empty_postgresql_url: str, clock: FakeClock) -> None:
    db = Database(empty_postgresql_url)
    migrate(db, clock())
    count = text("SELECT count(*) FROM pool")

    with making.one_view(db) as connection:
        seen = [connection.execute(count).scalar()]
        with db.transaction() as session:
            session.add(Pool(name="new", places=1))
        seen.append(connection.execute(count).scalar())
        with pytest.raises(InternalError, match="read-only"):
            connection.execute(text("DELETE FROM pool"))

    assert seen == [0, 0]
    db.dispose()


def test_every_column_is_of_a_kind_that_goes_into_a_backup() -> None:
    known = (DateTime, Boolean, JSON, Integer, String)
    kinds = {
        (column.table.name, column.name): getattr(column.type, "impl", column.type)
        for table in Base.metadata.sorted_tables
        for column in table.columns
    }
    assert [name for name, kind in kinds.items() if not isinstance(kind, known)] == []
