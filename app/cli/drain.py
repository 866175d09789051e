"""carillon drain: beside a running server, which heeds it within a second."""

import re
import sys
import threading
from datetime import timedelta

import click

from app.bootstrap import Services
from app.cli.opening import services
from app.cli.pauses import said, who
from app.core.drains import Draining

LOOK_EVERY = 0.5  # seconds
UNITS = {"s": 1, "m": 60, "h": 3600}
NAMED = 10  # runs


@click.command()
@click.option("--for", "length", default="20m", help="How long at most: 90s, 20m, 2h.  [default: 20m]")
@click.option(
    "--stay", is_flag=True, help="When the time that is waited is over, leave the drain on until its own end."
)
@click.option("--wait", "patience", help="How long to wait for running work.  [default: as long as --for]")
@click.option("--end", "ends", is_flag=True, help="End the drain that goes on.")
def drain(length: str, stay: bool, patience: str | None, ends: bool) -> None:
    """Let nothing new begin and wait until nothing runs: then the server can be stopped.

    What is queued, or asked for by hand, waits. What comes due is decided afterwards, by the misfire instruction of
    each trigger. The drain ends when its time is over, with --end, or when a server starts.

    Ends with 0 when it is safe to stop. With 1 when the time was over: it lists what still runs, and the drain is
    lifted, unless --stay is given.

    \b
    carillon drain --for 20m && systemctl stop carillon
    """
    with services() as opened:
        if ends:
            opened.drains.end(who())
            click.echo("The drain is over: what is due begins.")
            return
        seconds = _seconds(length)
        drained = opened.drains.begin(timedelta(seconds=seconds), who())
        click.echo(f"Draining until {said(drained.until)} at the latest.")
        state = _wait(opened, _seconds(patience) if patience else seconds)
        if state is not None and state.is_safe:
            click.echo("Nothing runs: the server can be stopped.")
            return
        _tell(state)
        if not stay and state is not None:
            opened.drains.end(who())
            click.echo("The drain is lifted.", err=True)
        sys.exit(1)


def _wait(opened: Services, seconds: float) -> Draining | None:
    """Until nothing runs or the time is over; ``None`` when the drain has ended meanwhile."""
    pause, running = threading.Event(), -1
    for _ in range(max(1, int(seconds / LOOK_EVERY))):
        state = opened.drains.state()
        if state is None or state.is_safe:
            return state
        if len(state.running) != running:
            running = len(state.running)
            click.echo(f"{running} still running ..." if running else "waiting for the server to heed it ...")
        pause.wait(LOOK_EVERY)
    return opened.drains.state()


def _tell(state: Draining | None) -> None:
    if state is None:
        click.echo("The drain has ended before nothing ran.", err=True)
        return
    if not state.is_heeded:
        click.echo("The server that keeps the time has not heeded it: does it hang?", err=True)
    for run in state.running[:NAMED]:
        click.echo(f"run {run.id} of {run.job_name!r}, begun {said(run.begun_at or run.queued_at)}", err=True)
    if len(state.running) > NAMED:
        click.echo(f"... and {len(state.running) - NAMED} more", err=True)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smh]?)", text.strip())
    if not found or not int(found[1]):
        raise click.UsageError(f"{text!r} is no length of time (examples: 90s, 20m, 2h)")
    return int(found[1]) * UNITS[found[2] or "m"]
