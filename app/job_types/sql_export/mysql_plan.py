"""Types and plans of MySQL and MariaDB in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.job_types.sql_export.source import Plan
from app.job_types.sql_export.sql_text import Statement
from app.job_types.sql_export.whole_table import whole_table

# By the numbers of the protocol, which has one for texts and blobs.
COLUMN_TYPES = {
    0: "DECIMAL", 1: "TINYINT", 2: "SMALLINT", 3: "INT", 4: "FLOAT", 5: "DOUBLE", 7: "TIMESTAMP", 8: "BIGINT",
    9: "MEDIUMINT", 10: "DATE", 11: "TIME", 12: "DATETIME", 13: "YEAR", 15: "VARCHAR", 16: "BIT", 245: "JSON",
    246: "DECIMAL", 247: "ENUM", 248: "SET", 249: "TEXT or BLOB", 250: "TEXT or BLOB", 251: "TEXT or BLOB",
    252: "TEXT or BLOB", 253: "VARCHAR", 254: "CHAR", 255: "GEOMETRY",
}  # fmt: skip
_READING = {"ALL": "the whole table", "index": "a whole index", "range": "a range of an index"}


def plan_of(rows: Sequence[Mapping[Any, Any]], statement: Statement) -> Plan:
    """``rows`` are those of EXPLAIN. They say how many rows are looked at, not how many come out of it."""
    lines = [{name.lower(): value for name, value in row.items()} for row in rows]
    gives_all = len(lines) == 1 and _reads_all(lines[0], whole_table(statement))
    return Plan(int(lines[0]["rows"]) if gives_all else None, steps=list(map(_step, lines)))


def _reads_all(line: Mapping[str, Any], table: str | None) -> bool:
    """A view shows the table behind it, which may have more rows than the view."""
    is_it = line["select_type"] == "SIMPLE" and str(line["table"]).upper() == table
    return is_it and line["type"] in ("ALL", "index") and "Using where" not in (line["extra"] or "")


def _step(row: Mapping[str, Any]) -> str:
    """One line of EXPLAIN in words."""
    if row["table"] is None:
        return str(row["extra"] or "no table")
    how = _READING.get(row["type"], f"single rows ({row['type']})")
    by = f" by {row['key']}" if row["key"] else ""
    rows = "" if row["rows"] is None else f", about {int(row['rows']):,} rows"
    return f"{row['table']}: {how}{by}{rows}{_extra(row)}"


def _extra(row: Mapping[str, Any]) -> str:
    return f" ({row['extra']})" if row["extra"] else ""
