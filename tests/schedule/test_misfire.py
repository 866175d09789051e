"""Misfires: every instruction for every kind of trigger, around the threshold, with and without a calendar."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.schedule.calendars import Daily, Weekly
from app.schedule.cron import parse
from app.schedule.misfire import Misfire, Outcome, chosen, instructions_for, judge, misfire_named
from app.schedule.triggers import CalendarInterval, Cron, DailyTimeInterval, FixedDelay, Once, Simple

ZONE_UTC = ZoneInfo("UTC")
TEN = datetime(2026, 1, 1, 10, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

HOURLY = Cron(parse("0 0 * * * ?"), ZONE_UTC)
KINDS = {
    "cron": HOURLY,
    "calendar interval": CalendarInterval(1, "hour", TEN - 3 * HOUR, ZONE_UTC),
    "daily interval": DailyTimeInterval(HOUR, time(0), time(23), ZONE_UTC),
    "fixed delay": FixedDelay(HOUR),
    "once": Once(TEN),
    "one-shot": Simple(HOUR, TEN, repeat_count=0),
    "endless": Simple(HOUR, TEN - 3 * HOUR),
    "counted": Simple(HOUR, TEN - 3 * HOUR, repeat_count=9),  # 07:00 to 16:00
}
REPEATING = [name for name in KINDS if name not in ("fixed delay", "once", "one-shot")]
ALL_OF_EVERY_KIND = [
    pytest.param(trigger, instruction, id=f"{name}-{instruction.value}")
    for name, trigger in KINDS.items()
    for instruction in instructions_for(trigger)
]
SHORT = {
    Outcome.START: "+", Outcome.START_LATE: "!", Outcome.LATE: "-", Outcome.COALESCED: ".", Outcome.ASK: "?",
    Outcome.EXCLUDED: "x",
}  # fmt: skip


def shown(verdict):
    """The moments as "10:00 +", the next one and, for a trigger that began anew, its new count."""
    fires = " ".join(f"{fire.moment:%H:%M}{SHORT[fire.outcome]}" for fire in verdict.fires)
    following = "end" if verdict.next_for is None else f"{verdict.next_for:%H:%M}"
    count = getattr(verdict.trigger, "repeat_count", None)
    return f"{fires} > {following}" + ("" if count is None else f" count {count}")


@pytest.mark.parametrize(("trigger", "instruction"), ALL_OF_EVERY_KIND)
def test_before_and_at_the_threshold_everything_just_starts(trigger, instruction):
    for age in (timedelta(0), 59 * SECOND, 60 * SECOND):
        verdict = judge(trigger, TEN, TEN + age, instruction)

        assert verdict.starts == [TEN]
        assert verdict.trigger == trigger
        assert verdict.next_for == trigger.next_after(TEN)


@pytest.mark.parametrize(("trigger", "instruction"), ALL_OF_EVERY_KIND)
def test_nothing_is_judged_before_it_is_due(trigger, instruction):
    verdict = judge(trigger, TEN, TEN - SECOND, instruction)

    assert (verdict.fires, verdict.next_for) == ((), TEN)


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (Misfire.SMART, "10:00. 11:00. 12:00! > 13:00"),
        (Misfire.FIRE_ONCE_NOW, "10:00. 11:00. 12:00! > 13:00"),
        (Misfire.DO_NOTHING, "10:00- 11:00- 12:00- > 13:00"),
        (Misfire.IGNORE, "10:00! 11:00! 12:00! > 13:00"),
        (Misfire.ASK, "10:00? 11:00? 12:00? > 13:00"),
    ],
)
@pytest.mark.parametrize("kind", ["cron", "calendar interval", "daily interval"])
def test_schedules_of_the_wall_clock(kind, instruction, expected):
    assert shown(judge(KINDS[kind], TEN, TEN + 2 * HOUR + 61 * SECOND, instruction)) == expected


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (Misfire.SMART, "10:00. 11:00. 12:00+ > 13:00"),
        (Misfire.DO_NOTHING, "10:00- 11:00- 12:00+ > 13:00"),
        (Misfire.IGNORE, "10:00! 11:00! 12:00+ > 13:00"),
        (Misfire.ASK, "10:00? 11:00? 12:00+ > 13:00"),
    ],
)
def test_a_moment_younger_than_the_threshold_starts_whatever_became_of_the_older_ones(instruction, expected):
    assert shown(judge(HOURLY, TEN, TEN + 2 * HOUR + 30 * SECOND, instruction)) == expected


@pytest.mark.parametrize(
    ("kind", "instruction", "expected"),
    [
        ("endless", Misfire.SMART, "10:00- 11:00- 12:00- > 13:00"),
        ("endless", Misfire.FIRE_NOW, "10:00. 11:00. 12:00. 12:30! > 13:30"),
        ("endless", Misfire.NOW_EXISTING, "10:00. 11:00. 12:00. 12:30! > 13:30"),
        ("endless", Misfire.NOW_REMAINING, "10:00. 11:00. 12:00. 12:30! > 13:30"),
        ("endless", Misfire.NEXT_REMAINING, "10:00- 11:00- 12:00- > 13:00"),
        ("endless", Misfire.NEXT_EXISTING, "10:00- 11:00- 12:00- > 13:00"),
        ("endless", Misfire.IGNORE, "10:00! 11:00! 12:00! > 13:00"),
        ("endless", Misfire.ASK, "10:00? 11:00? 12:00? > 13:00"),
        # ten fires in all, three of them done: seven are left when none is used up, 13:00 to 16:00 otherwise
        ("counted", Misfire.SMART, "10:00. 11:00. 12:00. 12:30! > 13:30 count 6"),
        ("counted", Misfire.FIRE_NOW, "10:00. 11:00. 12:00. 12:30! > 13:30 count 4"),
        ("counted", Misfire.NOW_EXISTING, "10:00. 11:00. 12:00. 12:30! > 13:30 count 6"),
        ("counted", Misfire.NOW_REMAINING, "10:00. 11:00. 12:00. 12:30! > 13:30 count 4"),
        ("counted", Misfire.NEXT_REMAINING, "10:00- 11:00- 12:00- > 13:00 count 9"),
        ("counted", Misfire.NEXT_EXISTING, "10:00- 11:00- 12:00- > 13:00 count 6"),
        ("counted", Misfire.IGNORE, "10:00! 11:00! 12:00! > 13:00 count 9"),
        ("one-shot", Misfire.SMART, "10:00! > end count 0"),
        ("one-shot", Misfire.FIRE_NOW, "10:00! > end count 0"),
        ("one-shot", Misfire.NOW_EXISTING, "10:00. 12:30! > end count 0"),
        ("one-shot", Misfire.NEXT_REMAINING, "10:00- > end count 0"),
        ("once", Misfire.SMART, "10:00! > end"),
        ("once", Misfire.NOW_EXISTING, "10:00! > end"),
        ("once", Misfire.NEXT_EXISTING, "10:00- > end"),
        ("once", Misfire.ASK, "10:00? > end"),
        ("fixed delay", Misfire.SMART, "10:00! > end"),
        ("fixed delay", Misfire.DO_NOTHING, "10:00- > 13:30"),
        ("fixed delay", Misfire.ASK, "10:00? > end"),
    ],
)
def test_fixed_rates_and_single_moments(kind, instruction, expected):
    assert shown(judge(KINDS[kind], TEN, TEN + 2 * HOUR + 30 * MINUTE, instruction)) == expected


def test_a_count_that_was_missed_as_a_whole():
    trigger = Simple(HOUR, TEN, repeat_count=1, end=TEN + 8 * HOUR)
    now = TEN + 5 * HOUR + 30 * MINUTE

    assert shown(judge(trigger, TEN, now, Misfire.NOW_REMAINING)) == "10:00. 11:00. 15:30! > end count 0"
    assert shown(judge(trigger, TEN, now, Misfire.NOW_EXISTING)) == "10:00. 11:00. 15:30! > 16:30 count 1"
    assert shown(judge(trigger, TEN, now, Misfire.NEXT_REMAINING)) == "10:00- 11:00- > end count 1"
    assert shown(judge(trigger, TEN, now, Misfire.NEXT_EXISTING)) == "10:00- 11:00- > 16:00 count 1"
    assert shown(judge(trigger, TEN, now + 9 * HOUR, Misfire.NOW_EXISTING)) == "10:00- 11:00- > end count 1"
    assert shown(judge(trigger, TEN, now + 9 * HOUR, Misfire.NEXT_EXISTING)) == "10:00- 11:00- > end count 1"


def test_a_calendar_takes_out_moments_and_they_are_not_missed():
    lunch = Daily(time(11), time(12))

    assert shown(judge(HOURLY, TEN, TEN + 2 * HOUR + 30 * MINUTE, calendar=lunch)) == "10:00. 11:00x 12:00! > 13:00"
    assert shown(judge(HOURLY, TEN + HOUR, TEN + 90 * MINUTE, calendar=lunch)) == "11:00x > 12:00"


@pytest.mark.parametrize("kind", ["cron", "one-shot", "counted", "once"])
def test_nothing_is_made_up_for_while_the_calendar_is_closed(kind):
    verdict = judge(KINDS[kind], TEN, TEN + 90 * MINUTE, calendar=Daily(time(11), time(12)))

    assert verdict.starts == []
    assert verdict.fires[0].outcome is Outcome.LATE


def test_everything_excluded_is_told_as_such():
    verdict = judge(HOURLY, TEN, TEN + 2 * HOUR, calendar=Weekly(frozenset(range(7))))

    assert shown(verdict) == "10:00x 11:00x 12:00x > 13:00"


def test_a_long_list_is_cut_and_goes_on_where_it_was_cut():
    now, due, starts, looks = TEN + 24 * HOUR + MINUTE + SECOND, TEN, [], 0
    while due <= now:
        verdict = judge(HOURLY, due, now, limit=10)
        assert verdict.has_more == (verdict.next_for <= now)
        due, starts, looks = verdict.next_for, starts + verdict.starts, looks + 1

    assert (starts, looks) == ([TEN + 24 * HOUR], 3)


def test_smart_is_what_quartz_takes_it_for():
    assert {name: chosen(trigger, Misfire.SMART) for name, trigger in KINDS.items()} == {
        "cron": Misfire.FIRE_ONCE_NOW,
        "calendar interval": Misfire.FIRE_ONCE_NOW,
        "daily interval": Misfire.FIRE_ONCE_NOW,
        "fixed delay": Misfire.FIRE_ONCE_NOW,
        "once": Misfire.FIRE_NOW,
        "one-shot": Misfire.FIRE_NOW,
        "endless": Misfire.NEXT_REMAINING,
        "counted": Misfire.NOW_EXISTING,
    }


def test_an_instruction_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="a Cron trigger has no misfire instruction 'fire_now'"):
        judge(HOURLY, TEN, TEN, Misfire.FIRE_NOW)
    with pytest.raises(ValueError, match="a Simple trigger has no misfire instruction 'do_nothing'"):
        judge(KINDS["endless"], TEN, TEN, Misfire.DO_NOTHING)


@pytest.mark.parametrize(
    ("name", "instruction"),
    [
        ("smart", Misfire.SMART),
        ("SMART_POLICY", Misfire.SMART),
        ("MISFIRE_INSTRUCTION_SMART_POLICY", Misfire.SMART),
        ("MISFIRE_INSTRUCTION_IGNORE_MISFIRE_POLICY", Misfire.IGNORE),
        ("DO_NOTHING", Misfire.DO_NOTHING),
        ("MISFIRE_INSTRUCTION_RESCHEDULE_NEXT_WITH_EXISTING_COUNT", Misfire.NEXT_EXISTING),
        ("MISFIRE_INSTRUCTION_RESCHEDULE_NOW_WITH_REMAINING_REPEAT_COUNT", Misfire.NOW_REMAINING),
        ("ask", Misfire.ASK),
    ],
)
def test_instructions_are_known_by_the_names_of_quartz(name, instruction):
    assert misfire_named(name) is instruction


def test_an_unknown_instruction_is_refused():
    with pytest.raises(ValueError, match="coalesce"):
        misfire_named("coalesce")
