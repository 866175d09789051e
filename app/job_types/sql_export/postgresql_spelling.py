"""Dates, decimal marks and formulas in a format's own way, spelled by the server: COPY stays as fast as it is."""

from collections.abc import Sequence

from app.job_types.sql_export.csv_text import CsvFormat

_DATE, _MOMENTS = 1082, (1114, 1184)  # pg_type.oid: date; timestamp, timestamptz
_DECIMALS = (700, 701, 1700)  # float4, float8, numeric
_NO_TEXT = (16, 20, 21, 23, 26, 1083, 1186, 1266)  # bool, int8, int2, int4, oid, time, interval, timetz
_PATTERNS = {"DMY_DOTS": "DD.MM.YYYY", "DMY_SLASHES": "DD/MM/YYYY", "MDY_SLASHES": "MM/DD/YYYY"}
_NUMBER = r"^[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?$"


def spelled_query(query: str, oids: Sequence[int], csv: CsvFormat) -> str:
    """Wrap a query so that its columns are texts as this format wants them. Needs standard_conforming_strings."""
    names = [f"c{number}" for number in range(len(oids))]
    columns = ", ".join(_spelled(name, oid, csv) for name, oid in zip(names, oids, strict=True))
    return f"SELECT {columns} FROM (\n{query}\n) carillon_rows ({', '.join(names)})"  # noqa: S608 - it is the user's own


def _spelled(name: str, oid: int, csv: CsvFormat) -> str:
    text = f"{name}::text"
    if oid == _DATE or oid in _MOMENTS:
        return name if csv.date_format == "ISO" else _turned(name, oid, _PATTERNS[csv.date_format])
    if oid in _DECIMALS:
        return name if csv.decimal_mark == "." else f"replace({text}, '.', '{csv.decimal_mark}')"
    if not csv.guards_formulas or oid in _NO_TEXT:
        return name
    return f"CASE WHEN {text} ~ '^[=+@\\t\\r-]' AND {text} !~ '{_NUMBER}' THEN '''' || {text} ELSE {text} END"


def _turned(name: str, oid: int, pattern: str) -> str:
    """Years that are not of four digits, and infinity, keep their only clear form."""
    turned = f"to_char({name}, '{pattern}')"
    if oid in _MOMENTS:
        turned += f" || substr({name}::text, 11)"  # the time of day as it is
    return f"CASE WHEN {name} >= '0001-01-01' AND {name} < '10000-01-01' THEN {turned} ELSE {name}::text END"
