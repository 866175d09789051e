"""The console command with settings from its environment, on a fresh database."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import wsgi
from app import cli
from tests.cli.console import Carillon, Done
from tests.databases import put_migrated

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import wsgi; wsgi.command()"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return put_migrated(tmp_path / "data")


@pytest.fixture
def carillon(data_dir: Path) -> Carillon:
    """The command with all that it does, in this process: to start one takes longer than most commands."""

    def run(*arguments: str, text: str = "", **given: str) -> Done:
        settings = {"CARILLON_DATA_DIR": str(data_dir), **given}
        done = CliRunner().invoke(_console, list(arguments), input=text, env=settings)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def process(data_dir: Path) -> Carillon:
    """The same in a process of its own."""

    def run(*arguments: str, text: str = "", **settings: str) -> Done:
        environment = {"PATH": os.environ["PATH"], "CARILLON_DATA_DIR": str(data_dir), **settings}
        command = [sys.executable, "-c", PROGRAM, *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, env=environment)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def _console(arguments: tuple[str, ...]) -> None:
    cli.main(wsgi.PARTS, arguments)
