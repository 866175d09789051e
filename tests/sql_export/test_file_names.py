from datetime import UTC, datetime

import pytest

from app.job_types.sql_export.file_names import MAX_BYTES, result_name

AT = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "job", "name"),
    [
        ("", "nightly", "nightly-20260701T0300Z.csv"),
        (None, "nightly", "nightly-20260701T0300Z.csv"),
        ("", "a/b: c?", "a_b_ c_-20260701T0300Z.csv"),
        ("flights", "x", "flights.csv"),
        ("flights.txt", "x", "flights.txt"),
        ("../../etc/passwd", "x", "_.._etc_passwd.csv"),
        (".hidden", "x", "hidden.csv"),
        ("..", "x", "export.csv"),
        ("a\nb\0c\x1b[1m", "x", "abc[1m.csv"),
        ("invoice\u202efdp.csv", "x", "invoicefdp.csv"),
        ("CON", "x", "_CON.csv"),
        ("nul.csv", "x", "_nul.csv"),
        ("console", "x", "console.csv"),
        ("Bericht für Zürich", "x", "Bericht für Zürich.csv"),
        ("日本", "x", "日本.csv"),
    ],
)
def test_names_are_safe_to_download(wanted, job, name):
    assert result_name(wanted, job, AT) == name


def test_long_names_are_cut_between_characters_and_keep_their_suffix():
    name = result_name("é" * 300 + ".txt", "x", AT)

    assert len(name.encode()) <= MAX_BYTES
    assert name.endswith("é.txt")
