"""carillon token: API tokens."""

import click

from app.cli.opening import services, table


@click.group()
def token() -> None:
    """API tokens: add, list and revoke. A token has the rights of its user."""


@token.command()
@click.argument("username")
@click.option("--name", default="token", show_default=True, help="What it is for; shown in the list.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires.  [default: never]")
def add(username: str, name: str, days: int | None) -> None:
    """Make a token for USERNAME and print it: it is shown this once only.

    Use it as a header: Authorization: Bearer TOKEN
    """
    with services() as opened:
        _, secret = opened.users.add_token(username, name, days)
    click.echo(secret)


@token.command("list")
def list_tokens() -> None:
    """List all tokens; of each only its first characters are known."""
    with services() as opened:
        rows = [
            [
                found.id,
                found.prefix + "...",
                found.user.username,
                found.name,
                found.created_at.date(),
                found.expires_at.date() if found.expires_at else "never",
                found.last_used_at.strftime("%Y-%m-%d %H:%M UTC") if found.last_used_at else "never",
                "revoked" if found.revoked_at else "",
            ]
            for found in opened.users.tokens()
        ]
    table(["ID", "TOKEN", "USER", "NAME", "SINCE", "EXPIRES", "LAST USED", ""], rows)


@token.command()
@click.argument("token_id", type=int, metavar="ID")
def revoke(token_id: int) -> None:
    """Make a token useless at once."""
    with services() as opened:
        opened.users.revoke_token(token_id)
    click.echo(f"Revoked token {token_id}.")
