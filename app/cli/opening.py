"""From a command to the services."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from app.bootstrap import Services, build

if TYPE_CHECKING:
    from config import Settings


@dataclass(frozen=True)
class Parts:
    """What the entry point brings from the layers above: the terminal knows neither environment nor web."""

    load: "Callable[[], Settings]"
    settings_error: type[Exception]
    create_app: Callable[[Services], Any]  # gives a WSGI application


def parts() -> Parts:
    found: Parts = click.get_current_context().obj
    return found


def settings() -> "Settings":
    return parts().load()


@contextmanager
def services() -> Iterator[Services]:
    """The services, without keeping the time."""
    opened = build(settings())
    try:
        yield opened
    finally:
        opened.db.dispose()


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns."""
    lines = [list(titles), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
