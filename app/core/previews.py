"""What triggers will do: in words, when, and what to look out for. Nothing is stored.

The engine asks the same calculators, so preview and reality cannot differ.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from app.core.calendars import Calendars
from app.core.clock_changes import ZoneChange, clock_changes, is_missed
from app.core.errors import FieldError, InvalidError
from app.core.jobs import Jobs
from app.core.ports import Clock
from app.core.triggers import ANCHORED, TriggerSpec, calculator, problems
from app.schedule.calendars import Calendar
from app.schedule.changes import Effect, effect_of, next_change
from app.schedule.describe import describe, describe_effect, describe_fire
from app.schedule.readings import Hint, hints
from app.schedule.simulate import Fire, simulate
from app.schedule.triggers import TICK, Cron, FixedDelay, Trigger
from app.schedule.words import LOCALES, Words
from app.schedule.zones import LATEST, as_utc

MOST_TRIGGERS = 20
MOST_FIRES = 1_000
CROWD = 1_000  # fires of one trigger within a day, above which there is a warning
MOST_STEPS = 3_000  # moments of one trigger that are looked at while a calendar takes them out
DAY = timedelta(days=1)

PHRASES: dict[str, tuple[str, str]] = {
    "first pass": (
        "{time} comes twice on {date}: this is the first of the two ({zone})",
        "{time} Uhr gibt es am {date} zweimal: hier das erste Mal ({zone})",
    ),
    "second pass": (
        "{time} comes twice on {date}: this is the second of the two ({zone})",
        "{time} Uhr gibt es am {date} zweimal: hier das zweite Mal ({zone})",
    ),
    "spread": (
        "H stands for a time that is picked for each job: the real one is known when the job is there",
        "H steht für eine Zeit, die je Job gewählt wird: die wirkliche steht fest, wenn es den Job gibt",
    ),
    "ended": ("its end lies in the past: it fires no more", "das Ende liegt in der Vergangenheit: läuft nicht mehr"),
    "never fires": ("no moment is left: it does not fire", "kein Zeitpunkt ist übrig: läuft nicht"),
    "calendar excludes all": (
        "calendar '{name}' takes out all time: it never fires",
        "der Kalender „{name}“ nimmt alle Zeit heraus: läuft nie",
    ),
    "all excluded": (
        "calendar '{name}' takes out every time that was looked at",
        "der Kalender „{name}“ nimmt jede Zeit heraus, die angesehen wurde",
    ),
    "crowded": ("fires more than {count} times a day", "läuft mehr als {count}-mal am Tag"),
    "clock change": ("when the clocks change on {date}: {effect}", "bei der Zeitumstellung am {date}: {effect}"),
    "depends on runs": (
        "begins at once when it is switched on; the other times depend on when the runs end",
        "beginnt sofort beim Einschalten; die übrigen Zeiten hängen davon ab, wann die Läufe enden",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TriggerPreview:
    """One trigger in words. Each warning has a stable ``code`` for machines and a ``message`` for people."""

    spec: TriggerSpec
    words: str
    warnings: tuple[Hint, ...]


@dataclass(frozen=True)
class ComingFire:
    """One moment. With ``excluded_by`` (the name of a calendar) the trigger is due then but does not fire."""

    trigger: int  # its place among the triggers, from 0
    at: datetime  # UTC
    local: datetime  # the same in the trigger's zone
    note: str | None  # what is unusual about it: moved or repeated by a clock change, left out by a calendar
    excluded_by: str | None


@dataclass(frozen=True)
class Preview:
    """``fires`` of all triggers in the order of time: as many as asked for, and up to as many that are left out."""

    triggers: tuple[TriggerPreview, ...]
    fires: tuple[ComingFire, ...]


class Previews:
    def __init__(self, jobs: Jobs, calendars: Calendars, clock: Clock) -> None:
        self.jobs = jobs
        self.calendars = calendars
        self.clock = clock

    def preview(
        self,
        specs: Sequence[TriggerSpec],
        after: datetime | None = None,
        count: int = 10,
        seed: str | None = None,
        locale: str = "en",
    ) -> Preview:
        """Say what triggers will do; see ``preview`` below."""
        named = {spec.calendar for spec in specs if spec.calendar}
        known = {name: self.calendars.pure(name) for name in self.calendars.by_id().values() if name in named}
        return preview(specs, known, self.clock(), after=after, count=count, seed=seed, locale=locale)

    def clock_changes(self, locale: str = "en") -> list[ZoneChange]:
        """List the next change of every zone that enabled jobs use, the nearest first, with the jobs it touches."""
        return clock_changes(self.jobs.that_fire(), self.clock(), locale)


def preview(
    specs: Sequence[TriggerSpec],
    calendars: Mapping[str, Calendar],
    now: datetime,
    *,
    after: datetime | None = None,
    count: int = 10,
    seed: str | None = None,
    locale: str = "en",
) -> Preview:
    """Say what triggers would do if they were switched on ``now``: the ``count`` fires strictly after ``after``.

    ``after=None`` means from now on, a first fire right now included. ``seed`` is the job's uid, which picks the times
    that ``H`` stands for. Raises ``InvalidError``, with fields as in ``triggers.problems``.
    """
    _check(specs, calendars, now if after is None else min(as_utc(after), now), count)
    plans = [_Plan.of(number, spec, calendars, now, after, seed) for number, spec in enumerate(specs)]
    found = [_next_moments(plan, count) for plan in plans]
    words = Words(locale)
    shown = [
        TriggerPreview(plan.spec, describe(plan.pure, locale), tuple(_warnings(plan, bool(moments), words)))
        for plan, moments in zip(plans, found, strict=True)
    ]
    fires = [_coming(plans[fire.trigger], fire, words) for fire in _merged(plans, found, count)]
    return Preview(tuple(shown), tuple(fires))


def _check(specs: Sequence[TriggerSpec], calendars: Mapping[str, Calendar], since: datetime, count: int) -> None:
    if len(specs) > MOST_TRIGGERS:
        raise InvalidError.of("triggers", f"at most {MOST_TRIGGERS} triggers", "too_many")
    errors = problems(specs, since)
    for number, spec in enumerate(specs):
        if spec.calendar and spec.calendar not in calendars:
            errors.append(FieldError(f"triggers.{number}.calendar", f"no calendar named {spec.calendar!r}", "unknown"))
    if not 1 <= count <= MOST_FIRES:
        errors.append(FieldError("count", f"must be from 1 to {MOST_FIRES}"))
    if errors:
        raise InvalidError(errors)


@dataclass(frozen=True)
class _Plan:
    number: int
    spec: TriggerSpec
    pure: Trigger
    calendars: Mapping[str, Calendar]
    since: datetime  # UTC; only what comes strictly after it counts

    @classmethod
    def of(
        cls, number: int, spec: TriggerSpec, calendars: Mapping[str, Calendar], now: datetime, after: datetime | None,
        seed: str | None,
    ) -> "_Plan":  # fmt: skip
        pure = dataclasses.replace(calculator(spec.row(now), seed), calendar=spec.calendar)
        since = as_utc(now if after is None else after)
        if after is None and spec.kind in ANCHORED:
            since -= TICK  # as triggers.first_fire has it
        return cls(number, spec, pure, calendars, since)

    @property
    def calendar(self) -> Calendar | None:
        return self.calendars[self.spec.calendar] if self.spec.calendar else None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.spec.timezone)

    def simulate(self, start: datetime, end: datetime) -> Iterator[Fire[int]]:
        return simulate({self.number: self.pure}, self.calendars, start, end)


def _next_moments(plan: _Plan, count: int, until: datetime = LATEST) -> list[datetime]:
    """List the next moments that the calendar leaves. It jumps over what is closed, but not for ever."""
    found: list[datetime] = []
    instant, calendar = plan.since, plan.calendar
    for _ in range(count + MOST_STEPS):
        due = plan.pure.next_after(instant)
        opens = due if due is None or calendar is None else calendar.next_included(due)
        if due is None or opens is None or due > until or len(found) == count:
            break
        if opens == due:
            found.append(due)
        instant = max(due, opens - TICK)
    return found


def _merged(plans: Sequence[_Plan], found: Sequence[list[datetime]], count: int) -> list[Fire[int]]:
    """Merge the moments of all triggers, with those between them that a calendar takes out."""
    moments = sorted((due, plan.number) for plan, dues in zip(plans, found, strict=True) for due in dues)[:count]
    fires = [fire for due, number in moments for fire in plans[number].simulate(due, due)]
    end = fires[-1].instant if len(fires) == count else LATEST
    excluded = [fire for plan in plans if plan.spec.calendar for fire in _excluded(plan, end, count)]
    excluded.sort(key=_order)
    return sorted([*fires, *excluded[:count]], key=_order)


def _excluded(plan: _Plan, end: datetime, count: int) -> Iterator[Fire[int]]:
    looked_at = islice(plan.simulate(plan.since + TICK, end), count + MOST_STEPS)
    return islice((fire for fire in looked_at if fire.is_excluded), count)


def _order(fire: Fire[int]) -> tuple[datetime, int]:
    return fire.instant, fire.trigger


def _coming(plan: _Plan, fire: Fire[int], words: Words) -> ComingFire:
    local = fire.instant.astimezone(plan.zone)
    unusual = describe_fire(fire, plan.zone, words.locale)  # type: ignore[arg-type]  # any key will do
    note = unusual or _overlap_note(local, words)
    return ComingFire(plan.number, fire.instant, local, note, plan.spec.calendar if fire.is_excluded else None)


def _overlap_note(local: datetime, words: Words) -> str | None:
    """A local time that exists has another offset in its other fold only where it comes twice."""
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return None
    phrase = "second pass" if local.fold else "first pass"
    return _say(words, phrase, time=words.clock_of(local), date=words.date(local), zone=local.tzname())


# Warnings


def _warnings(plan: _Plan, fires_again: bool, words: Words) -> Iterator[Hint]:
    known = set()
    if isinstance(plan.pure, Cron):
        for hint in hints(plan.pure.expression, words.locale):
            known.add(hint.code)
            yield hint
        if plan.pure.expression.seed == "":
            yield _hint(words, "spread")
    if not fires_again and "never_fires" not in known:
        yield _why_not(plan, words)
    if "every_second" not in known and _is_crowded(plan):
        yield _hint(words, "crowded", count=f"{CROWD:,}")
    yield from _left_out_by_clocks(plan, words)


def _why_not(plan: _Plan, words: Words) -> Hint:
    if plan.spec.end_at is not None and as_utc(plan.spec.end_at) <= plan.since:
        return _hint(words, "ended")
    if isinstance(plan.pure, FixedDelay):
        return _hint(words, "depends on runs")
    if plan.calendar is not None and plan.pure.next_after(plan.since) is not None:
        closed_for_ever = plan.calendar.excludes_all_after(plan.since)
        return _hint(words, "calendar excludes all" if closed_for_ever else "all excluded", name=plan.spec.calendar)
    return _hint(words, "never fires")


def _is_crowded(plan: _Plan) -> bool:
    first = _next_moments(plan, 1)
    return bool(first) and len(_next_moments(plan, CROWD + 1, first[0] + DAY - TICK)) > CROWD


def _left_out_by_clocks(plan: _Plan, words: Words) -> Iterator[Hint]:
    """A time that is left out has no fire to carry a note, so the trigger tells of it."""
    change = next_change(plan.zone, plan.since)
    touched = effect_of(change, plan.pure) if change else None
    if change and touched and touched.effect is Effect.SKIPPED and is_missed(plan.pure, change):
        effect = describe_effect(touched, plan.zone, words.locale)
        date = words.date(change.at.astimezone(plan.zone))
        yield _hint(words, "clock change", date=date, effect=effect[:1].lower() + effect[1:])


def _hint(words: Words, phrase: str, **parts: object) -> Hint:
    return Hint(phrase.replace(" ", "_"), _say(words, phrase, **parts))


def _say(words: Words, phrase: str, **parts: object) -> str:
    return PHRASES[phrase][LOCALES.index(words.locale)].format(**parts)
