"""Which days an iCalendar file names."""

from datetime import UTC, date, datetime
from time import perf_counter

import pytest

from app.adapters.icalendar_file import read_days
from app.core.errors import InvalidError
from tests.web.v1.test_calendars import ics

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def days(*events: str, zone: str = "Europe/Paris", timed: str = "days") -> list[str]:
    return read_days(ics(*events), zone, NOW, timed).texts


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20260501", ["2026-05-01"]),
        ("DTSTART;VALUE=DATE:20260501\nDTEND;VALUE=DATE:20260503", ["2026-05-01", "2026-05-02"]),
        ("DTSTART;VALUE=DATE:20260501\nDURATION:P2D", ["2026-05-01", "2026-05-02"]),
        ("DTSTART;VALUE=DATE:20250501", []),
        ("DTSTART;VALUE=DATE:20260501\nSTATUS:CANCELLED", []),
        ("DTSTART;VALUE=DATE:20260501\nRDATE;VALUE=DATE:20260601,20260602", ["2026-05-01", "2026-06-01", "2026-06-02"]),
        ("DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20260502",
         ["2026-05-01", "2026-05-03"]),
        ("DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=WEEKLY;UNTIL=20260515", ["2026-05-01", "2026-05-08", "2026-05-15"]),
        ("DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=WEEKLY;UNTIL=20260508T000000Z", ["2026-05-01", "2026-05-08"]),
        ("DTSTART:20260501T223000Z\nDTEND:20260501T233000Z", ["2026-05-02"]),
        ("DTSTART:20260501T100000\nDTEND:20260501T110000", ["2026-05-01"]),
        ("DTSTART;TZID=America/New_York:20260501T190000\nDTEND;TZID=America/New_York:20260501T230000", ["2026-05-02"]),
        ("DTSTART:20260501T100000Z\nDTEND:20260501T220000Z", ["2026-05-01"]),
        ("DTSTART:20260501T100000Z", ["2026-05-01"]),
    ],
    ids=["one day", "several", "duration", "past", "cancelled", "extra days", "without one", "until a day",
         "until a moment", "utc", "floating", "another zone", "until midnight", "a moment"],
)  # fmt: skip
def test_events_become_days(event: str, expected: list[str]) -> None:
    assert days(event) == expected


def test_yearly_holidays_come_for_20_years() -> None:
    found = days(
        "DTSTART;VALUE=DATE:19901225\nRRULE:FREQ=YEARLY",
        "DTSTART;VALUE=DATE:20001123\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
    )

    assert len(found) == 40
    assert found[:2] + found[-2:] == ["2026-11-26", "2026-12-25", "2045-11-23", "2045-12-25"]


def test_an_occurrence_that_was_moved_is_taken_where_it_is_now() -> None:
    series = "UID:s\nDTSTART;VALUE=DATE:20260501\nRRULE:FREQ=MONTHLY;COUNT=3"
    moved = "UID:s\nRECURRENCE-ID;VALUE=DATE:20260601\nDTSTART;VALUE=DATE:20260603"
    cancelled = "UID:s\nRECURRENCE-ID;VALUE=DATE:20260701\nDTSTART;VALUE=DATE:20260701\nSTATUS:CANCELLED"

    assert days(series, moved, cancelled) == ["2026-05-01", "2026-06-03"]


def test_a_series_keeps_its_local_time_over_a_clock_change() -> None:
    """22:30 UTC in winter and 21:30 in summer are both 23:30 in Paris, on the same day."""
    event = "DTSTART;TZID=Europe/Paris:20260328T233000\nDTEND;TZID=Europe/Paris:20260328T234500\n"

    assert days(f"{event}RRULE:FREQ=DAILY;COUNT=3") == ["2026-03-28", "2026-03-29", "2026-03-30"]


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART:20260501T100000Z\nRRULE:FREQ=SECONDLY",
        "DTSTART:20260501T100000Z\nRRULE:FREQ=HOURLY",
        "DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=NEVER",
        "DTSTART;VALUE=DATE:20260501\nRRULE:COUNT=3",
        "DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=YEARLY;BYDAY=XX",
        "DTSTART;VALUE=DATE:20260501\nDTEND:20260502T100000Z",
        "DTSTART:tomorrow",
    ],
)
def test_what_cannot_be_read_is_refused(event: str) -> None:
    with pytest.raises(InvalidError):
        days(f"SUMMARY:odd\n{event}")


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART;VALUE=DATE:00010101\nDTEND;VALUE=DATE:99991231",
        "DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART:20260501T000000Z\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,10,20,30,40,50;BYSECOND=0,1,2,3,4",
    ],
)
def test_a_hostile_file_takes_no_long_time(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.icalendar_file.LONGEST_READING", 0.2)
    began = perf_counter()
    try:
        found = days(event)
    except InvalidError:
        found = []

    assert len(found) <= 7321
    assert perf_counter() - began < 3


def test_too_many_days_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.icalendar_file.MAX_DATES", 3)

    with pytest.raises(InvalidError, match="more than 3 days"):
        days("DTSTART;VALUE=DATE:20260501\nRRULE:FREQ=DAILY;COUNT=4")


def test_the_day_before_counts_for_zones_that_are_behind() -> None:
    assert read_days(ics("DTSTART;VALUE=DATE:20260301"), "UTC", NOW).dates == {date(2026, 3, 1)}
