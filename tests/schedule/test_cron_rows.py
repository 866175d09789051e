"""The fire times that real Quartz 2.3.2 and Spring 5.3 gave, row by row."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.schedule.cron import CronSyntaxError, parse

DATA = Path(__file__).parents[1] / "data"


def rows(name, *kinds):
    with gzip.open(DATA / name, "rt") as file:
        return [row for row in map(json.loads, file) if row["kind"] in kinds]


def fires(expression, start, zone, count, **policies):
    """The epochs of the next fires."""
    found = []
    while len(found) < count and (start := expression.next_after(start, zone, **policies)) is not None:
        found.append(int(start.timestamp()))
    return found


def fires_backwards(expression, end, zone, count, **policies):
    found = []
    while len(found) < count and (end := expression.previous_before(end, zone, **policies)) is not None:
        found.append(int(end.timestamp()))
    return found[::-1]


def is_accepted(text, dialect):
    try:
        return bool(parse(text, dialect))
    except CronSyntaxError:
        return False


# Which column of a row counts under which overlap policy; Carillon prefers the documented answer to Quartz's slips.
EXPECTED = {
    "second": ("alt_overlap_second_realtime", "documented", "next"),
    "first": ("alt_overlap_first", "documented", "next"),
    "both": ("alt_overlap_both", "documented", "next"),
}


def expected(row, overlap):
    return next(row[column] for column in EXPECTED[overlap] if column in row)


@pytest.mark.parametrize("overlap", EXPECTED)
def test_every_row_of_quartz_is_right(overlap):
    wrong = []
    for row in rows("cron_quartz.jsonl.gz", "next", "near_miss_valid"):
        start = datetime.fromtimestamp(row["start_epoch"], UTC)
        got = fires(parse(row["expr"]), start, ZoneInfo(row["zone"]), row["n"], gap="skip", overlap=overlap)
        if got != expected(row, overlap):
            wrong.append((row["id"], row["expr"], got))

    assert wrong == []


@pytest.mark.parametrize("overlap", EXPECTED)
def test_every_row_of_quartz_is_right_backwards(overlap):
    wrong = []
    for row in rows("cron_quartz.jsonl.gz", "next"):
        wanted = expected(row, overlap)
        if not wanted:
            continue
        last = datetime.fromtimestamp(wanted[-1] + 1, UTC)
        policies = {"gap": "skip", "overlap": overlap}
        if fires_backwards(parse(row["expr"]), last, ZoneInfo(row["zone"]), len(wanted), **policies) != wanted:
            wrong.append((row["id"], row["expr"]))

    assert wrong == []


def test_every_invalid_row_of_quartz_is_refused():
    accepted = [row["expr"] for row in rows("cron_quartz.jsonl.gz", "invalid") if is_accepted(row["expr"], "quartz")]

    assert accepted == []


# Two quirks of Spring that nobody should rely on: it reads a sixth Friday, and takes the first Wednesday of the next
# month for a fifth that the month does not have.
SPRING_QUIRKS = ("0 0 0 ? * 5#6", "0 0 0 ? * 3#5")


@pytest.mark.parametrize(
    "row",
    [row for row in rows("cron_spring.jsonl.gz", "next") if row["expr"] not in SPRING_QUIRKS],
    ids=lambda row: f"{row['expr']} {row['zone']} {row['after']}",
)
def test_a_row_of_spring_is_right(row):
    zone = ZoneInfo(row["zone"])
    start = datetime.fromisoformat(row["after"]).replace(tzinfo=zone)
    wanted = [int(datetime.fromisoformat(text).timestamp()) for text in row["next"] if text is not None]

    assert fires(parse(row["expr"], "spring"), start, zone, len(row["next"]), gap="skip", overlap="both") == wanted


@pytest.mark.parametrize(
    "row",
    [row for row in rows("cron_spring.jsonl.gz", "parse") if row["expr"] not in SPRING_QUIRKS],
    ids=lambda row: row["expr"],
)
def test_spring_and_carillon_accept_the_same_texts(row):
    assert is_accepted(row["expr"], "spring") == row["valid"]
