"""carillon user: who may log in."""

from typing import IO

import click

from app.cli.opening import services, table
from app.core.statuses import Role


@click.group()
def user() -> None:
    """Users: add, list, change the password, disable and enable."""


@user.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.USER.value,
    show_default=True,
    help="A user sees, runs and downloads; an administrator also edits.",
)
@click.option("--password-file", type=click.File(), help="Read the password from a file ('-' for standard input).")
def add(name: str, role: str, password_file: IO[str] | None) -> None:
    """Add a user. Asks for the password (12 to 128 characters) unless a file is given."""
    with services() as opened:
        made = opened.users.add(name, _password(password_file), Role(role))
    click.echo(f"Added {made.role.value} {made.username!r}.")


@user.command("list")
def list_users() -> None:
    """List all users."""
    with services() as opened:
        rows = [
            [found.username, found.role.value, found.created_at.date(), "disabled" if found.disabled_at else ""]
            for found in opened.users.list()
        ]
    table(["NAME", "ROLE", "SINCE", ""], rows)


@user.command()
@click.argument("name")
@click.option("--password-file", type=click.File(), help="Read the password from a file ('-' for standard input).")
def password(name: str, password_file: IO[str] | None) -> None:
    """Give a user a new password, and end its logins."""
    with services() as opened:
        opened.users.set_password(name, _password(password_file))
    click.echo(f"Changed the password of {name!r}.")


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Keep a user out: its logins and tokens end at once."""
    with services() as opened:
        opened.users.switch(name, False)
    click.echo(f"Disabled {name!r}.")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled user in again."""
    with services() as opened:
        opened.users.switch(name, True)
    click.echo(f"Enabled {name!r}.")


def _password(file: IO[str] | None) -> str:
    if file:
        return file.read().rstrip("\r\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed
