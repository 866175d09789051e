"""The schedule part of the job form: a switch for continuous execution, or any number of trigger cards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from app.core.models import Trigger
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec
from app.web.pages.problems import Problems
from app.web.pages.trigger_card import BLANK, Card, shown

MOST_CARDS = 50
BUTTONS = ("preview", "rehearse", "add", "remove")


@dataclass(frozen=True)
class Schedule:
    cards: Sequence[Card]
    continuous: bool = False
    added: int = 0  # the card that somebody has just added

    def asked(self) -> list[tuple[Card, TriggerSpec]]:
        """The triggers that the form asks for, each with its card."""
        if self.continuous:
            return [(self.cards[0], continuous(self.cards[0].values["timezone"].strip()))]
        return [(card, spec) for card in self.cards if (spec := card.spec()) is not None]

    def specs(self) -> list[TriggerSpec]:
        return [spec for _, spec in self.asked()]

    def wrong(self) -> Problems:
        """What the core cannot see."""
        return [] if self.continuous else [found for card in self.cards for found in card.wrong()]

    def field_of(self, name: str) -> str:
        """The form's field for one in the core's words: ``triggers.0.expression``."""
        _, number, field = name.split(".", 2)
        return self.asked()[int(number)][0].field_of(field)


def continuous(zone: str) -> TriggerSpec:
    return TriggerSpec(TriggerKind.FIXED_DELAY, zone, delay_seconds=0)


def of_job(triggers: Sequence[Trigger], zone: str) -> Schedule:
    """What the form shows for a job's triggers; a new job has none, but a zone of its own to begin with."""
    specs = [TriggerSpec.of(row) for row in triggers]
    if specs and specs == [continuous(specs[0].timezone)]:
        return Schedule([blank(specs[0].timezone)], continuous=True)
    cards = [
        Card(number, shown(spec), str(row.id), spec)
        for number, (row, spec) in enumerate(zip(triggers, specs, strict=True), 1)
    ]
    return Schedule(cards or [blank(zone, "hand")])


def blank(zone: str, mode: str = "preset") -> Card:
    return Card(1, {**BLANK, "timezone": zone, "mode": mode})


def sent(form: MultiDict[str, str], triggers: Sequence[Trigger], zone: str) -> Schedule:
    """The cards as they came back, or changed by the button that was used."""
    zone = triggers[0].timezone if triggers else zone  # continuous execution switches the fields off
    present = {str(row.id): TriggerSpec.of(row) for row in triggers}
    numbers = dict.fromkeys(form.getlist("card") or ["1"])
    cards = [_sent(form, "" if number == "1" else f"-{number}", present, zone) for number in list(numbers)[:MOST_CARDS]]
    removed = [card for number, card in zip(numbers, cards, strict=False) if number != form.get("remove")]
    if "add" in form:
        return _with_one_more(removed, zone)
    return Schedule(_numbered(removed or [blank(zone, "hand")]), bool(form.get("continuous")))


def _sent(form: MultiDict[str, str], suffix: str, present: dict[str, TriggerSpec], zone: str) -> Card:
    values = {name: form.get(name + suffix, default) for name, default in {**BLANK, "timezone": zone}.items()}
    if values["mode"] == "daily":
        values["weekdays"] = ",".join(form.getlist(f"weekdays{suffix}"))
    trigger_id = form.get(f"trigger{suffix}", "")
    return Card(1, values, trigger_id, present.get(trigger_id))


def _with_one_more(cards: Iterable[Card], zone: str) -> Schedule:
    """One that says "by hand only" makes room."""
    numbered = _numbered([*(card for card in cards if card.mode != "hand"), blank(zone)])
    return Schedule(numbered[:MOST_CARDS], added=min(len(numbered), MOST_CARDS))


def _numbered(cards: Sequence[Card]) -> list[Card]:
    return [replace(card, number=number) for number, card in enumerate(cards, 1)]


def is_button(form: MultiDict[str, str]) -> bool:
    """Whether a button inside the form was used, not the one that stores it."""
    return any(name in form for name in BUTTONS)
