"""carillon why: the ledger's answer."""

from datetime import datetime

import click

from app.adapters.clock import utc_now
from app.cli.opening import services, settings


@click.command()
@click.argument("job")
@click.option("--at", "moment", help="The moment (ISO 8601); its minute counts.  [default: now]")
def why(job: str, moment: str | None) -> None:
    """Say why JOB (the name or uid of a job or queue) did or did not run at a moment.

    \b
    carillon why 'Flights on this day' --at 2026-11-20T03:00
    """
    with services() as opened:
        owners = [*opened.jobs.list(), *opened.queues.list()]
        found = next((each for each in owners if job in (each.uid, each.name)), None)
        if found is None:
            raise click.UsageError(f"no job or queue named {job!r}, and none with that uid")
        answer = opened.ledger.why(found.uid, _moment(moment))
    click.echo(f"{answer.at:%Y-%m-%d %H:%M %Z}: {answer.answer}")


def _moment(text: str | None) -> datetime:
    zone = settings().zone
    if text is None:
        return utc_now().astimezone(zone)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no moment (an example: 2026-11-20T03:00)") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
