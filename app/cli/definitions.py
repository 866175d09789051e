"""carillon export, import: definitions as YAML."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from app.adapters import yaml_file
from app.bootstrap import Services
from app.cli.opening import services
from app.cli.pauses import who
from app.core.definitions import importing
from app.core.definitions.fire_changes import FireChange
from app.core.definitions.importing import Plan
from app.core.errors import InvalidError

MOST = 200  # lines of a kind


@click.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def export_definitions(file: Path | None) -> None:
    """Write jobs, queues, calendars, pools and connections as YAML into FILE, or to the standard output.

    The same database gives the same text: keep it under version control. Not in it: passwords, users, system jobs,
    keep-rules, contracts, history. For everything: carillon backup.
    """
    with services() as opened:
        text = yaml_file.write(opened.definitions.export())
    if file:
        file.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Show what would change, and which fires that adds or removes.")
@click.option("--prune", is_flag=True, help="Also remove what is not in FILE, of the kinds that it names.")
def import_definitions(file: IO[bytes], dry_run: bool, prune: bool) -> None:
    """Make jobs, queues, calendars, pools and connections be as FILE says ('-': the standard input).

    All of it or nothing; beside a running server it may take ten seconds. What is meant goes by uid, else by name;
    kinds that FILE leaves out are left alone.
    """
    document, lines = yaml_file.read(file.read())
    with services() as opened, _limit(opened) as seconds:
        try:
            plan = opened.definitions.apply(document, who(), prune=prune, dry_run=dry_run, seconds=seconds)
        except InvalidError as error:
            for each in yaml_file.located(error, lines).errors:
                click.echo(f"{each.field}: {each.message}", err=True)
            click.echo("Nothing was changed.", err=True)
            sys.exit(1)
    _tell(plan)


@contextmanager
def _limit(opened: Services) -> Iterator[float | None]:
    """It may take as long as it wants only while no server waits for the database."""
    alone = opened.lease.acquire()
    try:
        yield None if alone else importing.LONGEST
    finally:
        if alone:
            opened.lease.release()


def _tell(plan: Plan) -> None:
    for each in plan.changes[:MOST]:
        click.echo(f"{each.what} {each.kind.removesuffix('s')} {each.name!r}")
        for path, before, after in each.fields:
            click.echo(f"    {path}: {_said(before)} -> {_said(after)}")
    if len(plan.changes) > MOST:
        click.echo(f"... and {len(plan.changes) - MOST} more changes")
    for kind, name in plan.left_alone[:MOST]:
        click.echo(f"not in the file, left alone: {kind.removesuffix('s')} {name!r}")
    for fire in plan.fires[:MOST]:
        click.echo(_fires(fire))
    for note in plan.notes:
        click.echo(f"Note: {note}")
    done = "Done" if plan.done else "Nothing was changed (dry run)"
    click.echo(f"{done}: changed {len(plan.changes)}, unchanged {plan.unchanged}.")


def _fires(fire: FireChange) -> str:
    parts = [
        f"{count} {words} (first {first[0]:%Y-%m-%d %H:%M} UTC)"
        for count, words, first in (
            (fire.added, "more", fire.first_added),
            (fire.removed, "fewer", fire.first_removed),
        )
        if count
    ]
    return f"fires of {fire.name!r} until {fire.until:%Y-%m-%d %H:%M} UTC: {', '.join(parts)}"


def _said(value: object) -> str:
    return "(none)" if value is None else repr(value)
