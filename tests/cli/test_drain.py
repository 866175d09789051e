"""carillon drain and plan-stop"""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from app import cli
from app.bootstrap import build
from app.cli import Parts
from app.core.job_types import JobTypes
from app.core.jobs import JobSpec
from app.core.triggers import cron
from config import Settings, SettingsError
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeExecutor, PlainHasher


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=put_migrated(tmp_path / "data"))


@pytest.fixture
def run(settings: Settings) -> Any:
    parts = Parts(lambda: settings, SettingsError, lambda services: None)

    @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def console(arguments: tuple[str, ...]) -> None:
        cli.main(parts, arguments)

    return lambda *arguments: CliRunner().invoke(console, list(arguments))


def a_job_that_runs(settings: Settings) -> None:
    built = build(settings, executor=FakeExecutor(), types=JobTypes(TYPES), hasher=PlainHasher())
    job = built.jobs.create(JobSpec("nightly", "NOTHING", triggers=[cron("0 0/5 * * * ?", "UTC")]), by=None)
    built.runs.request(job.uid, None)
    built.engine.dispatch()
    built.keeper.lease.release()
    built.db.dispose()


def test_it_is_safe_to_stop_what_does_not_run(run: Any) -> None:
    done: Result = run("drain", "--for", "20m")

    assert done.exit_code == 0, done.output
    assert "Nothing runs: the server can be stopped." in done.output
    assert run("drain", "--for", "20m").exit_code == 1  # it goes on
    assert run("drain", "--end").exit_code == 0
    assert run("drain", "--for", "soon").exit_code == 2


def test_when_the_time_is_over_it_says_what_still_runs(run: Any, settings: Settings) -> None:
    a_job_that_runs(settings)

    done: Result = run("drain", "--for", "20m", "--wait", "1s")

    assert done.exit_code == 1
    assert "run 1 of 'nightly', begun" in done.output
    assert "The drain is lifted." in done.output


def test_a_stop_is_planned_in_the_terminal(run: Any, settings: Settings) -> None:
    a_job_that_runs(settings)

    done: Result = run("plan-stop", "--from", "14:00", "--to", "14:20")

    assert done.exit_code == 0, done.output
    assert "would miss 4 starts" in done.output
    assert "Quieter times of the same length:" in done.output
    assert run("plan-stop", "--from", "noon", "--to", "14:20").exit_code == 2
