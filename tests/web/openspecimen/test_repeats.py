"""Repeat schedules become triggers, and are read back as they were said."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.core.models import Trigger
from app.core.triggers import calculator
from app.web.openspecimen.repeats import trigger_for
from app.web.openspecimen.schedules import schedule_of
from app.web.openspecimen.schemas import Asked, ScheduledJob
from tests.web.conftest import ZONE

NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)  # 13:07 in Paris, a Monday
PARIS = ZoneInfo(ZONE)


def asked(repeat: str, **members: Any) -> Asked:
    loaded: Asked = ScheduledJob().load({"repeatSchedule": repeat, **members})
    return loaded


def row_of(wanted: Asked) -> Trigger:
    made = trigger_for(wanted, NOW, PARIS)
    assert made is not None
    return made.row(NOW)


def next_times(row: Trigger, count: int) -> list[str]:
    pure, found, moment = calculator(row), [], NOW
    for _ in range(count):
        following = pure.next_after(moment)
        assert following is not None
        moment = following
        found.append(moment.astimezone(PARIS).strftime("%a %d %b %H:%M"))
    return found


SCHEDULES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "every hour": ("HOURLY", {"scheduledMinute": 5}, ["Mon 02 Mar 14:05", "Mon 02 Mar 15:05"]),
    "every 2 hours, minute to come": (
        "HOURLY", {"scheduledMinute": 30, "hourlyInterval": 2}, ["Mon 02 Mar 13:30", "Mon 02 Mar 15:30"],
    ),
    "every 2 hours, minute reached": (
        "HOURLY", {"scheduledMinute": 7, "hourlyInterval": 2}, ["Mon 02 Mar 15:07", "Mon 02 Mar 17:07"],
    ),
    "every 5 hours": (
        "HOURLY", {"scheduledMinute": 0, "hourlyInterval": 5}, ["Mon 02 Mar 18:00", "Mon 02 Mar 23:00"],
    ),
    "daily": ("DAILY", {"scheduledHour": 23, "scheduledMinute": 0}, ["Mon 02 Mar 23:00", "Tue 03 Mar 23:00"]),
    "daily, time is past": (
        "DAILY", {"scheduledHour": 13, "scheduledMinute": 7}, ["Tue 03 Mar 13:07", "Wed 04 Mar 13:07"],
    ),
    "weekly": (
        "WEEKLY", {"scheduledHour": 3, "scheduledMinute": 15, "scheduledDayOfWeek": "SUNDAY"},
        ["Sun 08 Mar 03:15", "Sun 15 Mar 03:15"],
    ),
    "monthly": (
        "MONTHLY", {"scheduledHour": 3, "scheduledMinute": 0, "scheduledDayOfMonth": 28},
        ["Sat 28 Mar 03:00", "Tue 28 Apr 03:00"],
    ),
    "monthly on a day that months lack": (
        "MONTHLY", {"scheduledHour": 4, "scheduledMinute": 0, "scheduledDayOfMonth": 31},
        ["Tue 03 Mar 04:00", "Tue 31 Mar 04:00", "Fri 01 May 04:00", "Sun 31 May 04:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("repeat", "members", "times"), SCHEDULES.values(), ids=SCHEDULES.keys())
def test_when_it_fires(repeat: str, members: dict[str, Any], times: list[str]) -> None:
    assert next_times(row_of(asked(repeat, **members)), len(times)) == times


@pytest.mark.parametrize(("repeat", "members", "times"), SCHEDULES.values(), ids=SCHEDULES.keys())
def test_it_is_read_back_as_it_was_said(repeat: str, members: dict[str, Any], times: list[str]) -> None:
    shown = schedule_of([row_of(asked(repeat, **members))], "", NOW)

    assert shown == shown | {"repeatSchedule": repeat} | members


@pytest.mark.parametrize("minutes", [0, 1, 7, 90])
def test_minutes_count_from_the_end_of_a_run(minutes: int) -> None:
    row = row_of(asked("MINUTELY", minutelyInterval=minutes))

    assert row.delay_seconds == minutes * 60
    assert row.start_at is not None
    assert (row.start_at - NOW).total_seconds() == minutes * 60
    shown = schedule_of([row], "", NOW)
    assert (shown["repeatSchedule"], shown["minutelyInterval"]) == ("MINUTELY", minutes)


def test_without_an_interval_it_is_every_minute() -> None:
    assert row_of(asked("MINUTELY")).delay_seconds == 60


@pytest.mark.parametrize(
    ("repeat", "members", "first"),
    [
        ("MINUTELY", {"minutelyInterval": 5}, "Tue 10 Mar 09:30"),
        ("HOURLY", {"hourlyInterval": 3, "scheduledMinute": 45}, "Tue 10 Mar 09:45"),
        ("HOURLY", {"hourlyInterval": 3, "scheduledMinute": 15}, "Tue 10 Mar 10:15"),
        ("DAILY", {"scheduledHour": 9, "scheduledMinute": 0}, "Wed 11 Mar 09:00"),
        ("MONTHLY", {"scheduledHour": 9, "scheduledMinute": 0, "scheduledDayOfMonth": 30}, "Mon 30 Mar 09:00"),
        ("MONTHLY", {"scheduledHour": 9, "scheduledMinute": 0, "scheduledDayOfMonth": 9}, "Thu 09 Apr 09:00"),
    ],
)
def test_nothing_fires_before_the_beginning(repeat: str, members: dict[str, Any], first: str) -> None:
    beginning = datetime(2026, 3, 10, 9, 30, tzinfo=PARIS)
    row = row_of(asked(repeat, startDate=int(beginning.timestamp() * 1000), **members))

    if repeat == "MINUTELY":
        assert row.start_at == beginning
    else:
        assert next_times(row, 1) == [first]


def test_on_demand_has_no_trigger() -> None:
    assert trigger_for(asked("ONDEMAND"), NOW, PARIS) is None
