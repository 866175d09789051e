"""carillon export and import in a terminal."""

from pathlib import Path

import pytest

from app.adapters.leases import FileLease
from app.core.definitions import importing
from tests.cli.console import Carillon

POOL = "carillon: 1\npools:\n- name: warehouse\n  places: 2\n"


def test_definitions_go_out_and_in(carillon: Carillon) -> None:
    tried = carillon("import", "-", "--dry-run", text=POOL)
    done = carillon("import", "-", text=POOL)
    shown = carillon("export")
    wrong = carillon("import", "-", text=POOL.replace("2", "many"))

    assert tried.stdout == ("created pool 'warehouse'\nNothing was changed (dry run): changed 1, unchanged 0.\n")
    assert done.stdout == "created pool 'warehouse'\nDone: changed 1, unchanged 0.\n"
    assert shown.stdout.endswith("carillon: 1\n\npools:\n- name: warehouse\n  places: 2\n")
    assert (wrong.returncode, wrong.stderr) == (
        1, "pools.0.places: must be a whole number (line 4)\nNothing was changed.\n",
    )  # fmt: skip


def test_beside_a_running_server_an_import_may_not_take_long(
    carillon: Carillon, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LONGEST", 0.0)
    server = FileLease(data_dir / "carillon.db.lock")
    assert server.acquire()

    beside = carillon("import", "-", text=POOL)
    server.release()
    alone = carillon("import", "-", text=POOL)

    assert (beside.returncode, "takes longer than" in beside.stderr) == (1, True)
    assert (alone.returncode, alone.stdout[:7]) == (0, "created")
