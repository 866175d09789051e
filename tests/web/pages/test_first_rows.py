"""The first rows of a result file on the page of its run."""

import gzip
import tracemalloc

import pytest

from app.core.rows.dialect import Dialect
from tests.comparisons import PLAIN
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Reader

UTF_16 = "\ufeffid;name\r\n1;Ada\r\n".encode("utf-16-le")


def shown(user: Reader, make_job: MakeJob, play: Play, content: bytes, csv: dict[str, object] | None = PLAIN) -> str:
    return user.page(f"/runs/{play.run(make_job(), content=content, csv=csv)}").text


def source(user: Reader, make_job: MakeJob, play: Play, content: bytes, **csv: object) -> str:
    return user.get(f"/runs/{play.run(make_job(), content=content, csv=PLAIN | csv)}").text


def test_null_an_empty_text_and_markup_are_told_apart(user: Reader, make_job: MakeJob, play: Play) -> None:
    page = source(user, make_job, play, b'id,name\n1,""\n2,\n3,<b>Ada</b>\n4,"two\nlines, ""x"""\n')

    assert page.count('<i class="null">empty</i>') == 1
    assert page.count('<i class="null">NULL</i>') == 1
    assert "<td>&lt;b&gt;Ada&lt;/b&gt;</td>" in page
    assert "<td>two\nlines, &#34;x&#34;</td>" in page


def test_ten_rows_are_enough_and_the_others_are_counted(user: Reader, make_job: MakeJob, play: Play) -> None:
    page = shown(user, make_job, play, b"id,name\n" + b"".join(b"%d,row %d\n" % (n, n) for n in range(1, 31)))

    assert "row 10" in page
    assert "row 11" not in page
    assert "20 more rows." in page


def test_a_small_file_is_shown_whole(user: Reader, make_job: MakeJob, play: Play) -> None:
    assert "All of them." in shown(user, make_job, play, b"id,name\n1,Ada\n")


@pytest.mark.parametrize(
    ("content", "csv"),
    [
        (gzip.compress(b"id,name\n1,Ada\n"), {"compression": "GZIP"}),
        (UTF_16, {"encoding": "UTF-16LE", "delimiter": ";", "line_ending": "CRLF"}),
        (b"1,Ada\n", {"header": False}),
    ],
    ids=["gzip", "UTF-16", "no header"],
)  # fmt: skip
def test_a_file_is_read_as_it_is_written(
    user: Reader, make_job: MakeJob, play: Play, content: bytes, csv: dict[str, object]
) -> None:
    page = source(user, make_job, play, content, **csv)

    assert "<td>1</td><td>Ada</td>" in page


def test_a_large_value_is_cut_and_little_is_read(user: Reader, make_job: MakeJob, play: Play) -> None:
    page = source(user, make_job, play, b"id,name\n1," + b"x" * 500_000 + b"\n2,Bob\n")

    assert "x" * 160 + "<span" in page
    assert "x" * 161 not in page


def test_a_value_of_a_gigabyte_is_not_read(user: Reader, make_job: MakeJob, play: Play) -> None:
    """Packed it is small, and the file that is read would not fit."""
    huge = gzip.compress(b"id,name\n1," + bytes(40_000_000).replace(b"\0", b"x") + b"\n", compresslevel=1)
    run = play.run(make_job(), content=huge, csv=PLAIN | {"compression": "GZIP"})

    tracemalloc.start()
    try:
        page = user.page(f"/runs/{run}").text
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert "The first row is too large to be shown." in page
    assert peak < 20_000_000


def test_a_file_that_is_no_csv_is_not_shown(user: Reader, make_job: MakeJob, play: Play) -> None:
    assert "Only rows of CSV files are shown here" in shown(user, make_job, play, b"PK", csv=None)


def test_a_file_that_cannot_be_read_is_told(user: Reader, make_job: MakeJob, play: Play) -> None:
    assert "The file cannot be read: it cannot be unpacked" in source(
        user, make_job, play, b"no gzip", compression="GZIP"
    )


def test_a_file_without_rows_is_its_header(user: Reader, make_job: MakeJob, play: Play) -> None:
    assert "There is no row, only the header: id, name." in shown(user, make_job, play, b"id,name\n")


def test_a_dialect_of_an_older_record_has_its_defaults() -> None:
    assert Dialect.of({"delimiter": ";", "guarded": False}).header
