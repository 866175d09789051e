"""What triggers will do, and what clock changes will do to jobs."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.errors import InvalidError
from app.core.previews import Preview, preview
from app.core.statuses import CalendarKind, TriggerKind
from app.core.triggers import TriggerSpec, cron, first_fire
from app.schedule.calendars import Daily, Weekly
from app.schedule.changes import Effect
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock

ZONE = "Europe/Paris"
PARIS = ZoneInfo(ZONE)
NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)  # a Friday; the clocks change on Sunday and on 25 October
CALENDARS = {
    "night": Daily(time(2), time(4), zone=PARIS),
    "weekend": Weekly(frozenset({5, 6}), zone=PARIS),
    "all": Weekly(frozenset(range(7)), zone=PARIS),
}


def look(*specs: TriggerSpec, **asked: Any) -> Preview:
    return preview(specs, CALENDARS, NOW, **asked)


def local_times(found: Preview) -> list[str]:
    return [f"{fire.local:%m-%d %H:%M:%S}" for fire in found.fires]


def codes(found: Preview) -> list[str]:
    return [hint.code for hint in found.triggers[0].warnings]


def daily(clock: str, **changes: Any) -> TriggerSpec:
    hour, minute = clock.split(":")
    return replace(cron(f"0 {minute} {hour} * * ?", ZONE), **changes)


def kind(kind: TriggerKind, **fields: Any) -> TriggerSpec:
    return TriggerSpec(kind, ZONE, **fields)


def test_the_fires_of_all_triggers_come_in_the_order_of_time() -> None:
    found = look(daily("18:00"), daily("07:30"), kind(TriggerKind.ONCE, start_at=NOW + timedelta(hours=5)), count=4)

    assert [(fire.trigger, fire.at) for fire in found.fires] == [
        (0, datetime(2026, 3, 27, 17, tzinfo=UTC)),
        (2, datetime(2026, 3, 27, 17, tzinfo=UTC)),
        (1, datetime(2026, 3, 28, 6, 30, tzinfo=UTC)),
        (0, datetime(2026, 3, 28, 17, tzinfo=UTC)),
    ]
    assert [trigger.words for trigger in found.triggers] == [
        "At 18:00, every day (Europe/Paris)", "At 07:30, every day (Europe/Paris)", "Once, at 27 March 2026 17:00 UTC",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "after", "notes"),
    [
        (
            daily("02:30"), datetime(2026, 3, 28, 12, tzinfo=UTC),
            ["02:30 does not exist on 29 March 2026: fires at 03:00", None],
        ),
        (
            daily("02:30"), datetime(2026, 10, 24, 12, tzinfo=UTC),
            ["02:30 comes twice on 25 October 2026: this is the first of the two (CEST)", None],
        ),
        (
            daily("02:30", overlap="second"), datetime(2026, 10, 24, 12, tzinfo=UTC),
            ["02:30 comes twice on 25 October 2026: this is the second of the two (CET)", None],
        ),
        (
            daily("03:00", calendar="weekend"), datetime(2026, 3, 27, 12, tzinfo=UTC),
            ["Left out by calendar 'weekend'", "Left out by calendar 'weekend'", None, None],
        ),
        (daily("12:00"), datetime(2026, 3, 28, 12, tzinfo=UTC), [None, None]),
    ],
    ids=["gap", "overlap, first pass", "overlap, second pass", "calendar", "nothing unusual"],
)  # fmt: skip
def test_what_is_unusual_about_a_fire_is_said(spec: TriggerSpec, after: datetime, notes: list[str | None]) -> None:
    assert [fire.note for fire in look(spec, after=after, count=2).fires] == notes


def test_notes_and_warnings_speak_german() -> None:
    found = look(daily("02:30", overlap="both"), after=datetime(2026, 10, 25, tzinfo=UTC), count=2, locale="de")

    assert [fire.note for fire in found.fires] == [
        "02:30 Uhr gibt es am 25. Oktober 2026 zweimal: hier das erste Mal (CEST)",
        "02:30 Uhr gibt es am 25. Oktober 2026 zweimal: hier das zweite Mal (CET)",
    ]
    assert found.triggers[0].words == "Um 02:30 Uhr, jeden Tag (Europe/Paris)"


def test_fires_that_a_calendar_takes_out_are_shown_beside_those_that_were_asked_for() -> None:
    found = look(daily("03:00", calendar="weekend"), count=2)

    assert [(f"{fire.local:%a}", fire.excluded_by) for fire in found.fires] == [
        ("Sat", "weekend"), ("Sun", "weekend"), ("Mon", None), ("Tue", None),
    ]  # fmt: skip


def test_a_long_closure_is_jumped_over() -> None:
    began = perf_counter()
    found = look(replace(cron("* * * * * ?", ZONE), calendar="weekend"), after=datetime(2026, 3, 28, tzinfo=UTC))

    assert [fire for fire in local_times(found) if fire.startswith("03-30")] == [
        f"03-30 00:00:{second:02}" for second in range(10)
    ]
    assert perf_counter() - began < 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (daily("03:00"), []),
        (cron("0 0 3 ? * 2", ZONE), ["weekday_number"]),
        (cron("0 0 0 30 2 ?", ZONE), ["never_fires"]),
        (cron("0 0 0 1 1 ? 2020", ZONE), ["never_fires"]),
        (daily("03:00", end_at=NOW - timedelta(days=1)), ["ended"]),
        (daily("03:00", calendar="all"), ["calendar_excludes_all"]),
        (daily("03:00", calendar="night"), ["all_excluded"]),
        (daily("02:30", gap="skip"), ["clock_change"]),
        (cron("0 0 * * * ?", ZONE), []),
        (cron("0 */10 2 * * ?", ZONE), ["clock_change"]),
        (cron("* * * * * ?", ZONE), ["every_second"]),
        (cron("0 * * * * ?", ZONE), ["crowded"]),
        (kind(TriggerKind.SIMPLE, every_seconds=86), ["crowded"]),
        (kind(TriggerKind.SIMPLE, every_seconds=87), []),
        (kind(TriggerKind.SIMPLE, every_seconds=1, repeat_count=99), []),
        (kind(TriggerKind.FIXED_DELAY, delay_seconds=5), ["depends_on_runs"]),
        (replace(daily("03:00"), expression="0 H 3 * * ?"), ["spread"]),
    ],
)
def test_what_will_surprise_is_said(spec: TriggerSpec, expected: list[str]) -> None:
    assert codes(look(spec)) == expected


def test_a_seed_picks_the_real_time_of_h() -> None:
    spec = kind(TriggerKind.CRON, expression="H H 3 * * ?", dialect="quartz")
    first = first_fire(spec.row(NOW), NOW, "abcdefghij1")

    found = look(spec, count=1, seed="abcdefghij1")

    assert [fire.at for fire in found.fires] == [first]
    assert codes(found) == []


@pytest.mark.parametrize(
    "spec",
    [
        daily("13:00"),
        daily("13:00", expression="0 0 13 ? * FRI"),
        kind(TriggerKind.SIMPLE, every_seconds=3600),
        kind(TriggerKind.SIMPLE, every_seconds=3600, start_at=NOW - timedelta(hours=3)),
        kind(TriggerKind.CALENDAR_INTERVAL, every_count=1, every_unit="day"),
        kind(TriggerKind.DAILY_INTERVAL, every_seconds=600, from_time="12:00", to_time="14:00"),
        kind(TriggerKind.ONCE, start_at=NOW + timedelta(seconds=1)),
    ],
)
def test_the_first_fire_is_that_of_the_engine(spec: TriggerSpec) -> None:
    assert look(spec, count=1).fires[0].at == first_fire(spec.row(NOW), NOW)


def test_after_is_strict() -> None:
    spec = kind(TriggerKind.SIMPLE, every_seconds=3600, start_at=NOW)

    assert [fire.at - NOW for fire in look(spec, after=NOW, count=2).fires] == [timedelta(hours=1), timedelta(hours=2)]


def test_a_past_moment_can_be_looked_at_again() -> None:
    moment = NOW - timedelta(days=5)

    found = look(kind(TriggerKind.ONCE, start_at=moment), after=moment - timedelta(days=1))

    assert [fire.at for fire in found.fires] == [moment]


@pytest.mark.parametrize(
    ("specs", "asked", "expected"),
    [
        ([kind(TriggerKind.CRON, expression="0 0 25 * * ?", dialect="quartz")], {}, ("triggers.0.expression", "cron")),
        ([daily("03:00"), daily("03:00", calendar="gone")], {}, ("triggers.1.calendar", "unknown")),
        ([daily("03:00", timezone="Mars/Base")], {}, ("triggers.0.timezone", "invalid")),
        ([daily("03:00")], {"count": 0}, ("count", "invalid")),
        ([daily("03:00")], {"count": 1001}, ("count", "invalid")),
        ([daily("03:00")] * 101, {}, ("triggers", "too_many")),
    ],
)
def test_what_is_wrong_is_refused(specs: list[TriggerSpec], asked: dict[str, Any], expected: tuple[str, str]) -> None:
    with pytest.raises(InvalidError) as caught:
        look(*specs, **asked)

    assert [(error.field, error.code) for error in caught.value.errors] == [expected]


def test_the_service_looks_up_calendars_and_the_time(services: Services, clock: FakeClock) -> None:
    services.calendars.save(CalendarSpec("fridays", CalendarKind.WEEKLY, ZONE, {"weekdays": ["FRI"]}))
    clock.now = NOW

    found = services.previews.preview([daily("18:00", calendar="fridays")], count=1)

    assert local_times(found) == ["03-27 18:00:00", "03-28 18:00:00"]


class TestClockChanges:
    @pytest.fixture(autouse=True)
    def _before_the_spring(self, clock: FakeClock) -> None:
        clock.now = NOW

    def test_every_zone_in_use_is_listed_the_nearest_change_first(self, services: Services, make_job: MakeJob) -> None:
        make_job(*(cron("0 0 3 * * ?", zone) for zone in ("UTC", "America/New_York", ZONE)))

        found = services.previews.clock_changes()

        assert [(change.zone.key, change.change and f"{change.change.at:%Y-%m-%d}") for change in found] == [
            (ZONE, "2026-03-29"), ("America/New_York", "2026-11-01"), ("UTC", None),
        ]  # fmt: skip

    def test_each_touched_trigger_says_what_becomes_of_it(self, services: Services, make_job: MakeJob) -> None:
        job = make_job(daily("02:30"), daily("02:45", gap="skip"), daily("12:00"),
                       kind(TriggerKind.SIMPLE, every_seconds=3600))  # fmt: skip
        make_job(daily("02:15"), name="off", enabled=False)

        [found] = services.previews.clock_changes()

        assert found.triggers == 4
        assert [(item.job.uid, item.trigger.id) for item in found.touched] == [
            (job.uid, row.id) for row in (job.triggers[0], job.triggers[1], job.triggers[3])
        ]
        assert [(item.effect, item.effect_words) for item in found.touched] == [
            (Effect.MOVED, "Fires at 03:00 CEST, when its time is left out"),
            (Effect.SKIPPED, "Does not fire at the times left out"),
            (Effect.SHIFTED, "Goes on in real time: its local times are others from then on"),
        ]

    def test_without_jobs_there_is_nothing_to_say(self, services: Services) -> None:
        assert services.previews.clock_changes() == []
