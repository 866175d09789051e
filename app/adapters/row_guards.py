"""Guards in the database itself over rows that a companion may write: what could not be read is refused at once.

SQLite keeps whatever it is given: a date that is none, or JSON that is none, would fail each later look at the table.
The guards are made of the models' types, so that a new column is guarded by itself; PostgreSQL knows types, and lacks
only the closed lists. What a trigger *means* is for ``/api/add`` to check.
"""

from collections.abc import Iterator

from sqlalchemy import JSON, Boolean, Column, Connection, Enum, ForeignKey, Integer, Table, text
from sqlalchemy.sql.type_api import TypeEngine

from app.core.models import Job, Trigger, UtcDateTime

GUARDED: tuple[Table, ...] = (Job.__table__, Trigger.__table__)  # type: ignore[assignment]
OUR_OWN = {
    "trigger": ("next_fire_at", "previous_fire_at", "decided_to", "anew_at", "anew_count", "is_paused", "era"),
    "job": ("last_run_id", "last_success_for"),
}
"""Written at every fire and nobody else's business: guards over their updates would double what a fire costs."""
MOMENT = (
    "typeof({0}) = 'text' AND strftime('%Y-%m-%d %H:%M:%S', substr({0}, 1, 19), '+0 days') = substr({0}, 1, 19)"
    " AND (length({0}) = 19 OR (substr({0}, 20, 1) = '.' AND substr({0}, 21) NOT GLOB '*[^0-9]*'))"
)


def install(connection: Connection) -> None:
    """Make the guards anew, in the transaction that has made the tables."""
    statements = _of_sqlite() if connection.dialect.name == "sqlite" else _of_postgresql()
    for statement in statements:
        connection.execute(text(statement.replace(":", r"\:")))


# SQLite: triggers that raise


def _of_sqlite() -> Iterator[str]:
    for table in GUARDED:
        rules = [rule for column in table.columns if (rule := _rule(table, column))]
        refusals = " ".join(f"SELECT RAISE(ABORT, '{words}') WHERE NOT ({holds});" for _, holds, words in rules)
        yield from _guard(f"guard_{table.name}", "INSERT", table, "", refusals)
        for name, holds, words in rules:
            if name in OUR_OWN[table.name]:
                continue
            refusal = f"SELECT RAISE(ABORT, '{words}');"
            yield from _guard(f"guard_{table.name}_{name}", f"UPDATE OF {name}", table, f"WHEN NOT ({holds})", refusal)
        for column in table.columns:
            for key in column.foreign_keys:
                yield from _keeps_what_is_named(table, column, key)


def _guard(name: str, event: str, table: Table, when: str, refusals: str) -> Iterator[str]:
    yield f"DROP TRIGGER IF EXISTS {name}"
    yield f'CREATE TRIGGER {name} BEFORE {event} ON "{table.name}" {when} BEGIN {refusals} END'


def _keeps_what_is_named(table: Table, column: "Column[object]", key: ForeignKey) -> Iterator[str]:
    """A companion may have foreign keys switched off."""
    named = key.column.table
    when = f'WHEN EXISTS (SELECT 1 FROM "{table.name}" WHERE {column.name} = OLD.{key.column.name})'  # noqa: S608
    refusal = f"SELECT RAISE(ABORT, 'rows of the table {table.name} name this row in {column.name}');"
    yield from _guard(f"guard_{named.name}_of_{table.name}", "DELETE", named, when, refusal)


def _rule(table: Table, column: "Column[object]") -> tuple[str, str, str] | None:
    """The column, what must hold of its new value, and the words of a refusal."""
    found = _condition(column)
    if found is None:
        return None
    holds, words = found
    if column.nullable or column.primary_key:
        holds = f"NEW.{column.name} IS NULL OR ({holds})"
    return column.name, holds, f"{table.name}.{column.name} {words}".replace("'", "''")


def _condition(column: "Column[object]") -> tuple[str, str] | None:
    new, kind = f"NEW.{column.name}", column.type
    for key in column.foreign_keys:
        named = key.column.table.name
        exists = f'EXISTS (SELECT 1 FROM "{named}" WHERE {key.column.name} = {new})'  # noqa: S608
        return exists, f"must name a row of {named}"
    if isinstance(kind, Enum):
        return f"{new} IN ({_listed(kind)})", f"must be one of: {', '.join(kind.enums)}"
    return next((condition for type_, condition in _conditions(new) if isinstance(kind, type_)), None)


def _conditions(new: str) -> list[tuple[type[TypeEngine[object]], tuple[str, str]]]:
    return [
        (UtcDateTime, (MOMENT.format(new), "must be a moment in UTC, YYYY-MM-DD HH:MM:SS")),
        (Boolean, (f"typeof({new}) = 'integer' AND {new} IN (0, 1)", "must be 0 or 1")),
        (Integer, (f"typeof({new}) = 'integer'", "must be a whole number")),
        (JSON, (f"CASE WHEN json_valid({new}) THEN json_type({new}) = 'object' END IS 1", "must be a JSON object")),
    ]


def _listed(kind: Enum) -> str:
    return ", ".join(f"'{value}'" for value in kind.enums)


# PostgreSQL: constraints


def _of_postgresql() -> Iterator[str]:
    for table in GUARDED:
        for column in table.columns:
            if isinstance(column.type, Enum):
                yield from _constraint(table, column, f"{column.name} IN ({_listed(column.type)})")
            elif isinstance(column.type, JSON):
                yield from _constraint(table, column, f"json_typeof({column.name}) = 'object'")


def _constraint(table: Table, column: "Column[object]", holds: str) -> Iterator[str]:
    name = f"guard_{table.name}_{column.name}"
    yield f'ALTER TABLE "{table.name}" DROP CONSTRAINT IF EXISTS {name}'
    yield f'ALTER TABLE "{table.name}" ADD CONSTRAINT {name} CHECK ({holds})'
