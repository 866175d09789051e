"""What PostgreSQL says when something goes wrong, turned into words for the person who wrote the query."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from app.core.job_types import JobError
from app.job_types.sql_export.source import LOST, QueryError, time_is_up
from app.job_types.sql_export.sql_text import Place, Spelled


@contextmanager
def postgresql_words(*, limit: int, started: float, sent: Spelled | None = None, before: int = 0) -> Iterator[None]:
    """Raise ``JobError`` in place of psycopg's errors.

    ``limit`` is the time limit in seconds of a statement that began at ``started`` (monotonic). ``sent`` is the query
    with its binds filled in, sent behind ``before`` characters of ours: places in errors are brought back to the
    user's text.
    """
    try:
        yield
    except errors.QueryCanceled as error:
        if time.monotonic() - started < limit:
            raise _told(error, sent, before) from error
        raise time_is_up(limit) from error
    except psycopg.OperationalError as error:
        lost = error.sqlstate is None or isinstance(error, errors.AdminShutdown | errors.CrashShutdown)
        raise _told(error, sent, before, LOST if lost else "") from error
    except psycopg.Error as error:
        raise _told(error, sent, before) from error


def first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]


def _told(error: psycopg.Error, sent: Spelled | None, before: int, lost: str = "") -> JobError:
    said, place = error.diag, _place(error, sent, before)
    where = f" at {place} of the query" if place else ""
    parts = [(said.message_primary or first_line(error)) + where, said.message_detail, said.message_hint]
    return QueryError(lost + "; ".join(filter(None, parts)), place)


def _place(error: psycopg.Error, sent: Spelled | None, before: int) -> Place | None:
    position = error.diag.statement_position
    return None if sent is None or position is None else sent.place(int(position) - 1 - before)
