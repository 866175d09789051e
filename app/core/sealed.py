"""What in the database is sealed with the secret key: without that key it is lost."""

from sqlalchemy import Column, func, inspect, select

from app.core.db import Database
from app.core.models import Base


def columns() -> "list[Column[object]]":
    """Those whose model says so: ``info=SEALED``."""
    return [column for table in Base.metadata.sorted_tables for column in table.columns if column.info.get("sealed")]


def count(db: Database) -> int:
    """How many sealed secrets there are, also in a database of an older version, or in an empty one."""
    with db.reading() as session:
        there = inspect(session.connection())
        known = {
            name: {column["name"] for column in there.get_columns(name)}
            for name in {column.table.name for column in columns()} & set(there.get_table_names())
        }
        found = (column for column in columns() if column.name in known.get(column.table.name, ()))
        return sum(session.scalar(select(func.count()).where(column.is_not(None))) or 0 for column in found)
