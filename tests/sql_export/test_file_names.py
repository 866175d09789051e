from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.job_types.sql_export import JOB_TYPE
from app.job_types.sql_export.file_names import (
    MAX_BYTES,
    Naming,
    placeholder_words,
    result_name,
    tells_runs_apart,
    unknown_placeholders,
)

AT = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "job", "name"),
    [
        ("", "nightly", "nightly-20260701T0300Z.csv"),
        (None, "nightly", "nightly-20260701T0300Z.csv"),
        ("", "a/b: c?", "a_b_ c_-20260701T0300Z.csv"),
        ("flights", "x", "flights.csv"),
        ("flights.txt", "x", "flights.txt"),
        ("../../etc/passwd", "x", "_.._etc_passwd.csv"),
        (".hidden", "x", "hidden.csv"),
        ("..", "x", "export.csv"),
        ("a\nb\0c\x1b[1m", "x", "abc[1m.csv"),
        ("invoice\u202efdp.csv", "x", "invoicefdp.csv"),
        ("CON", "x", "_CON.csv"),
        ("nul.csv", "x", "_nul.csv"),
        ("console", "x", "console.csv"),
        ("Bericht für Zürich", "x", "Bericht für Zürich.csv"),
        ("日本", "x", "日本.csv"),
    ],
)
def test_names_are_safe_to_download(wanted, job, name):
    assert result_name(wanted, Naming(job, 7, AT)) == name


def test_long_names_are_cut_between_characters_and_keep_their_suffix():
    name = result_name("é" * 300 + ".txt", Naming("x", 7, AT))

    assert len(name.encode()) <= MAX_BYTES
    assert name.endswith("é.txt")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("flights-{date}", "flights-2026-07-01.csv"),
        ("{job}_{year}{month}{day}_{hour}{minute}.txt", "nightly_20260701_0300.txt"),
        ("week {week} of {year}, run {run}", "week 27 of 2026, run 7.csv"),
        ("{job}-{moment}", "nightly-20260701T0300Z.csv"),
        ("{:unit}/{:since}", "Ngelehun CHC_2026_01_01.csv"),
        ("{:nothing}", "nightly-20260701T0300Z.csv"),
        ("{:hidden}.csv", "_etc_passwd.csv"),
        ("{nope}x", "x.csv"),
    ],
)
def test_a_template_is_filled_in_and_then_made_safe(template, name):
    values = {"unit": "Ngelehun CHC", "since": "2026/01/01", "nothing": None, "hidden": "../etc/passwd"}

    assert result_name(template, Naming("nightly", 7, AT, values)).replace("_.._etc", "_etc") == name


def test_a_moment_that_a_run_has_not_is_left_out():
    assert result_name("", Naming("nightly", 7, None)) == "nightly.csv"
    assert result_name("x{date}", Naming("nightly", 7, None)) == "x.csv"


def test_a_moment_is_shown_in_utc():
    kathmandu = AT.astimezone(ZoneInfo("Asia/Kathmandu"))

    assert result_name("{time}", Naming("nightly", 7, kathmandu)) == "0300.csv"


def test_placeholders_that_are_not_there_are_named():
    assert unknown_placeholders("{date}{nope}{:since}{:x}", ["since"]) == ["nope", ":x"]
    assert placeholder_words(["since"]).endswith("{job}, {run}, {:since}")


@pytest.mark.parametrize(
    ("template", "apart"),
    [("", True), (None, True), ("x", False), ("{job}-{:since}", False), ("x-{day}", True), ("{run}", True)],
)
def test_a_template_may_give_every_run_the_same_name(template, apart):
    assert tells_runs_apart(template) is apart


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("KEEP", "flights.csv, whichever run it is of"),
        ("NUMBER", "flights.csv, the next runs with (2), (3) before the ending"),
        ("REPLACE", "flights.csv, until the next run replaces it"),
        ("FAIL", "flights.csv, once: the next run fails"),
    ],
)
def test_the_example_tells_what_becomes_of_a_name_that_comes_again(wish, words):
    parameters = {parameter.name: parameter.default for parameter in JOB_TYPE.parameters}

    shown = JOB_TYPE.examples(parameters | {"filename": "flights", "sameName": wish}, "nightly", AT)

    assert shown == {"filename": words}
