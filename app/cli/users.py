"""carillon user: who may log in."""

from typing import IO

import click

from app.cli.opening import services, table
from app.core.statuses import Role


@click.group()
def user() -> None:
    """Users: add and list."""


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
    if password_file:
        password = password_file.read().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with services() as opened:
        made = opened.users.add(name, password, Role(role))
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
