"""carillon backup, restore: everything in one file, and back."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from app.adapters.backup import making, restoring
from app.adapters.backup.restoring import Restored, Target
from app.adapters.clock import utc_now
from app.bootstrap import lease_of
from app.cli.opening import settings
from app.core.db import Database

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--with-results", is_flag=True, help="The result files, too. They may be large.")
@click.option(
    "--without-key", is_flag=True, help="Leave the secret key out: keep it elsewhere, or sealed secrets are lost."
)
def backup(file: Path, with_results: bool, without_key: bool) -> None:
    """Write everything into FILE, also while the server is running.

    \b
    carillon backup /srv/backups/carillon-$(date +%F).zip
    carillon restore /srv/backups/carillon-2026-11-20.zip --check

    The database of one moment, whole, and the secret key: keep FILE as safe as the passwords of your connections. It
    appears only when it is complete, and takes the place of an earlier backup of that name. Settings (the environment)
    are not in it.
    """
    os.umask(0o077)
    given = settings()
    db = Database(given.database)
    try:
        key, results = None if without_key else given.key_file, given.data_dir / "results" if with_results else None
        made = making.make(making.Source(db, _version(), key, results), file, utc_now())
    finally:
        db.dispose()
    files = f", {made.results} result files" if with_results else ", no result files (--with-results)"
    click.echo(f"Wrote {str(made.path)!r}: {_size(made.size)}, {made.rows:,} rows{files}.")
    if made.missing:
        click.echo(f"{made.missing} result files are not there any more and are left out.")
    click.echo(
        "The secret key is NOT in it: without secret.key the passwords of connections are lost."
        if without_key
        else "It holds the secret key, which opens the passwords of connections: keep it in a safe place."
    )


@click.command()
@click.argument("file", type=FILE)
@click.option("--check", is_flag=True, help="Only try whether FILE could be restored; nothing is touched.")
@click.option("--replace", is_flag=True, help="Also where there is a database: it is kept aside under another name.")
def restore(file: Path, check: bool, replace: bool) -> None:
    """Put a backup in place, into the data directory and the database of the settings.

    \b
    carillon restore carillon-2026-11-20.zip --check
    carillon restore carillon-2026-11-20.zip --replace

    It may come from SQLite and go to PostgreSQL, or back, and be of an earlier version. Stop the server first. What is
    restored is asleep: start the server, look, and say what becomes of the moments since the backup with
    `carillon wake` or on any page.
    """
    os.umask(0o077)
    if check:
        _tell(restoring.check(file, utc_now()), "can be restored")
        return
    given = settings()
    db = Database(given.database)
    try:
        target = Target(db, lease_of(given, db), given.key_file, given.data_dir / "results")
        done = restoring.restore(file, target, utc_now(), replace=replace)
    finally:
        db.dispose()
    _tell(done, "was restored")
    for kept in done.kept_aside:
        click.echo(f"Kept aside: {kept}")
    click.echo(
        "It is asleep: nothing fires and no run starts until somebody wakes it. Start the server, then: carillon wake"
    )


def _tell(done: Restored, what: str) -> None:
    said = done.manifest
    key = "with its secret key" if making.KEY in said["members"] else "WITHOUT a secret key"
    click.echo(
        f"The backup of {said['made_at'][:16].replace('T', ' ')} UTC (Carillon {said['version']}, {said['database']})"
        f" {what}: {done.rows:,} rows, {said['results'] or 0} result files, {key}."
    )
    if done.interrupted:
        click.echo(f"Runs that were going on then, are interrupted now and not tried again: {done.interrupted}")


def _version() -> str:
    try:
        return version("carillon")
    except PackageNotFoundError:
        return "unknown"


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
