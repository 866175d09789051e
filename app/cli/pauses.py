"""carillon pause, resume, pauses: beside a running server, which looks again within a second."""

import getpass
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from app.bootstrap import Services
from app.cli.opening import services, settings, table
from app.core.models import Pause
from app.core.statuses import PauseScope

Wanted = tuple[PauseScope, str]


def subject(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is meant; none of them: everything."""
    options = (
        click.option("--group", help="The jobs of this group."),
        click.option("--job", help="One job, by its name or uid."),
        click.option("--trigger", type=click.IntRange(1), help="One trigger, by its id (the API shows it)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@subject
@click.option("--until", help="When it ends by itself (ISO 8601).  [default: when somebody resumes it]")
@click.option("--why", default="", help="The reason; the ledger tells it.")
def pause(group: str | None, job: str | None, trigger: int | None, until: str | None, why: str) -> None:
    """Let nothing fire for a while: everything, a group, a job or a trigger.

    What runs goes on, and starts by hand still work. What comes due meanwhile is decided when the pause ends, by the
    misfire instruction of each trigger.

    \b
    carillon pause --until 2026-12-24T18:00 --why 'the database moves'
    carillon pause --job 'Late flights'
    """
    end = _moment(until) if until else None
    with services() as opened:
        wanted = _wanted(opened, group, job, trigger)
        made = opened.pauses.begin(*wanted, who(), until=end, reason=why)
    ends = f" until {said(made.until)}" if made.until else ""
    click.echo(f"Paused {_words(*wanted, job)}{ends}.")


@click.command()
@subject
def resume(group: str | None, job: str | None, trigger: int | None) -> None:
    """End the pause of exactly this: of everything, a group, a job or a trigger."""
    with services() as opened:
        wanted = _wanted(opened, group, job, trigger)
        if not opened.pauses.resume(*wanted, who()):
            raise click.ClickException(f"there is no pause of {_words(*wanted, job)}; see: carillon pauses")
        left = len(opened.pauses.current())
    click.echo(f"Resumed {_words(*wanted, job)}.{f' Other pauses that hold: {left}.' if left else ''}")


@click.command()
def pauses() -> None:
    """List the pauses that hold now."""
    with services() as opened:
        found = opened.pauses.current()
        jobs = opened.pauses.jobs(found)
    rows = [_row(each, jobs[each.id].name if each.id in jobs else None) for each in found]
    table(["ID", "PAUSED", "SINCE", "BY", "UNTIL", "WHY"], rows)


def _wanted(opened: Services, group: str | None, job: str | None, trigger: int | None) -> Wanted:
    given = [each for each in (group, job, trigger) if each is not None]
    if len(given) > 1:
        raise click.UsageError("give one of --group, --job and --trigger")
    if group is not None:
        return PauseScope.GROUP, group
    if job is not None:
        return PauseScope.JOB, _uid(opened, job)
    return (PauseScope.TRIGGER, str(trigger)) if trigger is not None else (PauseScope.ALL, "")


def _uid(opened: Services, job: str) -> str:
    every = [*opened.jobs.list(), *opened.queues.list()]
    found = next((each.uid for each in every if job in (each.uid, each.name)), None)
    if found is None:
        raise click.UsageError(f"no job named {job!r}, and none with that uid")
    return found


def who() -> str:
    """The account of the terminal: there is no login here."""
    return f"{getpass.getuser()} (terminal)"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no moment (an example: 2026-12-24T18:00)") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=settings().zone)


def _row(pause: Pause, job: str | None) -> list[object]:
    until = said(pause.until) if pause.until else "resumed"
    return [
        pause.id, _words(pause.scope, pause.name, job), said(pause.began_at), pause.began_by, until, pause.reason,
    ]  # fmt: skip


def _words(scope: PauseScope, name: str, job: str | None) -> str:
    match scope:
        case PauseScope.ALL:
            return "everything"
        case PauseScope.TRIGGER:
            return f"trigger {name}" + (f" of {job!r}" if job else "")
    return f"{scope.value} {(job or name)!r}"


def said(moment: datetime) -> str:
    return f"{moment.astimezone(settings().zone):%Y-%m-%d %H:%M %Z}"
