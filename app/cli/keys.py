"""carillon new-key: when the secret key is lost for good."""

import click

from app.adapters.secrets import load_key
from app.cli.opening import settings


@click.command("new-key")
def new_key() -> None:
    """Make a new secret key where there is none.

    What was sealed with a lost one stays closed: enter the passwords of the connections again afterwards. The key is
    in the data directory (secret.key); `carillon backup` keeps it with the rest.
    """
    path = settings().key_file
    if path.exists():
        raise click.ClickException(f"{str(path)!r} is there already; it is not replaced")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    load_key(path)
    click.echo(f"Made {str(path)!r}. Keep a copy of it in a safe place.")
