"""Guarding a file in pieces gives what guarding its cells would."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.formula_guard import GuardedCsv, guarded

CELLS = st.text(alphabet="=+-@\t\r\n\0\",;a1.'é", max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"), ("+a", "'+a"), ("-a", "'-a"), ("@a", "'@a"), ("\ta", "'\ta"), ("\ra", "'\ra"),
        ("\0a", "'\0a"),
        ("-", "'-"), ("-1", "-1"), ("+1.5e-7", "+1.5e-7"), ("-1,5", "-1,5"), ("-.5", "-.5"), ("-1-1", "'-1-1"),
        ("-1 = x", "'-1 = x"), ("a=1", "a=1"), (" =1", " =1"), ("", ""), ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_cells(text, safe):
    assert guarded(text) == safe


def written(rows, delimiter, end) -> bytes:
    out = io.StringIO(newline="")
    for row in rows:
        cells = [
            f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(s in cell for s in ('"', "\n", "\r", delimiter)) else cell
            for cell in row
        ]
        out.write(delimiter.join(cells) + end)
    return out.getvalue().encode()


@given(TABLES, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]), st.integers(1, 9))
def test_a_file_in_pieces(rows, delimiter, end, size):
    data = written(rows, delimiter, end)
    guard = GuardedCsv(delimiter)

    safe = b"".join(guard.feed(data[at : at + size]) for at in range(0, len(data), size)) + guard.finish()

    expected = [[guarded(cell) for cell in row] for row in rows]
    assert list(csv.reader(io.StringIO(safe.decode(), newline=""), delimiter=delimiter)) == expected


def test_what_needs_no_guard_passes_unchanged():
    data = b'a,"b ""x"", =1",-1.5\n"",,"a\n=1"\n'
    guard = GuardedCsv(",")

    assert guard.feed(data) + guard.finish() == data


def test_a_last_line_without_an_end_is_guarded_too():
    guard = GuardedCsv(",")

    assert guard.feed(b"a\n=x") + guard.finish() == b"a\n'=x"
