"""What a worker process has of its surroundings, and what it has not."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.adapters.warm_worker import NICENESS
from app.core.statuses import RunStatus
from tests.workers.harness import Bench, Watched, Witness, bench, process_executor


@pytest.fixture
def seen(tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CARILLON_ADMIN_PASSWORD", "canary")
    monkeypatch.setenv("PGAPPNAME", "kept")
    with bench(process_executor(tmp_path), tmp_path, witness) as workers:
        workers.submit("LOOK_AROUND")
        heard: dict[str, Any] = ast.literal_eval(witness.hear())
        return heard


def test_a_worker_has_its_two_sockets_and_nothing_else_open(seen: dict[str, Any]) -> None:
    beyond_standard = {number: target for number, target in seen["files"].items() if number > 2}

    assert len([target for target in beyond_standard.values() if target.startswith("socket:")]) == 2
    assert len(beyond_standard) == 2


def test_settings_of_the_server_are_not_in_the_environment(seen: dict[str, Any]) -> None:
    assert "canary" not in str(seen["environment"])
    assert seen["environment"]["PGAPPNAME"] == "kept"


def test_a_worker_is_in_a_session_of_its_own_with_default_signals_and_tight_permissions(seen: dict[str, Any]) -> None:
    assert seen["session"]
    assert seen["sigint"]
    assert seen["umask"] == 0o077


def test_a_worker_leaves_the_server_the_greater_share_of_the_processors(seen: dict[str, Any]) -> None:
    assert seen["niceness"] == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)


def test_a_run_does_not_pass_its_surroundings_on(tmp_path: Path, witness: Witness) -> None:
    with bench(process_executor(tmp_path, workers=1), tmp_path, witness) as workers:
        workers.run("MISPLACE")
        workers.submit("LOOK_AROUND")
        seen = ast.literal_eval(witness.hear())

    assert (seen["directory"], seen["umask"], seen["sigterm"]) == (os.getcwd(), 0o077, True)


def test_a_worker_that_has_used_much_memory_is_replaced(workers: Bench) -> None:
    wanted = workers.submit("USE_MUCH_MEMORY")
    watched = Watched(int(workers.witness.hear()))

    assert workers.end_of(wanted).status is RunStatus.SUCCEEDED

    assert not watched.alive()
    watched.close()


def test_a_worker_has_loaded_no_framework(seen: dict[str, Any]) -> None:
    assert seen["modules"] == []


def test_importing_the_worker_loads_no_framework() -> None:
    code = (
        "import sys, app.worker; print([m for m in ('flask','apscheduler','celery','sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_what_a_job_prints_and_logs_is_in_its_run(workers: Bench) -> None:
    ended = workers.run("SPEAK_PYTHON")

    assert [(line.level, line.message) for line in workers.listener.lines(ended.run_id)] == [
        ("info", "printed in two parts"),
        ("warning", "to stderr"),
        ("warning", "driver: logged 1"),
        ("info", "unended"),
    ]


def test_progress_is_told_once_a_second_at_most(workers: Bench) -> None:
    ended = workers.run("ADVANCE")

    assert len(workers.listener.progress(ended.run_id)) <= 2


def test_a_thousand_runs_are_quick(workers: Bench) -> None:
    """About 0.4 s; the limit is for a busy machine."""
    many = [workers.submit("NOOP") for _ in range(1000)]

    assert {workers.end_of(wanted, patience=20).status for wanted in many} == {RunStatus.SUCCEEDED}
