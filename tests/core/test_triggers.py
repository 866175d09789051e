"""From what people ask for to the calculator: every kind of trigger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, calculator, cron, first_fire, problems, read_cron
from app.schedule.cron import CronSyntaxError

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
JANUARY = datetime(2026, 1, 31, 9, tzinfo=UTC)
SIMPLE = TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=600)
MONTHLY = TriggerSpec(TriggerKind.CALENDAR_INTERVAL, "UTC", every_count=1, every_unit="month")
SHIFTS = TriggerSpec(TriggerKind.DAILY_INTERVAL, "UTC", every_seconds=4320, from_time="08:00", to_time="17:30",
                     weekdays="MON,TUE,WED,THU,FRI")  # fmt: skip


def fires(spec: TriggerSpec, count: int, seed: str = "uid") -> list[str]:
    row = spec.row(NOW)
    moments = [first_fire(row, NOW, seed)]
    while len(moments) < count and moments[-1]:
        moments.append(calculator(row, seed).next_after(moments[-1]))
    return [f"{moment:%d.%m. %H:%M}" for moment in moments if moment]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (cron("0 30 6 ? * MON-FRI", "UTC"), ["03.03. 06:30", "04.03. 06:30", "05.03. 06:30"]),
        (SIMPLE, ["02.03. 12:00", "02.03. 12:10", "02.03. 12:20"]),
        (replace(SIMPLE, repeat_count=1), ["02.03. 12:00", "02.03. 12:10"]),
        (replace(SIMPLE, end_at=NOW + timedelta(minutes=15)), ["02.03. 12:00", "02.03. 12:10"]),
        (replace(MONTHLY, start_at=JANUARY), ["31.03. 09:00", "30.04. 09:00", "31.05. 09:00"]),
        (SHIFTS, ["02.03. 12:48", "02.03. 14:00", "02.03. 15:12"]),
        (TriggerSpec(TriggerKind.ONCE, "UTC", start_at=NOW + timedelta(days=1)), ["03.03. 12:00"]),
        (TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=5), ["02.03. 12:00"]),
    ],
    ids=lambda value: value.kind.value if isinstance(value, TriggerSpec) else None,
)  # fmt: skip
def test_each_kind_fires_when_it_says(spec: TriggerSpec, expected: list[str]) -> None:
    assert problems([spec], NOW) == []
    assert fires(spec, 3) == expected


def test_a_hash_spreads_jobs_and_stays_the_same_for_each() -> None:
    spec = TriggerSpec(TriggerKind.CRON, "UTC", expression="H H 3 ? * *", dialect="quartz")

    assert problems([spec], NOW) == []
    assert fires(spec, 2, "one") == fires(spec, 2, "one")
    assert len({tuple(fires(spec, 1, f"job {number}")) for number in range(20)}) > 10


@pytest.mark.parametrize(
    ("spec", "change", "field"),
    [
        (SIMPLE, {"every_seconds": 0}, "every_seconds"),
        (SIMPLE, {"repeat_count": -1}, "repeat_count"),
        (SIMPLE, {"misfire": "fire_once_now"}, "misfire"),
        (SIMPLE, {"misfire": "nonsense"}, "misfire"),
        (SIMPLE, {"end_at": NOW - timedelta(days=1), "start_at": NOW}, "end_at"),
        (SIMPLE, {"misfire_threshold_seconds": -1}, "misfire_threshold_seconds"),
        (MONTHLY, {"every_count": 0}, "every_count"),
        (MONTHLY, {"every_unit": "fortnights"}, "every_unit"),
        (MONTHLY, {"month_end": "round"}, "month_end"),
        (SHIFTS, {"from_time": "8 o'clock"}, "from_time"),
        (SHIFTS, {"to_time": None}, "to_time"),
        (SHIFTS, {"weekdays": "MON,FUNDAY"}, "weekdays"),
        (cron("0 0 3 * * ?", "UTC"), {"gap": "jump"}, "gap"),
        (cron("0 0 3 * * ?", "UTC"), {"overlap": "thrice"}, "overlap"),
        (cron("0 0 3 * * ?", "UTC"), {"misfire": "fire_now"}, "misfire"),
        (cron("0 0 3 * * ?", "UTC"), {"dialect": "cobol"}, "dialect"),
        (cron("0 0 3 * * ?", "UTC"), {"timezone": "../etc/passwd"}, "timezone"),
    ],
)
def test_what_is_wrong_is_named(spec: TriggerSpec, change: dict[str, Any], field: str) -> None:
    assert [error.field for error in problems([replace(spec, **change)], NOW)] == [f"triggers.0.{field}"]


def test_an_expression_is_read_as_quartz_and_else_as_spring() -> None:
    assert read_cron("0 0 3 ? * MON").dialect == "quartz"
    assert read_cron("0 0 0 * * *").dialect == "spring"
    assert read_cron("@daily").dialect == "spring"
    with pytest.raises(CronSyntaxError, match="25"):
        read_cron("0 0 25 * * *")


def test_an_open_anchor_stays_what_it_was() -> None:
    row = SIMPLE.row(NOW)

    assert SIMPLE.says_the_same(row)
    assert not replace(SIMPLE, every_seconds=60).says_the_same(row)
    assert not replace(SIMPLE, start_at=NOW + timedelta(days=1)).says_the_same(row)


def test_a_cap_on_what_is_made_up_for_belongs_to_the_trigger() -> None:
    capped = replace(cron("0 0 3 * * ?", "UTC"), catch_up_cap=3)

    assert TriggerSpec.of(capped.row(NOW)) == capped
    assert not replace(capped, catch_up_cap=None).says_the_same(capped.row(NOW))
    assert [error.field for error in problems([replace(capped, catch_up_cap=-1)], NOW)] == ["triggers.0.catch_up_cap"]
