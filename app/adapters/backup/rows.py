"""The rows of our tables as lines of JSON, the same from both databases, and back.

The databases do the conversion themselves: of SQLite every value is taken as it is stored, and PostgreSQL is asked to
write the same. Python sees texts and numbers only, a million rows in some seconds.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, DateTime, ForeignKey, MetaData, Table, inspect, text

from app.core.models import Base

AT_ONCE = 1000
Row = Sequence[Any]


def tables(connection: Connection) -> list[Table]:
    """Our tables as they are in this database, which may be of an older version; those that are named come first."""
    there, found = inspect(connection), MetaData()
    for name in sorted(set(Base.metadata.tables) & set(there.get_table_names())):
        key = there.get_pk_constraint(name)["constrained_columns"]
        others = {each["constrained_columns"][0]: each for each in there.get_foreign_keys(name)}
        Table(name, found, *(_column(each, key, others.get(each["name"])) for each in there.get_columns(name)))
    return found.sorted_tables


def _column(said: Any, key: Sequence[str], names: Any) -> "Column[Any]":
    """``names``: the row of which table, if it does."""
    other = [ForeignKey(f"{names['referred_table']}.{names['referred_columns'][0]}")] if names else []
    return Column(said["name"], said["type"], *other, primary_key=said["name"] in key, nullable=said["nullable"])


def columns(table: Table) -> list[str]:
    return [column.name for column in table.columns]


# Out of a database


def read(connection: Connection, table: Table) -> Iterator[Row]:
    """Every row, in the order of its key, in the connection's transaction."""
    quote = connection.dialect.identifier_preparer.quote
    plain = connection.dialect.name == "sqlite"
    wanted = [quote(column.name) if plain else _as_stored(column, quote(column.name)) for column in table.columns]
    order = [quote(column.name) for column in table.primary_key.columns]
    query = f"SELECT {', '.join(wanted)} FROM {quote(table.name)} ORDER BY {', '.join(order)}"  # noqa: S608 - our names
    streaming = connection.execution_options(stream_results=True, yield_per=AT_ONCE)
    for page in streaming.execute(text(query.replace(":", r"\:"))).partitions():
        yield from page


def _as_stored(column: "Column[Any]", name: str) -> str:
    """PostgreSQL's value as SQLite keeps it."""
    match column.type:
        case DateTime():
            return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        case Boolean():
            return f"{name}::int"
        case JSON():
            return f"{name}::text"
    return name


def lines(rows: Iterable[Row]) -> Iterator[tuple[int, bytes]]:
    """Some rows at a time: how many, and their lines."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for page in _pages(rows):
        yield len(page), "".join(f"{encode(list(row))}\n" for row in page).encode("utf-8", "surrogatepass")


def sequences(connection: Connection, of: Sequence[Table]) -> dict[str, int]:
    """The highest number that each table has given out: a row that is deleted does not give it back."""
    if connection.dialect.name == "sqlite":
        return {name: seq for name, seq in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")}  # noqa: C416
    given = {}
    for table in of:
        sequence = _sequence(connection, table)
        if sequence:
            last, called = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()  # noqa: S608
            given[table.name] = last if called else 0
    return given


def _sequence(connection: Connection, table: Table) -> str | None:
    if "id" not in table.columns:
        return None
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    found: str | None = connection.execute(
        text("SELECT pg_get_serial_sequence(:of, 'id')"), {"of": quoted}
    ).scalar()  # fmt: skip
    return found


# Into a database


def write(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows that have these columns. Gives how many."""
    quote = connection.dialect.identifier_preparer.quote
    plain = connection.dialect.name == "sqlite"
    values = ["?" if plain else _from_stored(table.columns[name]) for name in names]
    into = f"{quote(table.name)} ({', '.join(map(quote, names))})"
    statement = f"INSERT INTO {into} VALUES ({', '.join(values)})"  # noqa: S608 - our own names
    own = [names.index(name) for name in _naming_its_own(table) if name in names]
    count = 0
    later: list[Row] = []
    for page in _pages(rows):
        count += len(page)
        later += [row for row in page if any(row[place] is not None for place in own)]
        connection.exec_driver_sql(statement, [tuple(_without(row, own)) for row in page])
    _name_each_other(connection, table, names, own, later)
    return count


def _from_stored(column: "Column[Any]") -> str:
    match column.type:
        case DateTime():
            return "CAST(%s AS timestamp) AT TIME ZONE 'UTC'"
        case Boolean():
            return "CAST(%s AS int)::boolean"
        case JSON():
            return "CAST(%s AS json)"
    return "%s"


def _naming_its_own(table: Table) -> list[str]:
    """Columns that name rows of the same table: those may come later."""
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _without(row: Row, places: Sequence[int]) -> Row:
    return [None if place in places else value for place, value in enumerate(row)] if places else row


def _name_each_other(
    connection: Connection, table: Table, names: Sequence[str], own: Sequence[int], rows: Sequence[Row]
) -> None:
    quote, mark = connection.dialect.identifier_preparer.quote, "?" if connection.dialect.name == "sqlite" else "%s"
    for place in own:
        change = f"UPDATE {quote(table.name)} SET {quote(names[place])} = {mark} WHERE id = {mark}"  # noqa: S608
        values = [(row[place], row[names.index("id")]) for row in rows if row[place] is not None]
        if values:
            connection.exec_driver_sql(change, values)


def parsed(stream: Iterable[bytes]) -> Iterator[Row]:
    for line in stream:
        yield json.loads(line.decode("utf-8", "surrogatepass"))


def set_sequences(connection: Connection, of: Sequence[Table], given: dict[str, int]) -> None:
    for table in of:
        if connection.dialect.name == "sqlite":
            _set_autoincrement(connection, table.name, given.get(table.name, 0))
        elif sequence := _sequence(connection, table):
            quoted = connection.dialect.identifier_preparer.quote(table.name)
            highest = connection.exec_driver_sql(f"SELECT max(id) FROM {quoted}").scalar() or 0  # noqa: S608
            last = max(highest, given.get(table.name, 0))
            connection.execute(
                text("SELECT setval(:of, :last, :used)"), {"of": sequence, "last": max(last, 1), "used": last > 0}
            )


def _set_autoincrement(connection: Connection, name: str, last: int) -> None:
    """Only a table that says so has a row of its own in SQLite's list."""
    known = "SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'"
    if not last or not connection.exec_driver_sql(known, (name,)).first():
        return
    row = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).first()
    change = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?"
    connection.exec_driver_sql(change if row else "INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)", (last, name))


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while page := list(islice(remaining, AT_ONCE)):
        yield page
