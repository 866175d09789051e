"""A person's download is safe to open in a spreadsheet; whoever wants the bytes gets the bytes."""

import codecs
import gzip
from hashlib import sha256

import pytest
from backports import zstd

from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Reader

PLAIN = {"delimiter": ",", "encoding": "UTF-8", "compression": "NONE", "guarded": False}
HOSTILE = '=a,"b"\n"=1+1, ""x""",-5\n@x,"-\n=2"\n'
SAFE = '\'=a,"b"\n"\'=1+1, ""x""",-5\n\'@x,"\'-\n=2"\n'


@pytest.mark.parametrize(
    ("csv", "write", "read"),
    [
        ({}, str.encode, bytes.decode),
        ({"encoding": "WINDOWS-1252"}, lambda text: text.encode("cp1252"), lambda data: data.decode("cp1252")),
        ({}, lambda text: codecs.BOM_UTF8 + text.encode(), lambda data: data.decode("utf-8-sig")),
        ({"encoding": "UTF-16LE"}, lambda text: text.encode("utf-16-le"), lambda data: data.decode("utf-16-le")),
        ({"encoding": "UTF-16LE"}, lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
         lambda data: data.decode("utf-16")),
        ({"compression": "GZIP"}, lambda text: gzip.compress(text.encode()),
         lambda data: gzip.decompress(data).decode()),
        ({"compression": "ZSTD"}, lambda text: zstd.compress(text.encode()),
         lambda data: zstd.decompress(data).decode()),
    ],
    ids=["plain", "windows", "mark", "utf-16", "utf-16 with mark", "gzip", "zstd"],
)  # fmt: skip
def test_formulas_become_texts(user: Reader, make_job: MakeJob, play: Play, csv, write, read) -> None:
    play.run(make_job(), content=write(HOSTILE + "ü,é\n"), csv={**PLAIN, **csv})

    with user.get("/results/1/download") as answer:
        assert read(answer.data) == SAFE + "ü,é\n"
        assert "Content-Length" not in answer.headers
        assert "Accept-Ranges" not in answer.headers
        assert answer.headers["Content-Disposition"] == 'attachment; filename="visits.csv"'


def test_the_file_as_it_is_on_request(user: Reader, make_job: MakeJob, play: Play) -> None:
    content = HOSTILE.encode()
    play.run(make_job(), content=content, csv=PLAIN)

    with user.get("/results/1/download?raw=1") as answer:
        assert answer.data == content
        assert answer.headers["ETag"] == f'"{sha256(content).hexdigest()}"'


@pytest.mark.parametrize("csv", [None, {**PLAIN, "guarded": True}], ids=["no CSV of ours", "guarded already"])
def test_other_files_are_sent_as_they_are(user: Reader, make_job: MakeJob, play: Play, csv) -> None:
    play.run(make_job(), content=HOSTILE.encode(), csv=csv)

    with user.get("/results/1/download") as answer:
        assert answer.data == HOSTILE.encode()
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_it_is_not_sent_again_to_who_has_it(user: Reader, make_job: MakeJob, play: Play) -> None:
    play.run(make_job(), content=HOSTILE.encode(), csv=PLAIN)
    with user.get("/results/1/download") as first:
        tag = first.headers["ETag"]

    with user.get("/results/1/download", headers={"If-None-Match": tag}) as again:
        assert (again.status_code, again.data) == (304, b"")
    assert tag != f'"{sha256(HOSTILE.encode()).hexdigest()}"'


def test_the_page_of_the_run_says_so(user: Reader, make_job: MakeJob, play: Play) -> None:
    run_id = play.run(make_job(), content=HOSTILE.encode(), csv=PLAIN)

    page = user.get(f"/runs/{run_id}").text

    assert "/results/1/download?raw=1" in page
    assert "would take for formulas begin with" in page
