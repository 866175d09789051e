"""Compressed while it is written, and the same when unpacked."""

import gzip
import threading

import pytest
from backports import zstd

from app.core.job_types import JobError, RunCancelled
from app.core.statuses import FailureReason

UNPACK = {"GZIP": gzip.decompress, "ZSTD": zstd.decompress}
ROWS = "with recursive n(i) as (select 1 union all select i + 1 from n limit 60000) select i, 'ü' || i as t from n"


@pytest.fixture(params=["GZIP", "ZSTD"])
def kind(request):
    return request.param


def packing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "compression"]


def test_unpacked_it_is_the_same_file(export, sqlite_url, kind):
    plain = export(sqlite_url, ROWS).run()

    run = export(sqlite_url, ROWS, compression=kind, filename="packed")

    assert UNPACK[kind](run.run()) == plain
    assert run.file.rows == 60000
    assert packing_threads() == []


def test_an_empty_result_is_a_whole_archive(export, sqlite_url, kind):
    made = export(sqlite_url, "select 1 as a where 0", compression=kind).run()

    assert UNPACK[kind](made) == b"a\n"


@pytest.mark.parametrize(("kind", "suffix"), [("GZIP", "csv.gz"), ("ZSTD", "csv.zst")])
@pytest.mark.parametrize("wanted", ["day", "day.csv", "day.csv.gz", "day.csv.zst"])
def test_the_name_tells_how_it_is_packed(export, sqlite_url, kind, suffix, wanted):
    run = export(sqlite_url, "select 1", compression=kind, filename=wanted)

    run.run()

    (name,) = run.files
    assert name.endswith(suffix)
    assert name.count(suffix) == 1


def test_a_full_disk_is_told_and_leaves_no_thread(export, sqlite_url, kind):
    run = export(sqlite_url, ROWS, compression=kind)

    def fill(written):
        raise JobError("no space left on the device", FailureReason.DISK_FULL)

    run.before_write = fill

    with pytest.raises(JobError) as caught:
        run.run()

    assert caught.value.reason is FailureReason.DISK_FULL
    assert run.left_files == []
    assert packing_threads() == []


def test_a_cancelled_run_leaves_no_thread(export, sqlite_url, kind):
    run = export(sqlite_url, ROWS, compression=kind)
    run.progress = lambda **values: run.cancel() if values.get("rows") else None

    with pytest.raises(RunCancelled):
        run.run()

    assert run.left_files == []
    assert packing_threads() == []
