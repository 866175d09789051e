"""Misfires: what becomes of the moments at which a trigger was due when nobody looked in time.

Instructions carry Quartz's names. Quartz keeps one "next fire time" and forgets what lies between it and now; Carillon
judges every moment that was expected, so that each has its line in the ledger. A moment is *late* when it is older than
the threshold; younger ones are *fresh* and start as if nothing had happened, unless the whole trigger begins anew now.

Three differences to Quartz 2.5 are meant: a calendar that is closed now also holds back what an instruction makes up
for; ``reschedule_next_with_existing_count`` really leaves the count as it was, as its documentation says; and one fresh
moment spares ``fire_once_now`` the extra run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from app.schedule.calendars import Calendar
from app.schedule.triggers import FixedDelay, Once, Simple, Trigger
from app.schedule.zones import as_utc

DEFAULT_THRESHOLD = timedelta(seconds=60)
MOST_MOMENTS = 10_000


class Misfire(StrEnum):
    """What to do with late moments."""

    SMART = "smart"  # chosen by the kind of trigger, see smart_choice
    IGNORE = "ignore_misfire_policy"  # start every late one too
    FIRE_ONCE_NOW = "fire_once_now"  # one run now on behalf of the newest
    DO_NOTHING = "do_nothing"  # leave them out
    FIRE_NOW = "fire_now"  # one-shots: start now; with repeats the same as reschedule_now_with_remaining...
    NOW_EXISTING = "reschedule_now_with_existing_repeat_count"  # begin anew now, the late ones do not count
    NOW_REMAINING = "reschedule_now_with_remaining_repeat_count"  # begin anew now, the late ones are used up
    NEXT_REMAINING = "reschedule_next_with_remaining_count"  # go on at the next time, the late ones are used up
    NEXT_EXISTING = "reschedule_next_with_existing_count"  # go on at the next time, the late ones do not count
    ASK = "ask"  # Carillon's own: a person decides


_EVERY_KIND = (Misfire.SMART, Misfire.IGNORE, Misfire.ASK)
_COUNTED = (
    Misfire.FIRE_NOW,
    Misfire.NOW_EXISTING,
    Misfire.NOW_REMAINING,
    Misfire.NEXT_REMAINING,
    Misfire.NEXT_EXISTING,
)
_UNCOUNTED = (Misfire.FIRE_ONCE_NOW, Misfire.DO_NOTHING)


def misfire_named(name: str) -> Misfire:
    """Read an instruction's name, with or without Quartz's prefix and in any case.

    :raises ValueError: for an unknown name.
    """
    plain = name.lower().removeprefix("misfire_instruction_")
    return Misfire(plain.removesuffix("_policy") if plain == "smart_policy" else plain)


def instructions_for(trigger: Trigger) -> tuple[Misfire, ...]:
    """List what can be chosen for a trigger: the same as for the kind of Quartz."""
    return _EVERY_KIND + (_COUNTED if isinstance(trigger, Simple | Once) else _UNCOUNTED)


def knows_misfire(trigger: Trigger, name: str) -> bool:
    """Whether a name is one of the instructions that can be chosen for a trigger."""
    try:
        return misfire_named(name) in instructions_for(trigger)
    except ValueError:
        return False


def chosen(trigger: Trigger, instruction: Misfire) -> Misfire:
    """Replace ``smart`` (and ``fire_now`` for what repeats) by what Quartz takes it for.

    :raises ValueError: for an instruction that the kind of trigger does not know.
    """
    if instruction not in instructions_for(trigger):
        raise ValueError(f"a {type(trigger).__name__} trigger has no misfire instruction {instruction.value!r}")
    if instruction is Misfire.SMART:
        return smart_choice(trigger)
    if instruction is Misfire.FIRE_NOW and isinstance(trigger, Simple) and trigger.repeat_count != 0:
        return Misfire.NOW_REMAINING
    return instruction


def smart_choice(trigger: Trigger) -> Misfire:
    match trigger:
        case Once() | Simple(repeat_count=0):
            return Misfire.FIRE_NOW
        case Simple(repeat_count=None):
            return Misfire.NEXT_REMAINING
        case Simple():
            return Misfire.NOW_EXISTING
    return Misfire.FIRE_ONCE_NOW


class Outcome(StrEnum):
    """What becomes of a moment."""

    START = "start"
    START_LATE = "start_late"  # made up for, by the misfire instruction
    LATE = "late"  # left out
    COALESCED = "coalesced"  # left out, a newer start stands for it
    ASK = "ask"
    EXCLUDED = "excluded"  # by the trigger's calendar


@dataclass(frozen=True, slots=True)
class Judged:
    """A moment (UTC) at which the trigger was due, and what becomes of it."""

    moment: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """All moments until now in their order, and how it goes on.

    ``next_for`` is the next moment, ``None`` when the trigger has come to its end (a fixed delay waits for the end of
    the run instead). ``trigger`` is the given one, or one that begins anew: keep the original beside it. With
    ``has_more`` the list was cut, and ``next_for`` is a moment of the past to go on from.
    """

    fires: tuple[Judged, ...]
    next_for: datetime | None
    trigger: Trigger
    has_more: bool = False

    @property
    def starts(self) -> list[datetime]:
        return [fire.moment for fire in self.fires if fire.outcome in (Outcome.START, Outcome.START_LATE)]


def judge(
    trigger: Trigger,
    next_for: datetime,
    now: datetime,
    instruction: Misfire = Misfire.SMART,
    threshold: timedelta = DEFAULT_THRESHOLD,
    calendar: Calendar | None = None,
    limit: int = MOST_MOMENTS,
) -> Verdict:
    """Say what becomes of each moment from ``next_for``, the first one not yet judged, to ``now``, both included.

    A moment is late when it is *more* than ``threshold`` old, as in Quartz's database store.

    :raises ValueError: for an instruction that the kind of trigger does not know.
    """
    instruction = chosen(trigger, instruction)
    case = _look(trigger, as_utc(next_for), as_utc(now), threshold, calendar, limit)
    return _RULES[instruction](case) if case.late else case.verdict()


@dataclass(frozen=True, slots=True)
class _Case:
    """One trigger at one look: moments that are excluded, late and fresh, and the first moment after them."""

    trigger: Trigger
    now: datetime
    excluded: Sequence[datetime]
    late: Sequence[datetime]
    fresh: Sequence[datetime]
    following: datetime | None
    is_closed: bool  # the calendar excludes the present

    @property
    def has_more(self) -> bool:
        return self.following is not None and self.following <= self.now

    def verdict(
        self,
        late: Outcome = Outcome.LATE,
        *,
        newest_late: Outcome | None = None,
        fresh: Outcome = Outcome.START,
        also: Sequence[datetime] = (),
    ) -> Verdict:
        """Judge late and fresh moments alike; ``also`` starts besides them."""
        outcomes = dict.fromkeys(self.excluded, Outcome.EXCLUDED)
        outcomes |= dict.fromkeys(self.late, late) | dict.fromkeys(self.fresh, fresh)
        if newest_late is not None:
            outcomes[self.late[-1]] = newest_late
        outcomes |= dict.fromkeys(also, Outcome.START_LATE)
        fires = tuple(Judged(moment, outcomes[moment]) for moment in sorted(outcomes))
        return Verdict(fires, self.following, self.trigger, self.has_more)


def _look(
    trigger: Trigger,
    next_for: datetime,
    now: datetime,
    threshold: timedelta,
    calendar: Calendar | None,
    limit: int,
) -> _Case:
    moments, following = _expected(trigger, next_for, now, limit)
    excluded = [moment for moment in moments if calendar is not None and calendar.excludes(moment)]
    taken_out = frozenset(excluded)
    left = [moment for moment in moments if moment not in taken_out]
    late = [moment for moment in left if now - moment > threshold]
    is_closed = calendar is not None and calendar.excludes(now)
    return _Case(trigger, now, excluded, late, left[len(late) :], following, is_closed)


def _expected(
    trigger: Trigger, next_for: datetime, now: datetime, limit: int
) -> tuple[list[datetime], datetime | None]:
    """List the moments until now, at most ``limit``, and the first one after them."""
    if next_for > now:
        return [], next_for
    moments = [next_for]
    for moment in islice(trigger.fires_after(next_for), limit):
        if moment > now or len(moments) == limit:
            return moments, moment
        moments.append(moment)
    return moments, None


# The instructions, each for a case with at least one late moment.


def _ignore(case: _Case) -> Verdict:
    return case.verdict(late=Outcome.START_LATE)


def _do_nothing(case: _Case) -> Verdict:
    verdict = case.verdict(late=Outcome.LATE)
    if isinstance(case.trigger, FixedDelay):
        return replace(verdict, next_for=case.trigger.after_end(case.now))
    return verdict


def _ask(case: _Case) -> Verdict:
    return case.verdict(late=Outcome.ASK)


def _fire_once_now(case: _Case) -> Verdict:
    if case.fresh or case.has_more:
        return case.verdict(late=Outcome.COALESCED)  # a newer moment stands for the late ones
    if case.is_closed:
        return case.verdict(late=Outcome.LATE)
    return case.verdict(late=Outcome.COALESCED, newest_late=Outcome.START_LATE)


def _fire_now(case: _Case) -> Verdict:
    return case.verdict(late=Outcome.LATE if case.is_closed else Outcome.START_LATE)


def _begin_anew(case: _Case, *, late_count: bool) -> Verdict:
    """Let the trigger begin again now; with ``late_count`` the moments it missed are used up."""
    trigger = case.trigger
    if not isinstance(trigger, Simple):
        return _fire_now(case)
    if case.has_more:
        return case.verdict(late=Outcome.COALESCED)
    if case.is_closed or (trigger.end is not None and trigger.end < case.now):
        return case.verdict(late=Outcome.LATE)
    count = trigger.repeat_count
    if count is not None:
        used = trigger.number_of(case.late[0])
        if late_count:
            used += (case.now - case.late[0]) // trigger.every  # the start now stands for the last of them
        count = max(0, count - used)
    anew = replace(trigger, start=case.now, repeat_count=count)
    verdict = case.verdict(late=Outcome.COALESCED, fresh=Outcome.COALESCED, also=[case.now])
    return replace(verdict, trigger=anew, next_for=anew.next_after(case.now))


def _now_existing(case: _Case) -> Verdict:
    return _begin_anew(case, late_count=False)


def _now_remaining(case: _Case) -> Verdict:
    return _begin_anew(case, late_count=True)


def _next_remaining(case: _Case) -> Verdict:
    return case.verdict(late=Outcome.LATE)


def _next_existing(case: _Case) -> Verdict:
    """Go on along the same grid, which the late moments have not shortened."""
    verdict = case.verdict(late=Outcome.LATE)
    trigger = case.trigger
    if not isinstance(trigger, Simple) or trigger.repeat_count is None or case.has_more:
        return verdict
    left = trigger.repeat_count - trigger.number_of(case.late[0]) - len(case.fresh)
    begins = replace(trigger, repeat_count=None).next_after(case.now)
    if left < 0 or begins is None:
        return replace(verdict, next_for=None)
    return replace(verdict, trigger=replace(trigger, start=begins, repeat_count=left), next_for=begins)


_RULES: dict[Misfire, Callable[[_Case], Verdict]] = {
    Misfire.IGNORE: _ignore,
    Misfire.FIRE_ONCE_NOW: _fire_once_now,
    Misfire.DO_NOTHING: _do_nothing,
    Misfire.FIRE_NOW: _fire_now,
    Misfire.NOW_EXISTING: _now_existing,
    Misfire.NOW_REMAINING: _now_remaining,
    Misfire.NEXT_REMAINING: _next_remaining,
    Misfire.NEXT_EXISTING: _next_existing,
    Misfire.ASK: _ask,
}
