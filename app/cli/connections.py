"""carillon connection: databases that jobs read."""

from typing import IO

import click

from app.cli.opening import services, table


@click.group()
def connection() -> None:
    """Connections: databases that jobs read. Add, list and test."""


@connection.command()
@click.argument("name")
@click.argument("url")
@click.option("--password-file", type=click.File(), help="Read the password from a file ('-' for standard input).")
def add(name: str, url: str, password_file: IO[str] | None) -> None:
    """Add or replace connection NAME with a SQLAlchemy URL.

    \b
    carillon connection add warehouse postgresql://reader@db.example/warehouse --password-file secret.txt
    carillon connection add register sqlite:////srv/register.db

    The password is kept encrypted with the secret key. Give it by file: a URL on the command line can be seen in the
    list of processes.
    """
    password = password_file.read().rstrip("\r\n") if password_file else None
    with services() as opened:
        opened.connections.save(name, url, password)
    click.echo(f"Saved connection {name!r}. Try it: carillon connection test {name}")


@connection.command("list")
def list_connections() -> None:
    """List all connections; passwords are never shown."""
    with services() as opened:
        rows = [
            [view.name, view.url, "environment" if view.from_environment else "stored", _password(view.has_password)]
            for view in opened.connections.list()
        ]
    table(["NAME", "URL", "FROM", "PASSWORD"], rows)


def _password(there: bool) -> str:
    return "set" if there else ""


@connection.command()
@click.argument("name")
def test(name: str) -> None:
    """Open connection NAME: version, time, and whether it could write."""
    with services() as opened:
        probe = opened.probe(name)
    click.echo(f"{probe.version} answered in {probe.elapsed_seconds * 1000:.0f} ms.")
    if probe.can_write:
        click.echo("Warning: this user can write. A read-only user is safer for exports.")
