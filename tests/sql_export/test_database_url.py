import pytest
from sqlalchemy import make_url

from app.core.job_types import JobError
from app.job_types.sql_export.database_url import DatabaseUrl


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://me:secret@host:5433/shop",
        "postgresql://me:p%40ss%3A%2F%25@host/shop",
        "postgresql://me:a/b#c?d@host/shop?sslmode=require",
        "postgresql://Me@HOST/sh%20op",
        "postgresql://[::1]:5432/shop",
        "postgresql:///shop?host=%2Frun%2Fpostgresql",
        "postgresql://host",
        "sqlite:///relative/a.db",
        "sqlite:////absolute/a%20b#c.db?mode=ro",
        "sqlite://",
    ],
)
def test_the_parts_are_those_that_sqlalchemy_reads(text):
    mine, theirs = DatabaseUrl.read(text), make_url(text)

    assert mine.backend == theirs.get_backend_name()
    assert (mine.username, mine.password) == (theirs.username, theirs.password)
    assert (mine.host, mine.port) == (theirs.host, theirs.port)
    assert (mine.database, mine.options) == (theirs.database or "", dict(theirs.query))


def test_a_printed_url_hides_its_password():
    assert "secret" not in repr(DatabaseUrl.read("postgresql://me:secret@host/shop"))


@pytest.mark.parametrize(
    "text", ["postgresql://me:secret@host:99x/shop", "secret", "postgresql://me:sec@secret@host:5/shop"]
)
def test_a_broken_url_is_not_repeated(text):
    with pytest.raises(JobError) as caught:
        DatabaseUrl.read(text)
    assert "secret" not in str(caught.value)
