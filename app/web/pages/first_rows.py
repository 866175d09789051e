"""The first rows of a result file, as the page of its run shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from app.core.errors import NotFoundError
from app.core.models import ResultFile
from app.core.rows.dialect import Dialect
from app.core.rows.first import Cell, first_rows
from app.core.rows.reading import UnreadableError
from app.web.auth import services

ROWS = 10


@dataclass(frozen=True)
class Column:
    name: str
    type: str | None = None  # as the database said; a CSV file has none


@dataclass(frozen=True)
class FirstRows:
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[Cell]] = ()
    more: int | None = None  # rows that are not shown; ``None``: nobody counted
    why_not: str = ""  # a sentence instead of rows


def of(file: ResultFile) -> FirstRows:
    """Whatever is wrong with the file is an answer."""
    if not file.csv or not file.columns:
        return FirstRows(why_not="Only rows of CSV files are shown here: download it to look into it.")
    try:
        with services().store.open(file.path).stream as stream:
            rows = first_rows(stream, Dialect.of(file.csv), ROWS)
    except NotFoundError:
        return FirstRows(why_not="The file is gone.")
    except UnreadableError as error:
        return FirstRows(why_not=f"The file cannot be read: {error}.")
    columns = [Column(*column) for column in zip_longest(file.columns, file.types or ())]
    if not rows and file.rows != 0:
        return FirstRows(columns, why_not="The first row is too large to be shown.")
    return FirstRows(columns, rows, None if file.rows is None else file.rows - len(rows))
