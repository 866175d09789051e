"""Clock changes: what each policy does with a time that does not exist, and with one that comes twice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.schedule.cron import parse

BERLIN = ZoneInfo("Europe/Berlin")  # gap 02:00-03:00 on 29 March 2026, overlap 02:00-03:00 on 25 October
APIA = ZoneInfo("Pacific/Apia")  # 30 December 2011 does not exist
SAO_PAULO = ZoneInfo("America/Sao_Paulo")  # gap 00:00-01:00 on 4 November 2018
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour


def local_times(text, zone, day, **policies):
    """The fires on a local day, as local times with their offset hours."""
    expression = parse(text)
    instant = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC) - timedelta(seconds=1)
    found = []
    while (instant := expression.next_after(instant, zone, **policies)).astimezone(zone).date().isoformat() <= day:
        found.append(f"{instant.astimezone(zone):%H:%M%z}"[:8])
    return found


@pytest.mark.parametrize(
    ("text", "gap", "expected"),
    [
        ("0 30 2 * * ?", "next", ["03:00+02"]),
        ("0 30 2 * * ?", "skip", []),
        ("0 0 3 * * ?", "next", ["03:00+02"]),
        ("0 0,30 2 * * ?", "next", ["03:00+02"]),
        ("0 0 2,3 * * ?", "next", ["03:00+02"]),
        ("0 30 1,2,3 * * ?", "next", ["01:30+01", "03:00+02", "03:30+02"]),
        ("0 */30 1-3 * * ?", "next", ["01:00+01", "01:30+01", "03:00+02", "03:30+02"]),
        ("0 30 2-2 * * ?", "next", []),
        ("0 30 2/22 * * ?", "next", []),
    ],
)
def test_a_time_that_does_not_exist(text, gap, expected):
    assert local_times(text, BERLIN, "2026-03-29", gap=gap) == expected


@pytest.mark.parametrize(
    ("text", "overlap", "expected"),
    [
        ("0 30 2 * * ?", "interval", ["02:30+02"]),
        ("0 30 2 * * ?", "first", ["02:30+02"]),
        ("0 30 2 * * ?", "second", ["02:30+01"]),
        ("0 30 2 * * ?", "both", ["02:30+02", "02:30+01"]),
        ("0 0,30 1,2,3 * * ?", "interval", ["01:00+02", "01:30+02", "02:00+02", "02:30+02", "03:00+01", "03:30+01"]),
        ("0 */30 2 * * ?", "interval", ["02:00+02", "02:30+02", "02:00+01", "02:30+01"]),
        ("0 */30 2 * * ?", "second", ["02:00+01", "02:30+01"]),
        ("0 */30 2 * * ?", "first", ["02:00+02", "02:30+02"]),
        ("0 30 2-3 * * ?", "interval", ["02:30+02", "02:30+01", "03:30+01"]),
    ],
)
def test_a_time_that_comes_twice(text, overlap, expected):
    assert local_times(text, BERLIN, "2026-10-25", overlap=overlap) == expected


@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        ("0 30 2 * * ?", APIA, "2011-12-31", ["00:00+14", "02:30+14"]),
        ("0 0 0 30 12 ?", APIA, "2011-12-31", ["00:00+14"]),
        ("0 0 1 LW * ?", APIA, "2011-12-31", ["00:00+14"]),
        ("0 0 0 * * ?", SAO_PAULO, "2018-11-04", ["01:00-02"]),
        ("0 15 2 * * ?", LORD_HOWE, "2026-10-04", ["02:30+11"]),
        ("0 45 2 * * ?", LORD_HOWE, "2026-10-04", ["02:45+11"]),
    ],
)  # fmt: skip
def test_odd_gaps(text, zone, day, expected):
    assert local_times(text, zone, day) == expected


def test_by_default_a_fixed_time_fires_once_on_every_day_of_the_year():
    for zone in (BERLIN, SAO_PAULO, LORD_HOWE, ZoneInfo("America/New_York"), ZoneInfo("Africa/Casablanca")):
        for hour in range(24):
            expression, instant, fires = parse(f"0 30 {hour} * * ?"), datetime(2018, 1, 1, tzinfo=zone), 0
            while (instant := expression.next_after(instant, zone)) < datetime(2019, 1, 1, tzinfo=zone):
                fires += 1
            assert fires == 365, (zone, hour)


def test_a_restart_in_the_first_pass_does_not_lose_the_job_of_the_second():
    restarted = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)  # 02:40 for the first time

    fire = parse("0 30 2 * * ?").next_after(restarted, BERLIN, gap="skip", overlap="second")

    assert fire == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_fractions_of_a_second_do_not_hide_a_fire():
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    expression, tick = parse("0 0 12 * * ?"), timedelta(microseconds=1)

    assert expression.next_after(noon - tick, UTC) == noon
    assert expression.next_after(noon, UTC) == noon + timedelta(days=1)
    assert expression.previous_before(noon + tick, UTC) == noon
    assert expression.previous_before(noon, UTC) == noon - timedelta(days=1)


def test_the_ends_of_time():
    expression = parse("0 0 0 1 1 ?")

    assert expression.next_after(datetime.min.replace(tzinfo=UTC), BERLIN).year == 1969
    assert expression.next_after(datetime.max.replace(tzinfo=UTC), BERLIN) is None
    assert expression.previous_before(datetime.max.replace(tzinfo=UTC), UTC) == datetime(2199, 1, 1, tzinfo=UTC)
    assert expression.previous_before(datetime(1970, 1, 1, tzinfo=UTC), UTC) is None


def test_results_are_utc_and_a_time_without_zone_is_refused():
    assert parse("0 0 0 * * ?").next_after(datetime(2026, 1, 1, tzinfo=BERLIN), BERLIN).tzinfo is UTC
    with pytest.raises(ValueError, match="aware"):
        parse("0 0 0 * * ?").next_after(datetime(2026, 1, 1), BERLIN)  # noqa: DTZ001


@pytest.mark.parametrize("policies", [{"gap": "later"}, {"overlap": "last"}])
def test_an_unknown_policy_is_refused(policies):
    with pytest.raises(ValueError, match="must be one of"):
        parse("0 0 0 * * ?").next_after(datetime(2026, 1, 1, tzinfo=UTC), BERLIN, **policies)
