"""Definitions as YAML: out and in again without a change, and what an import would change is what it changes."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.adapters import yaml_file
from app.bootstrap import Services, build
from app.core.calendars import CalendarSpec
from app.core.definitions.importing import Plan
from app.core.errors import InvalidError
from app.core.policies import Policies
from app.core.queues import QueueSpec, StepSpec
from app.core.retries import RetryPolicy
from app.core.statuses import CalendarKind, OnFailure, OverlapRule, TriggerKind
from app.core.triggers import TriggerSpec, cron
from config import Settings
from tests.core.conftest import MakeJob
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

NIGHTLY = cron("0 0 3 * * ?", "Europe/Paris")


@pytest.fixture
def filled(services: Services, make_job: MakeJob, clock: FakeClock) -> Services:
    services.pools.create("warehouse", 2)
    services.connections.save("clinic", "postgresql://reader@db.example/clinic", "a password", max_runs=3)
    services.calendars.save(CalendarSpec("z base", CalendarKind.WEEKLY, "UTC", {"weekdays": ["SUN"]}))
    services.calendars.save(CalendarSpec("holidays", CalendarKind.WEEKLY, "UTC", {"weekdays": ["SAT"]}, "z base"))
    make_job(
        replace(NIGHTLY, calendar="holidays", misfire="do_nothing"),
        TriggerSpec(TriggerKind.DAILY_INTERVAL, "UTC", every_seconds=600, from_time="08:00", to_time="17:30"),
        TriggerSpec(TriggerKind.ONCE, "UTC", start_at=clock().replace(year=2027)),
        name="nightly",
        description="two lines\nand “ü”, 1e3, on: yes",
        policies=Policies(overlap=OverlapRule.QUEUE, pool="warehouse", retry=RetryPolicy(3)),
    )
    make_job(name="off", enabled=False, group="1e3")
    steps = [make_job(NIGHTLY, name=name) for name in ("first", "second")]
    services.queues.create(
        QueueSpec(
            "chain",
            [cron("0 30 4 * * ?", "UTC")],
            [StepSpec(steps[0].uid, OnFailure.CONTINUE), StepSpec(steps[1].uid)],
        ),
        "ada",
    )
    return services


def exported(services: Services) -> str:
    return yaml_file.write(services.definitions.export())


def imported(services: Services, words: str, **options: Any) -> Plan:
    document, lines = yaml_file.read(words.encode())
    try:
        return services.definitions.apply(document, "ada", **options)
    except InvalidError as error:
        raise yaml_file.located(error, lines) from None


def test_what_goes_out_comes_in_without_a_change(filled: Services) -> None:
    before = exported(filled)

    plan = imported(filled, before, prune=True)

    assert (plan.changes, plan.left_alone, plan.fires) == ([], [], [])
    assert plan.unchanged == 9
    assert exported(filled) == before
    assert [job.version for job in filled.jobs.list()] == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_another_house_becomes_the_same(
    filled: Services, tmp_path: Path, clock: FakeClock, kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("empty_postgresql_url") if kind == "postgresql" else ""
    settings = Settings(data_dir=put_migrated(tmp_path / "elsewhere"), database_url=url)
    elsewhere = build(settings, now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher())
    words = exported(filled)

    with pytest.raises(InvalidError):
        imported(elsewhere, words + "- {name: q, steps: [{job: nix}, {job: nix}]}\n")
    assert exported(elsewhere).strip().endswith("carillon: 1")
    plan = imported(elsewhere, words)

    assert exported(elsewhere) == words
    assert {change.what for change in plan.changes} == {"created"}
    assert plan.notes == ["connection 'clinic' has no password here: enter it if it needs one"]
    assert not elsewhere.connections.get("clinic").has_password
    elsewhere.db.dispose()


def test_it_is_for_people(filled: Services) -> None:
    words = exported(filled)

    assert "  # At 03:00" in words or "  # Every day at 03:00" in words, words
    assert "a password" not in words
    assert "    kind: cron" not in words
    assert words.index("- name: z base") < words.index("- name: holidays")
    assert "  description: |-\n    two lines\n" in words


def test_a_dry_run_says_what_the_import_does_and_changes_nothing(filled: Services) -> None:
    before = exported(filled)
    changed = before.replace("places: 2", "places: 5").replace("0 0 3 * * ?", "0 0 4 * * ?")
    assert changed != before

    tried = imported(filled, changed, dry_run=True)
    assert exported(filled) == before
    done = imported(filled, changed)

    assert (tried.changes, tried.fires, tried.done) == (done.changes, done.fires, False)
    assert done.done
    pool, *jobs = done.changes
    assert [job.name for job in jobs] == ["first", "nightly", "second"]
    assert (pool.kind, pool.name, pool.what, pool.fields) == ("pools", "warehouse", "changed", [("places", 2, 5)])
    assert ("triggers.0.expression", "0 0 3 * * ?", "0 0 4 * * ?") in jobs[0].fields
    [fires] = done.fires
    assert fires.name == "nightly"
    assert fires.added == fires.removed > 0  # an hour later each day, and still not at weekends
    assert {at.weekday() for at in fires.first_added} <= {0, 1, 2, 3, 4}


def test_a_calendar_that_changes_takes_fires_out(filled: Services) -> None:
    changed = exported(filled).replace("- SAT", "- SAT\n    - WED")

    [fires] = imported(filled, changed, dry_run=True).fires

    assert (fires.name, fires.added, fires.removed) == ("nightly", 0, 1)


def test_what_the_file_does_not_name_is_left_alone_unless_pruned(filled: Services) -> None:
    small = "carillon: 1\njobs:\n- name: only\n  type: NOTHING\nqueues: []\n"

    tried = imported(filled, small, dry_run=True)
    pruned = imported(filled, small, prune=True)

    assert ("jobs", "nightly") in tried.left_alone
    assert {change.name for change in pruned.changes if change.what == "removed"} == {
        "nightly", "off", "first", "second", "chain",
    }  # fmt: skip
    assert [job.name for job in filled.jobs.list()] == ["only"]
    assert [pool.name for pool in filled.pools.list()] == ["warehouse"]  # a kind that is not in the file


def test_one_error_and_nothing_happens_and_all_are_told_with_their_lines(filled: Services) -> None:
    before = exported(filled)
    wrong = """\
carillon: 1
pools:
- {name: new, places: 3}
jobs:
- name: fine
  type: NOTHING
- name: broken
  type: NOTHING
  triggers:
  - kind: cron
    expression: nonsense
  - kind: simple
    every_seconds: 08:00
- name: unknown type
  type: NOPE
- name: nightly
  type: NOTHING
  colour: blue
"""
    with pytest.raises(InvalidError) as first:
        imported(filled, wrong)
    found = {each.field: each.message for each in first.value.errors}
    assert found.keys() == {"jobs.1.triggers.1.every_seconds", "jobs.3.colour"}
    assert found["jobs.1.triggers.1.every_seconds"].endswith("(line 13)")
    with pytest.raises(InvalidError) as second:
        imported(filled, wrong.replace("08:00", "600").replace("  colour: blue\n", ""))
    assert {each.field: each.message[-9:] for each in second.value.errors} == {
        "jobs.1.triggers.0.expression": "(line 11)",
        "jobs.2.type": "(line 15)",
    }
    assert exported(filled) == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("a: &x [1]\nb: *x\n", "line 1: anchors"),
        ("carillon: 1\ncarillon: 1\n", "line 2: 'carillon' is there twice"),
        ("[" * 100 + "]" * 100, "too deep"),
        ("carillon: [1\n", "line 2"),
        ("carillon: 1\njobs: 3\n", "jobs: must be a list"),
        ("", "must be an object"),
        ("carillon: 7\n", "reads format 1"),
        ("pools: []\n", "carillon: is required"),
        ("carillon: 1\npools:\n- {name: a, places: 1}\n- {name: a, places: 2}\n", "twice"),
        ("carillon: 1\njobs:\n- {name: a, type: NOTHING, policies: {retry: {count: -1}}}\n", r"policies\.retry\.count"),
        ("carillon: 1\nqueues:\n- {name: q, steps: [{job: none}, {job: nix}]}\n", r"queues\.0\.steps\.0\.job"),
        ("carillon: 1\ncalendars:\n- {name: a, kind: weekly, content: {weekdays: [SUN]}, base: a}\n", "calendar"),
        ("carillon: 1\njobs: [{name: !!python/object:os.system x, type: NOTHING, enabled: yes}]\n", "true or false"),
        ("\x00", "control characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_words(services: Services, words: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        imported(services, words)


def test_a_file_that_is_no_text_or_too_large_is_refused() -> None:
    for data, why in ((b"\xff\xfe", "no UTF-8"), (b"#" * 10_000_001, "more than 10 MB")):
        with pytest.raises(InvalidError, match=why):
            yaml_file.read(data)


def test_a_number_that_no_database_keeps_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidError, match="line 2: the number is too large"):
        yaml_file.read(b"a: 1\nb: 1e999\n")


def test_a_long_name_above_many_values_does_not_fill_the_memory() -> None:
    """Each value has a place, and the name stands in all of them: a megabyte would become many gigabytes."""
    with pytest.raises(InvalidError, match="names are too long"):
        yaml_file.read(b"? " + b"n" * 100_000 + b"\n: [" + b"1," * 2000 + b"]")


def test_an_import_that_would_keep_jobs_from_starting_is_taken_back(services: Services) -> None:
    """Given a clock that says a second more at each look, an import of twenty pools takes twenty seconds."""
    services.definitions.monotonic = itertools.count().__next__
    words = "carillon: 1\npools:\n" + "".join(f"- {{name: p{number}, places: 1}}\n" for number in range(20))

    with pytest.raises(InvalidError, match="file: takes longer than 10 s, and no job starts meanwhile"):
        imported(services, words, seconds=10)

    assert services.pools.list() == []
    assert len(imported(services, words, seconds=30).changes) == 20


def test_blanks_around_the_name_of_a_job_are_no_part_of_it(services: Services) -> None:
    words = "carillon: 1\njobs:\n- {name: ' first ', type: NOTHING}\n- {name: second, type: NOTHING}\n"
    words += "queues:\n- {name: 'both ', steps: [{job: 'first '}, {job: second}]}\n"

    imported(services, words)

    assert {job.name for job in services.jobs.list()} >= {"first", "second"}
    assert imported(services, words).changes == []


TEXTS = ["1e3", "on", "08:00", "null", "", "~", "true", "012", "-1", "1.5", " x ", "a: b", "#", "x\n", "\n", "a\n b\n"]
TEXTS += ["ü\t", "2026-01-01", "line\u2028sep", "\x85", "- x", "é" * 3000, "a \nb", "\ta\nb", "a\r\nb"]


@pytest.mark.parametrize("value", TEXTS)
def test_texts_stay_texts(value: str) -> None:
    document = {"carillon": 1, "pools": [{"name": value}]}

    read, _ = yaml_file.read(yaml_file.write(document).encode())

    assert read == document


def test_a_queue_that_loses_a_job_leaves_it_as_the_file_says(filled: Services) -> None:
    words = exported(filled)
    changed = words.replace("- job: second\n", "- job: nightly\n")

    plan = imported(filled, changed)

    assert filled.jobs.get_by_name("second").enabled
    assert {(change.kind, change.name) for change in plan.changes} == {("queues", "chain")}


def test_a_reader_sees_all_of_an_import_or_nothing(filled: Services) -> None:
    """The use cases within are one transaction: the last one fails, and the first one was never there."""
    small = "carillon: 1\npools:\n- {name: early, places: 1}\nqueues:\n- {name: q, steps: [{job: nix}, {job: nix}]}\n"

    with pytest.raises(InvalidError):
        imported(filled, small)

    with filled.db.reading() as session:
        assert session.execute(text("SELECT count(*) FROM pool WHERE name = 'early'")).scalar() == 0
    imported(filled, "carillon: 1\npools:\n- {name: late, places: 1}\n")  # the writer is free again
