"""The schedule part of the job form: from its fields to triggers and back, and what will come of them.

A form that cannot say exactly what a job's triggers say does not touch them: it offers to keep them as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.core import triggers as timing
from app.core.models import Trigger
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec
from app.schedule.cron import CronSyntaxError
from app.schedule.readings import hints
from app.web.pages.problems import sentence
from app.web.pages.words import expression_of

Values = Mapping[str, str]

PRESETS = (
    ("0 0 * ? * *", "Every hour"),
    ("0 0 0 ? * *", "Every day at midnight"),
    ("0 0 3 ? * *", "Every day at 3 am"),
    ("0 0 12 ? * MON-FRI", "Every weekday at noon"),
    ("0 0 3 ? * MON", "Every week (Monday at 3 am)"),
)
UNITS = ((1, "seconds"), (60, "minutes"), (3600, "hours"), (86400, "days"))
FIELDS = {  # of the core's names of a trigger's fields, by mode
    "preset": {"expression": "preset"},
    "cron": {"expression": "expression"},
    "rate": {"every_seconds": "every", "start_at": "rate_start"},
    "delay": {"delay_seconds": "delay"},
    "once": {"start_at": "once_at"},
}
FIRES = 5
CROWDED = 60  # seconds: fires closer than this are pointed out
BLANK = {
    "mode": "preset", "preset": "0 0 3 ? * *", "expression": "", "every": "15", "every_unit": "60", "rate_start": "",
    "delay": "10", "delay_unit": "60", "once_at": "", "continuous": "",
}  # fmt: skip


def shown(triggers: Sequence[TriggerSpec], zone: str) -> dict[str, str]:
    """The fields of the form that say what these triggers say."""
    if not triggers:
        return {**BLANK, "mode": "hand", "timezone": zone}
    values = {**BLANK, "timezone": triggers[0].timezone, **_shown(triggers[0])}
    return values if read(values, ()) == [_without_anchor(spec) for spec in triggers] else {**values, "mode": "keep"}


def _without_anchor(spec: TriggerSpec) -> TriggerSpec:
    """Where a fixed rate counts from is kept when the form leaves it empty."""
    return replace(spec, start_at=None) if spec.kind is TriggerKind.SIMPLE else spec


def _shown(spec: TriggerSpec) -> dict[str, str]:
    match spec.kind:
        case TriggerKind.CRON if spec.expression in dict(PRESETS):
            return {"mode": "preset", "preset": spec.expression or ""}
        case TriggerKind.CRON:
            return {"mode": "cron", "expression": spec.expression or ""}
        case TriggerKind.SIMPLE:
            return {"mode": "rate", **_number_and_unit("every", spec.every_seconds)}
        case TriggerKind.FIXED_DELAY if not spec.delay_seconds:
            return {"continuous": "on"}
        case TriggerKind.FIXED_DELAY:
            return {"mode": "delay", **_number_and_unit("delay", spec.delay_seconds)}
        case TriggerKind.ONCE if spec.start_at:
            return {"mode": "once", "once_at": _wall(spec.start_at, spec.timezone)}
    return {}


def _number_and_unit(name: str, seconds: int | None) -> dict[str, str]:
    number, unit = split_seconds(seconds or 0)
    return {name: str(number), f"{name}_unit": str(unit)}


def split_seconds(seconds: int) -> tuple[int, int]:
    """A number and the largest unit (in seconds) in which it is whole."""
    unit = max((size for size, _ in UNITS if seconds % size == 0), default=1) if seconds else 60
    return seconds // unit, unit


def _wall(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"


def read(values: Values, present: Sequence[TriggerSpec]) -> list[TriggerSpec]:
    """The triggers that the form asks for; what it says wrongly is left out of them, so that the core refuses it."""
    zone = values.get("timezone", "").strip()
    if values.get("continuous"):
        return [TriggerSpec(TriggerKind.FIXED_DELAY, zone, delay_seconds=0)]
    match values.get("mode"):
        case "keep":
            return list(present)
        case "hand":
            return []
        case "cron":
            return [_cron(values.get("expression", "").strip(), zone)]
        case "rate":
            start = read_moment(values.get("rate_start", ""), zone)
            return [TriggerSpec(TriggerKind.SIMPLE, zone, every_seconds=read_seconds(values, "every"), start_at=start)]
        case "delay":
            return [TriggerSpec(TriggerKind.FIXED_DELAY, zone, delay_seconds=read_seconds(values, "delay"))]
        case "once":
            return [TriggerSpec(TriggerKind.ONCE, zone, start_at=read_moment(values.get("once_at", ""), zone))]
    return [_cron(values.get("preset", ""), zone)]


def filled(values: Values, present: Sequence[Trigger], zone: str) -> dict[str, str]:
    """What the form sent, with a time zone also where continuous execution has switched that field off."""
    return {**BLANK, "timezone": present[0].timezone if present else zone, **values}


def _cron(expression: str, zone: str) -> TriggerSpec:
    try:
        return timing.cron(expression, zone)
    except CronSyntaxError:
        return TriggerSpec(TriggerKind.CRON, zone, expression=expression, dialect="quartz")


def read_seconds(values: Values, name: str) -> int | None:
    number, unit = values.get(name, "").strip(), values.get(f"{name}_unit", "1")
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        return None
    return int(number) * (int(unit) if unit in {str(size) for size, _ in UNITS} else 1)


def read_moment(text: str, zone: str) -> datetime | None:
    """A wall time of the zone as a date and time field sends it; ``None`` for what is none."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None


def field_of(values: Values, name: str) -> str:
    """The form's field for a field of the first trigger in the core's words (``triggers.0.expression``)."""
    last = name.rpartition(".")[2]
    if last == "timezone":
        return "timezone"
    return FIELDS.get(values.get("mode", ""), FIELDS["preset"]).get(last, "mode")


@dataclass(frozen=True)
class Coming:
    """One of the next moments; ``meant`` is the local time that a clock change moved to it."""

    moment: datetime
    meant: datetime | None = None


@dataclass(frozen=True)
class Preview:
    """What the schedule in the form will do."""

    triggers: Sequence[TriggerSpec] = ()
    problems: Sequence[str] = ()
    fires: Sequence[Coming] = ()
    warnings: Sequence[str] = ()
    timezone: str = ""
    seed: str = ""
    is_blank: bool = False  # the field that says when is still empty


BLANKS = {"cron": "expression", "rate": "every", "delay": "delay", "once": "once_at"}


def preview(values: Values, present: Sequence[Trigger], now: datetime, seed: str = "") -> Preview:
    """``seed`` is the job's uid, which picks its times where the expression says ``H``."""
    mode = values.get("mode", "")
    if mode in BLANKS and not values.get(BLANKS[mode], "").strip() and not values.get("continuous"):
        return Preview(is_blank=True)
    specs = read(values, [TriggerSpec.of(row) for row in present])
    problems = [] if mode == "keep" else timing.problems(specs, now)
    if problems:
        return Preview((), [_message(values, problem.field, problem.message) for problem in problems])
    fires = sorted((fire for spec in specs for fire in _coming(spec, now, seed)), key=lambda fire: fire.moment)[:FIRES]
    zone = specs[0].timezone if specs else ""
    return Preview(specs, (), fires, _warnings(specs, fires, seed), zone, seed)


def _message(values: Values, field: str, message: str) -> str:
    """For an expression the words of the dialect that read it further."""
    text = values.get("expression", "").strip()
    if field.endswith(".expression") and values.get("mode") == "cron" and "H" not in text.upper():
        try:
            timing.read_cron(text)
        except CronSyntaxError as error:
            message = str(error)
    return sentence(message)


def _coming(spec: TriggerSpec, now: datetime, seed: str) -> list[Coming]:
    calculator = timing.calculator(spec.row(now), seed)
    return [Coming(fire, calculator.moved_from(fire)) for fire in islice(calculator.fires_after(now), FIRES)]


def _warnings(specs: Sequence[TriggerSpec], fires: Sequence[Coming], seed: str) -> list[str]:
    """What is easily misread, and what will surprise."""
    warnings = [sentence(message) for spec in specs if spec.kind is TriggerKind.CRON for message in _hints(spec, seed)]
    gaps = [(later.moment - earlier.moment).total_seconds() for earlier, later in pairwise(fires)]
    if gaps and min(gaps) < CROWDED:
        warnings.append("More often than once a minute: a moment that finds the run before still going on is skipped.")
    return warnings


def _hints(spec: TriggerSpec, seed: str) -> Iterator[str]:
    expression = expression_of(spec, seed)
    yield from (hint.message for hint in hints(expression))
    if expression.seed == "":
        yield "H stands for a time that is picked for each job: the real one is shown when the job is there"
