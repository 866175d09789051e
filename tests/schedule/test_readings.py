"""The dialect detector: what a text can mean, and what is easily misread."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.schedule.cron import parse
from app.schedule.readings import hints, readings

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def codes(text, dialect="quartz"):
    return [hint.code for hint in hints(parse(text, dialect))]


def test_every_dialect_gets_a_reading_with_fires_or_an_error():
    found = readings("0 0 3 ? * 2", NEW_YEAR, ZoneInfo("UTC"), count=2)

    assert [reading.dialect for reading in found.all] == ["quartz", "spring", "unix"]
    assert [[fire.day for fire in reading.fires] for reading in found.all] == [[5, 12], [6, 13], []]
    assert [reading.dialect for reading in found.possible] == ["quartz", "spring"]
    assert "5 fields" in found.all[2].error.message


def test_dialects_that_differ_are_told_once():
    assert [hint.code for hint in readings("0 0 3 ? * 2", NEW_YEAR).hints] == ["dialects_differ"]
    assert readings("0 0 3 ? * 2", NEW_YEAR).hints[0].message == "Quartz and Spring read this differently"
    assert readings("0 0 3 ? * MON", NEW_YEAR).hints == ()
    assert readings("nonsense", NEW_YEAR).hints == ()


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("0 0 3 ? * MON", "quartz", []),
        ("0 0 3 ? * 2", "quartz", ["weekday_number"]),
        ("0 0 3 ? * 2-6", "quartz", ["weekday_number"]),
        ("0 0 3 ? * MON#2", "quartz", []),
        ("0 0 3 ? * */2", "quartz", ["uneven_step"]),
        ("0 3 * * 1", "unix", ["weekday_number"]),
        ("@weekly", "unix", []),
        ("0 */7 * * * ?", "quartz", ["uneven_step"]),
        ("0 */15 */6 * * ?", "quartz", []),
        ("0 0 */5 * * ?", "quartz", ["uneven_step"]),
        ("0 0 0 */2 * ?", "quartz", ["uneven_step"]),
        ("0 3/7 * * * ?", "quartz", ["uneven_step"]),
        ("0 0-20/7 * * * ?", "quartz", []),
        ("*/70 * * * * *", "spring", ["step_too_long"]),
        ("* * * * * ?", "quartz", ["every_second"]),
        ("0 0 0 31 * ?", "quartz", ["not_every_month"]),
        ("0 0 0 1,30 * ?", "quartz", ["not_every_month"]),
        ("0 0 0 31 1,3 ?", "quartz", []),
        ("0 0 0 25-31 * ?", "quartz", []),
        ("0 0 0 30W * ?", "quartz", ["not_every_month"]),
        ("0 0 0 L-29 * ?", "quartz", ["not_every_month"]),
        ("0 0 0 ? * MON#5", "quartz", ["not_every_month"]),
        ("0 0 0 29 2 ?", "quartz", ["not_every_month"]),
        ("0 0 0 30 2 ?", "quartz", ["never_fires"]),
        ("0 0 0 13 * FRI", "spring", ["both_days"]),
        ("0 0 13 * FRI", "unix", ["either_day"]),
        ("0 0 */13 * FRI", "unix", ["uneven_step", "both_days"]),
    ],
)
def test_what_is_easily_misread_is_told(text, dialect, expected):
    assert codes(text, dialect) == expected


def test_hints_are_told_in_german_too():
    [hint] = hints(parse("0 0 3 ? * 2"), "de")

    assert hint.message.startswith("Wochentage als Zahlen: 1 ist Sonntag im Dialekt quartz, Montag in spring und unix")
