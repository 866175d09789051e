"""carillon plan-stop"""

from datetime import datetime, time, timedelta

import click

from app.cli.opening import services, settings, table
from app.core.stop_plans import Missed, StopPlan


@click.command("plan-stop")
@click.option("--from", "start", required=True, metavar="TIME", help="14:00 (the next one), or ISO 8601.")
@click.option("--to", "end", required=True, metavar="TIME", help="14:20 (the one after --from), or ISO 8601.")
@click.option("--days", default=1, type=click.IntRange(1, 7), help="How far to look for a quieter time.  [default: 1]")
def plan_stop(start: str, end: str, days: int) -> None:
    """Say what a stop of the server would miss, and find a quieter time for it.

    Times are in the zone of CARILLON_TIMEZONE, unless they say another one.

    \b
    carillon plan-stop --from 14:00 --to 14:20
    """
    with services() as opened:
        begins = moment(start, opened.clock())
        plan = opened.stop_plans.plan(begins, moment(end, begins), days)
    _show(plan)


def moment(text: str, after: datetime) -> datetime:
    """A time of day is the next one after a moment, on the clocks of our zone."""
    zone = settings().zone
    try:
        given = datetime.fromisoformat(text) if "-" in text else None
        clock = time.fromisoformat(text) if given is None else time()
    except ValueError:
        raise click.UsageError(f"{text!r} is no time (examples: 14:00, 2026-12-24T18:00)") from None
    if given is not None:
        return given if given.tzinfo else given.replace(tzinfo=zone)
    local = after.astimezone(zone)
    found = datetime.combine(local.date(), clock, zone)
    return found if found > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)


def _show(plan: StopPlan) -> None:
    click.echo(f"A stop from {_said(plan.start)} to {_said(plan.end)} would miss {plan.fires} starts.")
    if plan.missed:
        table(["FIRST", "STARTS", "JOB", "AFTERWARDS"], [_row(each) for each in plan.missed])
    for run in plan.running:
        what = f"run {run.run_id}" if run.run_id else f"the run of {_said(run.begins)}"
        click.echo(f"Usually still running then: {what} of {run.job!r} (takes up to {run.usual_seconds:.0f} s).")
    click.echo("Quieter times of the same length:")
    for each in plan.quieter:
        click.echo(
            f"  {_said(each.start)} to {_said(each.end)}: {each.fires} starts, {each.running} long runs going on"
        )


def _row(missed: Missed) -> list[object]:
    return [_said(missed.first), missed.count, missed.job, afterwards(missed)]


def afterwards(missed: Missed) -> str:
    told = ((missed.starts, "late"), (missed.asks, "waiting for an answer"), (missed.left_out, "left out"))
    return ", ".join(f"{count} {words}" for count, words in told if count)


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(settings().zone):%Y-%m-%d %H:%M %Z}"
