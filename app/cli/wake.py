"""carillon wake: after a restore."""

import click

from app.cli.opening import services, table
from app.cli.pauses import who
from app.core.sleep import Plan

SHOWN = 50


@click.command()
@click.option(
    "--skip-missed", is_flag=True, help="What was due meanwhile is left out, and runs that wait are cancelled."
)
@click.option("--by-rules", is_flag=True, help="What was due meanwhile is decided by each trigger's misfire rule.")
def wake(skip_missed: bool, by_rules: bool) -> None:
    """Let a restored Carillon go on. Without an option it shows what would follow, and changes nothing.

    What became due between the backup and now may have been done by the server that is lost: you decide.
    """
    if skip_missed and by_rules:
        raise click.UsageError("give one of --skip-missed and --by-rules")
    with services() as opened:
        asleep = opened.sleep.state()
        if asleep is None:
            raise click.ClickException("it is awake already")
        if skip_missed or by_rules:
            opened.sleep.wake(who(), skip=skip_missed)
            click.echo("Carillon is awake.")
            return
        click.echo(f"Asleep since {asleep.since:%Y-%m-%d %H:%M} UTC: {asleep.why}. Nothing fires and no run starts.")
        _show(opened.sleep.plan())


def _show(plan: Plan) -> None:
    rows = [[each.name, each.starts, each.waiting, each.asks, each.missed] for each in plan.jobs[:SHOWN]]
    if rows:
        click.echo("What was due since then, by the misfire rules:")
        table(["JOB", "STARTS AT ONCE", "WAITS ALREADY", "WOULD ASK", "LEFT OUT"], rows)
    else:
        click.echo("Nothing was due since then.")
    if len(plan.jobs) > SHOWN:
        click.echo(f"... and {len(plan.jobs) - SHOWN} more jobs")
    if plan.not_looked_at:
        click.echo(f"... and {plan.not_looked_at} more triggers, which were not looked at")
    click.echo(f"carillon wake --by-rules      starts {plan.starts} runs at once")
    click.echo("carillon wake --skip-missed   starts none of them; the ledger calls them missed")
