"""Which schedules OpenSpecimen has words for."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, cron
from app.web.openspecimen.schedules import NOTHING, schedule_of
from tests.web.conftest import ZONE, after, every

NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)
SAID = {
    "0 * * * * ?": {"repeatSchedule": "MINUTELY", "minutelyInterval": 1},
    "0 0/15 * * * ?": {"repeatSchedule": "MINUTELY", "minutelyInterval": 15},
    "0 0,30 * * * ?": {"repeatSchedule": "MINUTELY", "minutelyInterval": 30},
    "0 10 * * * ?": {"repeatSchedule": "HOURLY", "hourlyInterval": 1, "scheduledMinute": 10},
    "0 10 */6 ? * *": {"repeatSchedule": "HOURLY", "hourlyInterval": 6, "scheduledMinute": 10},
    "0 30 23 * * ?": {"repeatSchedule": "DAILY", "scheduledHour": 23, "scheduledMinute": 30},
    "0 0 0 * * *": {"repeatSchedule": "DAILY", "scheduledHour": 0, "scheduledMinute": 0},
    "0 0 3 ? * MON": {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": "MONDAY", "scheduledHour": 3},
    "0 0 3 ? * 1": {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": "SUNDAY", "scheduledHour": 3},
    "0 0 3 * * 7": {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": "SUNDAY", "scheduledHour": 3},
    "0 0 3 1 * ?": {"repeatSchedule": "MONTHLY", "scheduledDayOfMonth": 1, "scheduledHour": 3},
}
UNSAID = [
    "*/2 * * * * ?",
    "30 0 3 * * ?",
    "0 0/7 * * * ?",
    "0 5/15 * * * ?",
    "0 0/15 8 * * ?",
    "0 0 8-17 * * ?",
    "0 0 3 ? * MON-FRI",
    "0 0 3 L * ?",
    "0 0 3 15W * ?",
    "0 0 3 ? * MON#1",
    "0 0 3 1 1 ?",
    "0 0 3 * * ? 2030",
    "0 0/15 * 1 * ?",
    "0 10 * ? * MON",
]


NOON = 1772453220000  # the same in milliseconds


def each(unit: str, count: int) -> TriggerSpec:
    return TriggerSpec(TriggerKind.CALENDAR_INTERVAL, ZONE, every_count=count, every_unit=unit, start_at=NOW)


def said(*specs: TriggerSpec) -> dict[str, Any]:
    return schedule_of([spec.row(NOW) for spec in specs], "Bw37TPfnCkL", NOW)


@pytest.mark.parametrize(("expression", "words"), SAID.items(), ids=SAID.keys())
def test_cron_expressions_that_can_be_said(expression: str, words: dict[str, Any]) -> None:
    found = said(cron(expression, ZONE))

    assert found == NOTHING | found | words
    assert found["schedule"].endswith(f"({ZONE})")


@pytest.mark.parametrize("expression", UNSAID)
def test_cron_expressions_that_cannot_be_said(expression: str) -> None:
    found = said(cron(expression, ZONE))

    assert found == {
        **NOTHING, "repeatSchedule": "ONDEMAND", "startDate": NOON, "endDate": None, "schedule": found["schedule"]
    }  # fmt: skip
    assert found["schedule"].endswith(f"({ZONE})")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            every(300),
            {
                "repeatSchedule": "MINUTELY",
                "minutelyInterval": 5,
                "schedule": "Every 5 minutes, counted from 2 March 2026 12:07 UTC",
            },
        ),
        (every(7200), {"repeatSchedule": "HOURLY", "hourlyInterval": 2, "scheduledMinute": 7}),
        (
            every(90),
            {"repeatSchedule": "ONDEMAND", "schedule": "Every 90 seconds, counted from 2 March 2026 12:07 UTC"},
        ),
        (after(60), {"repeatSchedule": "MINUTELY", "schedule": "1 minute after the end of the run before"}),
        (
            after(0),
            {
                "repeatSchedule": "MINUTELY",
                "minutelyInterval": 0,
                "schedule": "Without a pause, one run after the other",
            },
        ),
        (each("day", 1), {"repeatSchedule": "DAILY", "scheduledHour": 13, "scheduledMinute": 7}),
        (each("week", 1), {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": "MONDAY", "scheduledHour": 13}),
        (each("month", 1), {"repeatSchedule": "MONTHLY", "scheduledDayOfMonth": 2, "scheduledHour": 13}),
        (each("month", 2), {"repeatSchedule": "ONDEMAND"}),
        (each("hour", 1), {"repeatSchedule": "ONDEMAND"}),
        (
            TriggerSpec(TriggerKind.ONCE, ZONE, start_at=NOW),
            {"repeatSchedule": "ONDEMAND", "schedule": "Once, at 2 March 2026 12:07 UTC"},
        ),
    ],
    ids=["minutes", "hours", "seconds", "delay", "continuous", "day", "week", "month", "months", "hour", "once"],
)
def test_other_triggers(spec: TriggerSpec, words: dict[str, Any], app: Flask) -> None:
    with app.app_context():
        found = said(spec)

    assert found == found | words


def test_several_triggers_and_none() -> None:
    both = said(cron("0 0 3 * * ?", ZONE), every(60))

    assert (both["repeatSchedule"], both["schedule"]) == (
        "ONDEMAND",
        "At 03:00, every day (Europe/Paris); Every minute, counted from 2 March 2026 12:07 UTC",
    )
    assert said() == {**NOTHING, "repeatSchedule": "ONDEMAND", "startDate": NOON, "endDate": None, "schedule": None}


@pytest.mark.parametrize("kind", TriggerKind)
def test_every_kind_of_trigger_has_words(kind: TriggerKind, app: Flask) -> None:
    spec = TriggerSpec(
        kind, ZONE, expression="H H 3 ? * *", dialect="quartz", every_seconds=90, delay_seconds=5, start_at=NOW,
        every_count=2, every_unit="month", from_time="08:00", to_time="10:00",
    )  # fmt: skip
    with app.app_context():
        assert said(spec)["schedule"]
