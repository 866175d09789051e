"""carillon sample: something to look at."""

import click

from app.cli.opening import services


@click.command()
def sample() -> None:
    """Make a connection and two scheduled exports over 336,776 real flights."""
    with services() as opened:
        for job in opened.sample.load(by=None):
            click.echo(f"Made job {job.name!r}: {job.description}")
