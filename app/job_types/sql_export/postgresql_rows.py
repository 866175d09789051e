"""Rows of PostgreSQL as values, read with a cursor on the server: for files that are no text."""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from psycopg import sql

from app.job_types.sql_export.source import FIRST_ROWS, next_portion, size_of

CURSOR = "carillon_rows"


def portions(
    connection: psycopg.Connection[Any],
    query: str,
    words: Callable[[], AbstractContextManager[None]],
    portion: int = FIRST_ROWS,
) -> Generator[Sequence[Sequence[Any]], None, None]:
    """The query has been prepared before, so it is one statement; DECLARE takes no other than a reading one."""
    with words(), connection.cursor() as declaring:
        declaring.execute(sql.SQL("DECLARE {} NO SCROLL CURSOR FOR {}").format(sql.Identifier(CURSOR), sql.SQL(query)))
    try:
        while True:
            with words(), connection.cursor(binary=True) as cursor:
                rows = cursor.execute(
                    sql.SQL("FETCH {} FROM {}").format(sql.Literal(portion), sql.Identifier(CURSOR))
                ).fetchall()
            if not rows:
                return
            yield rows
            portion = next_portion(portion, size_of(rows))
    finally:
        if connection.info.transaction_status is psycopg.pq.TransactionStatus.INTRANS:
            connection.execute(sql.SQL("CLOSE {}").format(sql.Identifier(CURSOR)))
