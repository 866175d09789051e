"""carillon export and import in a terminal."""

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
