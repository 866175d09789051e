"""carillon preview: when a cron expression fires."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from app.adapters.clock import utc_now
from app.cli.opening import settings
from app.core.triggers import read_cron
from app.schedule.cron import CronSyntaxError
from app.schedule.simulate import upcoming
from app.schedule.triggers import Cron


@click.command()
@click.argument("expression")
@click.option("--zone", help="Time zone of the expression.  [default: the server's]")
@click.option("--from", "start", help="Begin after this moment (ISO 8601).  [default: now]")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many fires.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def preview(expression: str, zone: str | None, start: str | None, count: int, as_json: bool) -> None:
    """Show when a cron EXPRESSION fires next.

    Quartz's grammar: second minute hour day-of-month month day-of-week [year]; one of the two days is `?`.

    \b
    carillon preview '0 30 6 ? * MON-FRI' --zone Europe/Paris
    """
    zone_info = _zone(zone or settings().timezone)
    try:
        parsed = read_cron(expression)
    except CronSyntaxError as error:
        raise click.UsageError(f"{expression!r} is no cron expression: {error}") from None
    fires = upcoming(Cron(parsed, zone_info), _moment(start, zone_info), count)
    if as_json:
        click.echo(json.dumps(_document(expression, parsed.dialect, zone_info, fires)))
    else:
        for fire in fires:
            local = fire.astimezone(zone_info)
            click.echo(f"{local:%a %Y-%m-%d %H:%M:%S %Z}   {fire:%Y-%m-%dT%H:%M:%SZ}")
        if not fires:
            click.echo("It never fires.")


def _document(expression: str, dialect: str, zone: ZoneInfo, fires: list[datetime]) -> dict[str, object]:
    return {
        "expression": expression,
        "dialect": dialect,
        "zone": zone.key,
        "fires": [
            {"local": fire.astimezone(zone).isoformat(), "utc": fire.astimezone(UTC).isoformat()} for fire in fires
        ],
    }


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.UsageError(f"{name!r} is no time zone (an example: Europe/Paris)") from None


def _moment(text: str | None, zone: ZoneInfo) -> datetime:
    if text is None:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no moment (an example: 2026-03-29T00:00)") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
