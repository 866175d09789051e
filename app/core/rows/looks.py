"""A result file looked through again by the run that made it, before it is given out."""

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from app.core.job_types import JobError
from app.core.ports import MadeFile
from app.core.rows.cells import picker, value_of
from app.core.rows.dialect import Dialect
from app.core.rows.reading import UnreadableError, rows
from app.core.rows.repeats import Repeats, repeats, rises


def repeated(
    file: MadeFile,
    key: Sequence[str],
    opened: Callable[[], BinaryIO],
    scratch: Callable[[], BinaryIO],
    on_batch: Callable[[], None],
) -> dict[str, Any]:
    """How many values of a key come several times, and some of them. Raises ``JobError``."""
    dialect = Dialect.of(file.csv or {})
    columns = list(file.columns or ())
    key_of = picker(dialect.delimiter, [columns.index(name) for name in key])
    try:
        with opened() as stream:
            if rises(rows(stream, dialect), key_of, on_batch):
                return {"count": 0, "examples": []}
        with opened() as stream:
            found = repeats(rows(stream, dialect), key_of, scratch, on_batch)
    except (UnreadableError, IndexError) as error:
        raise JobError(f"the key of {file.name!r} cannot be looked at: {error}") from error
    return {"count": found.count, "examples": _told(found, dialect.as_read)}


def _told(found: Repeats, dialect: Dialect) -> list[str]:
    texts = []
    for key in found.examples:
        values = [value_of(cell, dialect) for cell in ((key,) if isinstance(key, bytes) else key)]
        texts.append(" / ".join("NULL" if value is None else value[:100] for value in values))
    return texts
