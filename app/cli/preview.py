"""carillon preview: when a cron expression fires."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from app.adapters.clock import utc_now
from app.cli.opening import settings
from app.core import previews
from app.core.previews import MOST_FIRES, ComingFire
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec
from app.schedule.cron import CronSyntaxError
from app.schedule.describe import describe_expression
from app.schedule.dialects import DIALECTS, FIRST_YEAR, LAST_YEAR
from app.schedule.readings import Hint, Reading, readings

AUTO = "auto"
ANY_SEED = ""  # the times of H are picked for each job; here is none


@dataclass(frozen=True)
class Meaning:
    """What one or several dialects make of the expression."""

    dialects: Sequence[str]
    words: str
    fires: Sequence[ComingFire]
    warnings: Sequence[Hint]


@click.command()
@click.argument("expression")
@click.option(
    "--dialect", type=click.Choice([AUTO, *DIALECTS]), default=AUTO, show_default=True,
    help="Whose grammar: quartz has 6 or 7 fields, 1 = Sunday and one ?; spring 6, 0 and 7 = Sunday; unix 5. "
    "auto shows every reading.",
)  # fmt: skip
@click.option("--zone", help="Time zone whose clocks count, as Europe/Paris.  [default: the server's]")
@click.option("--from", "start", metavar="MOMENT", help="List what comes after this (ISO 8601; without an offset on "
              "the clock of the zone).  [default: now]")  # fmt: skip
@click.option("--count", type=click.IntRange(1, MOST_FIRES), default=5, show_default=True, help="How many fires.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def preview(expression: str, dialect: str, zone: str | None, start: str | None, count: int, as_json: bool) -> None:
    """Say when a cron EXPRESSION fires.

    Shows it in words, its next fires in local time and UTC, what clock changes do to them, and what is easily misread:
    2 is Monday to Quartz and Tuesday to the others. Nothing is stored. Jobs read an expression as Quartz, and as Spring
    where Quartz refuses it.

    \b
    carillon preview '0 30 6 ? * MON-FRI'
    carillon preview '30 2 * * *' --dialect unix --zone Europe/Paris --from 2026-03-28
    carillon preview '0 0 12 L * ?' --count 12 --json

    Ends with 0, or with 2 when the expression cannot be read.
    """
    clock = _zone(zone or settings().timezone)
    after = _moment(start, clock)
    found = readings(expression, after, clock, 0, seed=ANY_SEED)
    wanted = [reading for reading in found.all if dialect in (AUTO, reading.dialect)]
    if all(reading.expression is None for reading in wanted):
        raise click.UsageError(_refusal(expression, wanted))
    meanings = _meanings(wanted, clock, after, count)
    differ = found.hints if len(meanings) > 1 else ()
    if as_json:
        click.echo(json.dumps(_document(expression, clock, after, meanings, differ, wanted), ensure_ascii=False))
    else:
        _print(meanings, differ)


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
    if not FIRST_YEAR < moment.year <= LAST_YEAR:
        raise click.UsageError(f"the year must be from {FIRST_YEAR + 1} to {LAST_YEAR}, not {moment.year}")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _refusal(expression: str, wanted: Iterable[Reading]) -> str:
    """The words of the dialect that reads furthest, with a mark under the place."""
    errors = [(reading.dialect, reading.error) for reading in wanted if reading.error]
    dialect, error = max(errors, key=lambda one: (one[1].field is not None, one[1].position))
    others = "" if len(errors) == 1 else f" ({', '.join(name for name, _ in errors)})"
    message = f"this is no cron expression{others}; {dialect} says: {error}"
    return f"{message}\n\n{_marked(expression, error)}"


def _marked(expression: str, error: CronSyntaxError) -> str:
    """A long expression is cut to what lies around the place."""
    begin, place = max(0, error.position - 60), min(error.position, len(expression))
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in expression[begin:][:100])
    return f"  {shown}\n  {' ' * (place - begin)}^"


def _meanings(wanted: Sequence[Reading], zone: ZoneInfo, after: datetime, count: int) -> list[Meaning]:
    """One for each way to read it; dialects that agree share it."""
    read = [reading for reading in wanted if reading.expression is not None]
    groups: list[list[Reading]] = []
    for reading in read:
        same = next((group for group in groups if group[0].expression == reading.expression), None)
        if same is None:
            groups.append([reading])
        else:
            same.append(reading)
    return [_meaning(group, zone, after, count) for group in groups]


def _meaning(group: Sequence[Reading], zone: ZoneInfo, after: datetime, count: int) -> Meaning:
    expression = group[0].expression
    assert expression is not None  # noqa: S101 - only such readings are grouped
    spec = TriggerSpec(TriggerKind.CRON, zone.key, expression=expression.text, dialect=expression.dialect)
    found = previews.preview([spec], {}, after, after=after, count=count)
    dialects = [reading.dialect for reading in group]
    return Meaning(dialects, describe_expression(expression), found.fires, found.triggers[0].warnings)


def _print(meanings: Sequence[Meaning], differ: Iterable[Hint]) -> None:
    for hint in differ:
        click.secho(f"Take care: {hint.message}. --dialect picks one.\n", fg="yellow")
    for number, meaning in enumerate(meanings):
        click.echo(("\n" if number else "") + click.style(", ".join(meaning.dialects), bold=True))
        click.echo(f"  {meaning.words}")
        for fire in meaning.fires:
            note = f"   {fire.note}" if fire.note else ""
            click.echo(f"  {fire.local:%a %Y-%m-%d %H:%M:%S} {fire.local.tzname():5} {_utc(fire.at)}{note}")
        for warning in meaning.warnings:
            click.secho(f"  Note: {warning.message}.", fg="yellow")


def _document(
    expression: str, zone: ZoneInfo, after: datetime, meanings: Sequence[Meaning], differ: Iterable[Hint],
    wanted: Iterable[Reading],
) -> dict[str, Any]:  # fmt: skip
    shown = [_shown(meaning) for meaning in meanings]
    first = shown[0]
    return {
        "expression": expression,
        "zone": zone.key,
        "from": _utc(after),
        "dialect": first["dialects"][0],  # as jobs read it, unless --dialect picks one
        "words": first["words"],
        "fires": first["fires"],
        "warnings": [*map(asdict, differ), *first["warnings"]],
        "readings": shown,
        "refused": [
            {"dialect": reading.dialect, "message": str(reading.error), "position": reading.error.position}
            for reading in wanted
            if reading.error
        ],
    }


def _shown(meaning: Meaning) -> dict[str, Any]:
    return {
        "dialects": list(meaning.dialects),
        "words": meaning.words,
        "fires": [{"at": _utc(fire.at), "local": fire.local.isoformat(), "note": fire.note} for fire in meaning.fires],
        "warnings": [asdict(warning) for warning in meaning.warnings],
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
