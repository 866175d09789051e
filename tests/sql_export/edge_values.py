"""One table of awkward values, and the same table in every database."""

from datetime import date, datetime, time

TEXTS = [
    None, "", " ", "a b", "a,b", 'say "hi"', '"', "line\nfeed", "bare\rcarriage", "both\r\n", "tab\there", "a;b", "\\.",
    "\\N", "NULL", "'", "back\\slash", "ünïcödé €", "日本語", "🎷", "e\u0301", "=1+1", "@x", "-", "x" * 5000, ",",
    "\ufeffbom", "\u2028",
]  # fmt: skip
FLOATS = [
    0.0, 1.0, -1.5, 0.1, 1 / 3, 0.2436861928766683, 123456789.0, 1e14, 999999999999999.9, 1e15, -1e15, 1e16,
    1234567890123456.5, 2.0**53, 2.0**53 + 2, 1e22, 1e23, 1e100, 1.7976931348623157e308, 5e-324,
    2.2250738585072014e-308, 1e-4, 1e-5, -1e-7, 123e-20, 4503599627370497.5, None,
]  # fmt: skip
NUMERICS = [None, "0.00", "1.50", "-0.01", "1234567890.12", "99999999999999999999.99", "0.10", "-1.00", "100.00"]
INTEGERS = [None, 0, 1, -1, 2**31, 2**63 - 1, -(2**63)]
DATES = [None, date(1000, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]
MOMENTS = [
    None if text is None else datetime.fromisoformat(text)
    for text in (
        None,
        "2015-01-01 00:00:01.000007",
        "2015-01-01",
        "2026-03-29 02:30:00.500",
        "1999-12-31 23:59:59.999999",
    )
]
TIMES = [None, time(0, 0), time(23, 59, 59, 999999), time(12, 30, 0, 100000)]
BYTES = [None, b"", b"\x00\xff", b"plain", b"\\x41"]


def edge_rows() -> list[tuple]:
    columns = [TEXTS, FLOATS, NUMERICS, INTEGERS, DATES, MOMENTS, MOMENTS, TIMES, BYTES]
    return [(index, *(column[index % len(column)] for column in columns)) for index in range(len(TEXTS) * 2)]


COLUMNS = "id, t, f, n, i, d, ts, tz, ti, b"
QUERY = f"SELECT {COLUMNS} FROM edge ORDER BY id"


def spelled_for_sqlite(row: tuple) -> tuple:
    """SQLite has no types for moments and numerics: there they are the text that COPY writes."""
    identity, text, number, numeric, integer, day, moment, zoned, clock, data = row
    spelled = [None if value is None else copy_text(value) for value in (day, moment, zoned, clock)]
    if spelled[2] is not None:
        spelled[2] += "+00"
    return (identity, text, number, numeric, integer, *spelled, data)


def copy_text(value: date | time) -> str:
    text = str(value)
    return text.rstrip("0") if "." in text else text
