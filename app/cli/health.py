"""``carillon health``: asks the running server how it is; for HEALTHCHECK lines and for people."""

import http.client
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from app.cli.opening import settings

if TYPE_CHECKING:
    from config import Settings

SECONDS = 5.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - bound there, asked here
LEFT_OUT = ("status", "troubles", "warnings", "threads")


@click.command()
@click.option("--ready", "path", flag_value="/readyz", help="Ask whether it can answer requests.")
@click.option("--live", "path", flag_value="/livez", help="Ask whether a restart would help.")
def health(path: str | None) -> None:
    """Ask the running server how it is: exit status 0 when it is well, 1 when not.

    Asks CARILLON_HOST and CARILLON_PORT. In a Dockerfile:  HEALTHCHECK CMD carillon health
    """
    status, told = _ask(settings(), path or "/healthz")
    click.echo(told.get("status", f"HTTP {status}"))
    for words in (*told.get("troubles", []), *told.get("warnings", [])):
        click.echo(f"  {words}")
    for name, value in told.items():
        if name not in LEFT_OUT and value is not None:
            click.echo(f"  {name}: {value}")
    if status != 200:
        raise SystemExit(1)


def _ask(given: "Settings", path: str) -> tuple[int, Mapping[str, Any]]:
    connection = http.client.HTTPConnection(ANYWHERE.get(given.host, given.host), given.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise click.ClickException(f"no answer from {given.host}:{given.port}: {error}") from None
    finally:
        connection.close()
