"""What the schedule in the form will do: in words, when, and what to look out for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.core.errors import InvalidError
from app.core.previews import ComingFire
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec
from app.schedule.describe import describe_expression
from app.schedule.readings import Hint, readings
from app.web.auth import services
from app.web.pages.problems import sentence
from app.web.pages.schedule_form import Schedule
from app.web.pages.trigger_card import Card
from app.web.pages.words import trigger_words

FIRES, MOST_FIRES = 5, 10
TOLD_BY_THE_PAGE = ("depends_on_runs",)


@dataclass(frozen=True)
class Seen:
    """One trigger."""

    number: int  # of its card, from 1
    spec: TriggerSpec
    words: str
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    triggers: Sequence[Seen] = ()
    problems: Sequence[str] = ()
    fires: Sequence[tuple[Seen, ComingFire]] = ()
    is_unset: bool = False  # nothing says when yet

    @property
    def is_touched_by_clocks(self) -> bool:
        return any(fire.note and not fire.excluded_by for _, fire in self.fires)


def preview(schedule: Schedule, now: datetime, seed: str = "") -> Preview:
    """``seed`` is the job's uid, which picks its times where the expression says ``H``."""
    asked = [(card, spec) for card, spec in schedule.asked() if schedule.continuous or not card.is_unset]
    if not asked and any(card.is_unset for card in schedule.cards):
        return Preview(is_unset=True)
    problems = [message for _, message in schedule.wrong()]
    over = [(card, spec) for card, spec in asked if _is_over(card, spec, now)]
    to_come = [pair for pair in asked if pair not in over]
    try:
        seen = services().previews.preview([spec for _, spec in to_come], count=_count(to_come), seed=seed)
    except InvalidError as error:
        told = [_labelled(to_come, one.field, sentence(one.message)) for one in error.errors]
        return Preview(problems=[*problems, *dict.fromkeys([*told, *_unix_meant(to_come, now)])])
    gone = [Seen(card.number, spec, trigger_words(spec, seed), ["It is over."]) for card, spec in over]
    shown = [
        Seen(card.number, spec, trigger_words(spec, seed), [*_warnings(each.warnings), *_other_readings(spec, now)])
        for (card, spec), each in zip(to_come, seen.triggers, strict=True)
    ]
    return Preview([*shown, *gone], problems, [(shown[fire.trigger], fire) for fire in seen.fires])


def _is_over(card: Card, spec: TriggerSpec, now: datetime) -> bool:
    return spec is card.present and spec.kind is TriggerKind.ONCE and spec.start_at is not None and spec.start_at <= now


def _count(asked: Sequence[object]) -> int:
    return min(FIRES * max(len(asked), 1), MOST_FIRES)


def _labelled(asked: Sequence[tuple[Card, TriggerSpec]], field: str, message: str) -> str:
    number = field.split(".")[1] if field.startswith("triggers.") else ""
    return f"Trigger {asked[int(number)][0].number}: {message}" if number and len(asked) > 1 else message


def _warnings(found: Sequence[Hint]) -> Iterator[str]:
    return (sentence(hint.message) for hint in found if hint.code not in TOLD_BY_THE_PAGE)


def _unix_meant(asked: Sequence[tuple[Card, TriggerSpec]], now: datetime) -> Iterator[str]:
    """Five fields are no mistake in the dialect that has five."""
    for card, spec in asked:
        if card.mode == "cron" and spec.dialect != "unix":
            *_, unix = readings(spec.expression or "", now, count=0).all
            if unix.expression is not None:
                yield f"Unix reads it: {describe_expression(unix.expression)}. Choose that dialect if you mean it."


def _other_readings(spec: TriggerSpec, now: datetime) -> Iterator[str]:
    """Where other dialects take the same text for something else."""
    if spec.kind is not TriggerKind.CRON or "H" in (spec.expression or "").upper():
        return
    read = readings(spec.expression or "", now, ZoneInfo(spec.timezone), 0)
    if not read.hints:
        return
    own = next(reading for reading in read.possible if reading.dialect == (spec.dialect or "quartz"))
    for other in read.possible:
        if other.expression != own.expression and other.expression is not None:
            words = describe_expression(other.expression)
            yield f"Read as {own.dialect.capitalize()} does; {other.dialect.capitalize()} reads it: {words}."
