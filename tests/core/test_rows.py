"""Rows of CSV files: how they are read, and what is different between two files, in any amount of memory."""

import io
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from isal import igzip

from app.core.rows import reading
from app.core.rows.cells import cutter, picker, reteller, value_of
from app.core.rows.dialect import PLAIN, Dialect
from app.core.rows.differences import ADDED, CHANGED, REMOVED, Counts, Difference, Differences
from app.core.rows.reading import Rows, UnreadableError, rows
from app.core.rows.spill import Spill
from app.job_types.sql_export.compression import compressor

BARE = Dialect(header=False)


def read(data: bytes, dialect: Dialect = BARE, chunk: int = 1000) -> Rows:
    return [row for part in rows(io.BytesIO(data), dialect, chunk) for row in part]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (b"a,b\n", [b"a,b"]),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"\n", [b""]),
        (b"a\n\nb\n", [b"a", b"", b"b"]),
        (b'1,"a\nb"\n2,c\n', [b'1,"a\nb"', b"2,c"]),
        (b'"a\n\n\nb"\n"c\n"', [b'"a\n\n\nb"', b'"c\n"']),
        (b'"he said ""no""\n","""\n"\n', [b'"he said ""no""\n","""\n"']),
        (b'1,""\n2,\n', [b'1,""', b"2,"]),
        (b'1,"\r"\n', [b'1,"\r"']),
    ],
)
def test_rows_end_where_a_line_ends_outside_of_quotes(data: bytes, found: Rows, chunk: int) -> None:
    assert read(data, chunk=chunk) == found
    turned = Dialect(header=False, line_ending="CRLF")
    assert read(data.replace(b"\n", b"\r\n"), turned, chunk) == [row.replace(b"\n", b"\r\n") for row in found]


@pytest.mark.parametrize(
    ("data", "found"), [(b"", []), (b"id", []), (b"id\n", []), (b"id\n1\n", [b"1"]), (b'"i\nd"\n1', [b"1"])]
)
def test_the_header_is_no_row(data: bytes, found: Rows) -> None:
    assert read(data, PLAIN) == found


def test_marks_and_wide_encodings_are_no_part_of_rows() -> None:
    text = "é,\U0001f600\nb\n"
    wide = Dialect(header=False, encoding="UTF-16LE")

    assert read(b"\xef\xbb\xbf" + text.encode()) == ["é,\U0001f600".encode(), b"b"]
    assert read(b"\xff\xfe" + text.encode("utf-16-le"), wide, chunk=5) == ["é,\U0001f600".encode(), b"b"]
    assert read(text[:2].encode("latin-1"), Dialect(header=False, encoding="ISO-8859-1")) == [b"\xe9,"]


@pytest.mark.parametrize("kind", ["GZIP", "ZSTD"])
def test_packed_files_are_unpacked_and_damaged_ones_say_so(kind: str) -> None:
    packer = compressor(kind)
    data = packer.compress(b"a\nb\n" * 10_000) + packer.flush()
    dialect = Dialect(header=False, compression=kind)

    assert read(data, dialect) == [b"a", b"b"] * 10_000
    for damaged in (data[: len(data) // 2], b"nothing packed"):
        with pytest.raises(UnreadableError, match="unpacked"):
            read(damaged, dialect)
    assert igzip.compress(b"")  # the library is there


def test_a_row_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 5000)

    with pytest.raises(UnreadableError, match="row of more than"):
        read(b'"' + b"x" * 10_000)


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (b"", [b""]),
        (b",", [b"", b""]),
        (b"a;b,c", [b"a;b", b"c"]),
        (b'"",,"a,b"', [b'""', b"", b'"a,b"']),
        (b'1,"say ""x,y""\n",', [b"1", b'"say ""x,y""\n"', b""]),
    ],
)
def test_cells_stay_quoted(row: bytes, cells: list[bytes]) -> None:
    assert cutter(",")(row) == cells
    assert picker(",", [0])(row) == cells[0]
    if len(cells) > 1:
        assert picker(",", [1, 0])(row) == (cells[1], cells[0])


def test_an_empty_text_is_not_null() -> None:
    named = Dialect(null_text="NULL", encoding="WINDOWS-1252")

    assert [value_of(cell, PLAIN) for cell in (b"", b'""', b'"a""b"', b"\xc3\xa9")] == [None, "", 'a"b', "é"]
    assert [value_of(cell, named) for cell in (b"NULL", b'"NULL"', b"", b"\x80")] == [None, "NULL", "", "€"]


EXCEL = Dialect(delimiter=";", quoting="ALL", decimal_mark="COMMA", date_format="DMY_DOTS", null_text="-")


@pytest.mark.parametrize(
    ("dialect", "row", "plain"),
    [
        (EXCEL, b'"1";"1,5";-;"";"-"', b'1,1.5,,"",-'),
        (EXCEL, b'"31.12.2026";"31.12.2026 10:00:00+00";"a,b";"say ""x"""',
         b'2026-12-31,2026-12-31 10:00:00+00,"a,b","say ""x"""'),
        (EXCEL, b'"1,5 kg";"31.12.20";"-0,25e-7";"a;b"', b'"1,5 kg",31.12.20,-0.25e-7,a;b'),
        (Dialect(date_format="MDY_SLASHES"), b"12/31/2026,x", b"2026-12-31,x"),
        (Dialect(encoding="ISO-8859-15"), b"\xa4,\xe9", "€,é".encode()),
        (Dialect(delimiter="\t"), b'a,b\t"c\nd"\t', b'"a,b","c\nd",'),
    ],
)  # fmt: skip
def test_rows_of_every_dialect_are_told_alike(dialect: Dialect, row: bytes, plain: bytes) -> None:
    places = range(len(cutter(dialect.delimiter)(row)))

    assert reteller(dialect, places, guard=False)(row) == plain


def test_guarded_texts_are_told_alike_on_both_sides() -> None:
    assert reteller(PLAIN, [1, 0], guard=True)(b"=1+1,-5") == b"-5,'=1+1"
    assert reteller(Dialect(guarded=True), [0], guard=True)(b"'=1+1") == b"'=1+1"


def test_what_was_put_aside_comes_back_by_parts() -> None:
    spill = Spill(io.BytesIO())
    spill.put("a", [(1, b"x")])
    spill.put("b", [(2, b"y")])
    spill.put("a", [(3, b"\n")])

    assert [list(map(tuple, things)) for things in spill.get("a")] == [[(1, b"x")], [(3, b"\n")]]
    spill.drop("a")
    assert list(spill.get("a")) == []
    assert spill.size("b") > 0


# Differences

FIRST = picker(",", [0])


def differences(
    old: Sequence[bytes], new: Sequence[bytes], key_of: Callable[[bytes], Any] | None = FIRST, *,
    memory: int = 10**6, at_once: int = 3,
) -> tuple[list[Difference], Counts]:  # fmt: skip
    def parts(of: Sequence[bytes]) -> Iterator[Rows]:
        return (list(of[start : start + at_once]) for start in range(0, len(of), at_once))

    finding = Differences(key_of, io.BytesIO, lambda: None, memory)
    return list(finding.find(parts(old), parts(new))), finding.counts


def test_rows_are_changed_added_and_removed_and_come_in_the_order_of_their_file() -> None:
    found, counts = differences([b"1,a", b"2,b", b"3,c", b"4,d"], [b"5,e", b"4,D", b"1,a", b"3,C"])

    assert found == [
        (CHANGED, 2, b"4,d", b"4,D"),
        (CHANGED, 4, b"3,c", b"3,C"),
        (ADDED, 1, None, b"5,e"),
        (REMOVED, 2, b"2,b", None),
    ]
    assert counts == Counts(same=1, changed=2, added=1, removed=1, old_rows=4, new_rows=4)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [([], [], (0, 0, 0)), ([b"1"], [], (0, 1, 0)), ([], [b"1"], (1, 0, 0)), ([b"1"], [b"1"], (0, 0, 1))],
)
def test_files_may_be_empty(old: Rows, new: Rows, found: tuple[int, int, int]) -> None:
    _, counts = differences(old, new)

    assert (counts.added, counts.removed, counts.same) == found


def test_rows_of_a_repeated_key_are_compared_as_a_whole_and_told_of() -> None:
    found, counts = differences([b"1,a", b"1,b", b"1,b", b"2,x"], [b"1,b", b"1,c", b"2,y"])

    assert found == [
        (CHANGED, 3, b"2,x", b"2,y"),
        (ADDED, 2, None, b"1,c"),
        (REMOVED, 1, b"1,a", None),
        (REMOVED, 3, b"1,b", None),
    ]
    assert (counts.repeated_keys, counts.same) == (1, 1)


def test_without_a_key_nothing_is_changed_only_added_and_removed() -> None:
    found, counts = differences([b"a", b"a", b"b"], [b"a", b"c", b"c"], None)

    assert [each.kind for each in found] == [ADDED, ADDED, REMOVED, REMOVED]
    assert (counts.same, counts.repeated_keys) == (1, 0)


def expected(old: Sequence[bytes], new: Sequence[bytes], key_of: Callable[[bytes], Any] | None) -> Counter[Any]:
    """The same, as slow and plain as can be."""
    left, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    found: Counter[Any] = Counter()
    for key in {(key_of or bytes)(row) for row in (*left, *come)}:
        befores, afters = ([row for row in side.elements() if (key_of or bytes)(row) == key] for side in (left, come))
        if key_of and len(befores) == len(afters) == 1:
            found[CHANGED, befores[0], afters[0]] += 1
        else:
            found.update((REMOVED, row, None) for row in befores)
            found.update((ADDED, None, row) for row in afters)
    return found


@pytest.mark.parametrize("memory", [300, 2000, 20_000, 10**6])
@pytest.mark.parametrize("key_of", [FIRST, None], ids=["key", "rows"])
@pytest.mark.parametrize("keys", [1, 5, 400])
def test_the_same_is_found_in_any_amount_of_memory(keys: int, key_of: Any, memory: int) -> None:
    draw = random.Random(keys)
    for _ in range(2):
        old, new = ([b"%d,%d" % (draw.randrange(keys), draw.randrange(9)) for _ in range(150)] for _ in "on")

        found, counts = differences(old, new, key_of, memory=memory, at_once=draw.choice([1, 7, 100]))

        places = [each[:2] for each in found]
        assert places == sorted(places)
        if keys > 1 or memory > 300:  # one key that fills all the memory is taken apart: see below
            assert Counter((kind, before, after) for kind, _, before, after in found) == expected(old, new, key_of)
        assert counts.old_rows == counts.same + counts.changed + counts.removed == 150
        assert counts.new_rows == counts.same + counts.changed + counts.added == 150


def test_one_key_of_more_rows_than_fit_into_memory_is_told_once() -> None:
    _, counts = differences([b"k,%d" % number for number in range(200)], [b"k,%d" % -number for number in range(200)],
                            memory=1000)  # fmt: skip

    assert (counts.same, counts.changed, counts.added, counts.removed, counts.repeated_keys) == (1, 0, 199, 199, 1)
