"""Opens the database behind a URL, each kind in its own way. A driver that is not needed is not loaded."""

from contextlib import AbstractContextManager

from app.job_types.sql_export.database_url import DatabaseUrl
from app.job_types.sql_export.source import Limits, Source


def open_source(text: str, limits: Limits) -> AbstractContextManager[Source]:
    """Open a database for reading only. Raises ``JobError``, whose message holds no password."""
    url = DatabaseUrl.read(text)
    if url.backend in ("postgresql", "postgres"):
        from app.job_types.sql_export.postgresql import open_postgresql

        return open_postgresql(url, limits)
    if url.backend == "sqlite":
        from app.job_types.sql_export.sqlite import open_sqlite

        return open_sqlite(url, limits)
    from app.job_types.sql_export.sqlalchemy_cursor import open_sqlalchemy

    return open_sqlalchemy(url, limits)
