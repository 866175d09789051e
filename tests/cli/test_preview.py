"""carillon preview"""

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from app import cli
from app.cli import Parts
from config import Settings, SettingsError

SPRING = ["--zone", "Europe/Paris", "--from", "2026-03-28"]


@pytest.fixture
def run(tmp_path: Any) -> Any:
    """Run a command as the console does, exit codes included; there is no database and no need for one."""
    settings = Settings(data_dir=tmp_path, timezone="Asia/Tokyo")
    parts = Parts(lambda: settings, SettingsError, lambda services: None)

    @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def console(arguments: tuple[str, ...]) -> None:
        cli.main(parts, ["preview", *arguments])

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(console, list(arguments))

    return call


def test_words_fires_and_notes_are_shown(run: Any) -> None:
    done = run("30 2 * * *", "--dialect", "unix", *SPRING, "--count", "2")

    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "unix",
            "  At 02:30, every day",
            "  Sat 2026-03-28 02:30:00 CET   2026-03-28T01:30:00Z",
            "  Sun 2026-03-29 03:00:00 CEST  2026-03-29T01:00:00Z   "
            "02:30 does not exist on 29 March 2026: fires at 03:00",
        ],
    )


def test_auto_shows_every_reading_and_warns_where_they_differ(run: Any) -> None:
    lines = run("0 0 3 ? * 2", *SPRING, "--count", "1").stdout.splitlines()

    assert lines[0] == "Take care: Quartz and Spring read this differently. --dialect picks one."
    assert [line for line in lines if "every" in line] == ["  At 03:00, every Monday", "  At 03:00, every Tuesday"]
    assert [line[:16] for line in lines if line.startswith(("  Mon", "  Tue"))] == [
        "  Mon 2026-03-30", "  Tue 2026-03-31",
    ]  # fmt: skip


def test_dialects_that_agree_share_a_reading(run: Any) -> None:
    lines = run("0 0 3 ? * MON", *SPRING, "--count", "1").stdout.splitlines()

    assert lines[:2] == ["quartz, spring", "  At 03:00, every Monday"]
    assert "Take care" not in "".join(lines)


def test_json_is_one_object(run: Any) -> None:
    done = run("0 30 2 * * 1", *SPRING, "--count", "1", "--json")

    found = json.loads(done.stdout)
    assert found == {
        "expression": "0 30 2 * * 1",
        "zone": "Europe/Paris",
        "from": "2026-03-27T23:00:00Z",
        "dialect": "spring",
        "words": "At 02:30, every Monday",
        "fires": [{"at": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00+02:00", "note": None}],
        "warnings": found["readings"][0]["warnings"],
        "readings": [
            {"dialects": ["spring"], "words": found["words"], "fires": found["fires"], "warnings": found["warnings"]}
        ],
        "refused": found["refused"],
    }
    assert [warning["code"] for warning in found["warnings"]] == ["weekday_number"]
    assert [refused["dialect"] for refused in found["refused"]] == ["quartz", "unix"]


def test_the_zone_of_the_server_counts_when_none_is_given(run: Any) -> None:
    found = json.loads(run("0 0 3 * * ?", "--from", "2026-03-28", "--json").stdout)

    assert (found["zone"], found["fires"][0]["at"]) == ("Asia/Tokyo", "2026-03-27T18:00:00Z")


@pytest.mark.parametrize(
    ("arguments", "words", "place"),
    [
        (["0 0 25 * * ?"], "quartz says: hour: 25 is not between 0 and 23", 4),
        (["0 25 * * *"], "unix says: hour: 25 is not between 0 and 23", 2),
        (["0 0 3 ? * MON", "--dialect", "unix"], "did you mean '0 3 * * MON'?", 10),
        (["0 0 3 ? * FUNDAY", "--dialect", "quartz"], "day-of-week", 10),
        (["", "--dialect", "quartz"], "quartz says", 0),
        (["0 0 3 ? * \x1b[31m"], "unexpected character", 10),
    ],
)
def test_a_bad_expression_ends_with_2_and_a_mark_under_the_place(
    run: Any, arguments: list[str], words: str, place: int
) -> None:
    done = run(*arguments)

    shown, mark = done.stderr.rstrip("\n").split("\n")[-2:]
    assert done.exit_code == 2
    assert words in done.stderr
    assert (shown.strip(), mark) == (arguments[0].replace("\x1b", "\N{REPLACEMENT CHARACTER}"), f"  {' ' * place}^")


def test_a_long_bad_expression_is_cut_to_what_lies_around_the_place(run: Any) -> None:
    done = run(f"0 0 {'1,' * 200}99 * * ?", "--dialect", "quartz")

    shown, mark = done.stderr.rstrip("\n").split("\n")[-2:]
    assert len(shown) <= 102
    assert shown[mark.index("^") :].startswith("99 ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["0 0 3 * * ?", "--zone", "Mars/Base"],
        ["0 0 3 * * ?", "--from", "yesterday"],
        ["0 0 3 * * ?", "--from", "9999-12-31"],
        ["0 0 3 * * ?", "--count", "0"],
        ["0 0 3 * * ?", "--dialect", "klingon"],
        [],
    ],
)
def test_wrong_usage_ends_with_2(run: Any, arguments: list[str]) -> None:
    done = run(*arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "Error: " in done.stderr


def test_the_help_has_examples_that_work(run: Any) -> None:
    done = run("--help")
    examples = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("carillon preview '")]

    assert (done.exit_code, len(examples)) == (0, 3)
    for example in examples:
        expression, options = example.removeprefix("carillon preview '").split("'")
        assert run(expression, *options.split()).exit_code == 0
